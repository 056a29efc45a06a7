"""One run from target to last event: starts the world and the product, plays the rounds, runs the checks.

It decides nothing about verdicts and knows no reporter: whatever happens ends as an event, and `conformance.results`
folds the events. Only this module turns trouble into events.
"""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from conformance.adapters.base import OperatorAway, ProductUnreachable
from conformance.adapters.desk import FOLDER as ATTACHED
from conformance.adapters.desk import JOURNAL
from conformance.catalogue import load_catalogue
from conformance.engine import resume
from conformance.engine.activity import Activity
from conformance.engine.ahead import Ahead
from conformance.engine.container import Container
from conformance.engine.driver import Driver, now
from conformance.engine.handover import handover_of
from conformance.engine.judge import Judge
from conformance.engine.masking import Masker, hide_late, hide_pulls, hide_screens
from conformance.engine.preparing import everybody, populate, preflight
from conformance.engine.processes import Children, Guard, StartProblem, clean_environment
from conformance.engine.product import PAGE_FILE, Surroundings, open_adapter
from conformance.engine.registers import write_registers
from conformance.engine.rounds import Rounds
from conformance.engine.screen import ScreenReader
from conformance.engine.scrub import scrub
from conformance.engine.secrets import Redactor
from conformance.engine.settings import Keys, ProductSettings, address, expand, secrets_to_set, start_clock
from conformance.engine.tape import AdapterTape
from conformance.engine.warnings import about_the_run
from conformance.events import (
    ChecksFinished,
    EventLog,
    Listener,
    RunFinished,
    RunInterrupted,
    RunStarted,
    RunTrouble,
    RunWarning,
    StepStarted,
    read_events,
)
from conformance.evidence.manifest import suite_digest
from conformance.plan import Challenge, Plan
from conformance.planner import carried_cases, inexpressible, make_plan, to_carry
from conformance.quick import narrowed
from conformance.sentence import both
from conformance.target import Start, Target, TargetError, load_target, with_image, with_seed
from conformance.visible import visible
from fixtures.outline import FICTIONAL_DANTAI_CODE, WORLD_VERSION, core_systems_with
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from mock_services.config import CoreConfig, DownloadConfig, Endpoints, Ports, WorldConfig
from mock_services.control import WorldClient

if TYPE_CHECKING:
    from fixtures.world import World

JST = timezone(timedelta(hours=9))
ModuleCommand = Callable[..., list[str]]
"""How a module of ours is started as a process: ``module_command("mock_services.serve", "--config", "x")``."""

CHECKS_LIMIT_SECONDS = 600
MOST_TROUBLE = 2000
"""Characters of a trouble that are kept: a product's own words may be part of it."""
WORLD_FILE = "world.json"
"""Configuration of the simulated world; holds the run's secrets, readable by its owner only, gone at the end."""


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


@dataclass(frozen=True)
class Options:
    """What the command line adds to the target. ``relay_command`` starts the 連携サーバ, ``{config}`` is its file.

    ``product_env`` is asked when the product is about to start: it may wait for what the product needs (its database).
    ``world_ahead`` is a simulated world that has loaded already and waits for its configuration.
    """

    module_command: ModuleCommand
    relay_command: tuple[str, ...]
    select: tuple[str, ...] = ()
    fail_fast: bool = False
    workers: int = 0
    seed: int | None = None
    reference_date: date | None = None
    mutant: str = ""
    challenge: Challenge | None = None
    resume: Path | None = None
    image: str = ""
    quick: bool = False
    product_env: Callable[[], Mapping[str, str]] = dict
    world_ahead: Ahead | None = None


def today() -> date:
    return datetime.now(JST).date()


def new_run_id(role: str) -> str:
    return f"{datetime.now(JST):%Y%m%d-%H%M%S}-{role}-{secrets.token_hex(2)}"


def execute(target_file: Path, run_dir: Path, options: Options, listeners: Sequence[Listener] = ()) -> None:
    """Carries out one run; everything that can be said about it is in ``run_dir/events.ndjson`` afterwards.

    Never raises for trouble of product, configuration or harness: each ends as an event.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    log = EventLog(run_dir / "events.ndjson", tuple(listeners))
    started = time.monotonic()
    try:
        with _signals():
            _Run(target_file, run_dir, options, log).go()
    except Interrupted as error:
        log.emit(RunInterrupted(at=now(), signal=error.name))
    except OperatorAway as error:
        log.emit(RunInterrupted(at=now(), signal=str(error)))
    except (TargetError, SpecError) as error:
        log.emit(_trouble("configuration", error))
    except ProductUnreachable as error:
        log.emit(_trouble("configuration", error))
    except StartProblem as error:
        log.emit(_trouble("configuration" if error.configuration else "harness", error))
    except Exception as error:
        log.emit(
            RunTrouble(
                at=now(),
                kind="harness",
                ja=visible(f"試験側の誤りで続けられません: {type(error).__name__}: {error}"),
                en=visible(f"harness error: {type(error).__name__}: {error}"),
                detail=visible(traceback.format_exc()),
            )
        )
    else:
        log.emit(RunFinished(at=now(), seconds=time.monotonic() - started))
    finally:
        log.close()


def note_interruption(run_dir: Path) -> None:
    """Puts on record that the run was interrupted while nothing of `execute` was under way."""
    log = EventLog(run_dir / "events.ndjson")
    log.emit(RunInterrupted(at=now(), signal="SIGINT/SIGTERM"))
    log.close()


def _trouble(kind: str, error: Exception) -> RunTrouble:
    ja, en = both(error)
    cut = {"ja": visible(ja)[:MOST_TROUBLE], "en": visible(en)[:MOST_TROUBLE]}
    return RunTrouble.model_validate({"at": now(), "kind": kind, **cut})


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM become an exception, so that children are stopped and the run is reported as interrupted."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    def __init__(self, target_file: Path, run_dir: Path, options: Options, log: EventLog) -> None:
        self._file, self._dir, self._options, self._log = target_file, run_dir, options, log
        self._town: Masker | None = None
        self._container: Container | None = None

    def go(self) -> None:
        target = with_seed(with_image(load_target(self._file), self._options.image), self._options.seed)
        overlay = self._file.parent / target.profile.overlay if target.profile.overlay else None
        profile = load_profile(target.profile.name, overlay)
        earlier = resume.earlier_plan(self._options.resume) if self._options.resume else None
        if earlier is not None:
            target = with_seed(target, earlier.seed)
        reference = earlier.reference_date if earlier else self._options.reference_date or today()
        carried = to_carry(target)

        @cache
        def world() -> World:
            """The people and their applications are made when they are asked for: while the product starts."""
            from fixtures.world import World

            return World(seed=target.run.seed, reference_date=reference, profile=profile, carried=carried)

        plan = make_plan(
            run_id=self._dir.name,
            target=target,
            profile=profile,
            world_version=WORLD_VERSION,
            reference_date=reference,
            select=self._options.select,
            mutant=self._options.mutant,
            started_by=f"{getpass.getuser()}@{socket.gethostname()}",
            today=today(),
            beyond=inexpressible(world(), target.role) if overlay else None,
            carried=carried_cases(world(), target) if carried else ((), {}),
        ).model_copy(update={"suite_sha256": suite_digest(), "challenge": self._options.challenge})
        if earlier is not None:
            resume.same_run(earlier, plan)
        if self._options.quick:
            plan = narrowed(plan)
        if target.start is None:
            for field in ("control", "handover", "screen"):
                if url := getattr(target.endpoints, field):
                    address(url, {"receipt_no": "{receipt_no}"}, f"endpoints.{field}")
        (self._dir / "plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        (self._dir / "records").mkdir(exist_ok=True)
        self._log.emit(RunStarted(at=now(), plan=plan))
        keys = Keys.of(target.credentials, core_systems_with(carried), secrets_to_set(target, plan.run_id))
        try:
            with Guard(self._dir, keys.all(), [self._dir / WORLD_FILE]) as guard, self._judge(plan) as judge:
                with Children(self._dir, guard) as children:
                    self._play(target, world, plan, keys, children, overlay, judge)
                    judge.go()  # the bodies run while the children stop
                self._take_over(judge)
            hide_screens(self._dir)
            if self._town is not None:
                hide_pulls(self._dir, self._town)
        finally:
            if self._container is not None:
                self._container.stop()
            scrub(self._dir, keys.all(), remove=[self._dir / WORLD_FILE, self._dir / PAGE_FILE])

    def _play(
        self,
        target: Target,
        world: Callable[[], World],
        plan: Plan,
        keys: Keys,
        children: Children,
        overlay: Path | None,
        judge: Judge,
    ) -> None:
        endpoints = self._start_world(target, keys, children, overlay, plan)
        settings = ProductSettings.of(endpoints, target, keys, FICTIONAL_DANTAI_CODE, plan, self._dir, overlay)
        (self._dir / "product-settings.json").write_text(
            settings.model_dump_json(indent=1, exclude={"secrets"}), encoding="utf-8"
        )
        with WorldClient(endpoints.control_url) as client:
            self._start_product(target, settings, children)
            self._rounds(target, world(), plan, keys, children, judge, endpoints, settings, client)

    def _rounds(
        self,
        target: Target,
        world: World,
        plan: Plan,
        keys: Keys,
        children: Children,
        judge: Judge,
        endpoints: Endpoints,
        settings: ProductSettings,
        client: WorldClient,
    ) -> None:
        # while the product starts:
        self._log.emit(write_registers(world, self._dir, now()))
        populate(client, world)
        redact = Redactor(keys.all())
        masker = self._town = everybody(world, plan, show=target.run.show_free_text)
        tape, activity = AdapterTape(redact, masker), Activity(client)
        ready = self._product_ready(target, settings, children)
        adapter = open_adapter(
            target,
            Surroundings(
                folder=self._file.parent,
                run_dir=self._dir,
                ready=ready,
                values=settings.values(),
                token=keys.control_token,
                tape=tape,
                tell=self._tell,
                watch=activity,
            ),
        )
        screen = (
            ScreenReader(
                address(target.endpoints.screen, {**ready, "receipt_no": "{receipt_no}"}, "endpoints.screen"),
                keys.screen,
                target.adapter.call_timeout_seconds,
            )
            if target.endpoints.screen
            else None
        )
        try:
            kept = resume.kept_rounds(self._options.resume, plan)
            if self._options.resume is not None:
                resume.keep_attached(self._options.resume, self._dir, (JOURNAL, ATTACHED))
            begun = preflight(adapter, target, plan, kept.keys(), world)
            judge.load()
            driver = Driver(
                plan=plan,
                catalogue=load_catalogue(plan.role),
                world=world,
                client=client,
                adapter=adapter,
                tape=tape,
                screen=screen,
                handover=handover_of(
                    target,
                    self._file.parent,
                    settings,
                    ready,
                    world,
                    client,
                    keys.handover,
                    self._options.product_env(),
                ),
                relay_address=endpoints.relay_source,
                fqdn=target.world.fqdn,
                redact=redact,
                masker=masker,
                emit=self._log.emit,
                activity=activity,
                waits=target.adapter.trigger == "poll",
            )
            rounds = Rounds(driver, plan, self._dir, kept, begun)
            rounds.play(target.run.procedures, self._judging(plan), self._warn)
            hide_late(self._dir, masker)
            for warning in about_the_run(self._dir, tape, masker, client.strangers()):
                self._log.emit(RunWarning(at=now(), ja=warning.ja, en=warning.en, calls=warning.calls))
        finally:
            adapter.close()
            if screen is not None:
                screen.close()

    def _start_world(
        self,
        target: Target,
        keys: Keys,
        children: Children,
        overlay: Path | None,
        plan: Plan,
    ) -> Endpoints:
        ports = target.world.ports
        config = WorldConfig(
            run_dir=self._dir,
            ca_folder=self._file.parent.resolve() / target.world.ca_folder if target.start is None else None,
            profile=target.profile.name,
            overlay=overlay,
            dantai_code=FICTIONAL_DANTAI_CODE,
            start_clock=start_clock(plan.reference_date),
            download=DownloadConfig(fqdn=target.world.fqdn, account=keys.download_account, secret=keys.download_secret),
            link_api_key=keys.link_api_key,
            core={name: CoreConfig(atena_api_key=key) for name, key in keys.atena.items()},
            ports=Ports(
                download=ports.download, relay=ports.relay, link=ports.link, atena=ports.atena, control=ports.control
            ),
            relay_command=self._options.relay_command,
            seed=f"{target.run.seed} {plan.run_id}",
            correlate=True,
        )
        path = self._dir / WORLD_FILE
        path.touch(mode=0o600)
        path.write_text(config.model_dump_json(indent=1), encoding="utf-8")
        ahead = self._options.world_ahead
        if ahead is None or not children.adopt("world", ahead.take(str(path))):
            children.start("world", self._options.module_command("mock_services.serve", "--config", str(path)))
        return Endpoints.model_validate(children.wait_ready("world", self._dir / "world-ready.json", 30))

    def _start_product(self, target: Target, settings: ProductSettings, children: Children) -> None:
        """Starts the product when the target says how; `_product_ready` waits for it."""
        if target.start is None:
            return
        if target.start.image:
            self._start_container(target.start, settings)
            return
        values = settings.values()
        start = target.start
        inherited = {name: os.environ[name] for name in start.inherit_env if name in os.environ}
        env = {name: expand(value, values, f"start.env.{name}") for name, value in start.env.items()}
        command = [expand(word, values, "start.command") for word in start.command]
        children.start("product", command, env=clean_environment({**inherited, **self._options.product_env(), **env}))

    def _start_container(self, start: Start, settings: ProductSettings) -> None:
        """The product as a container in the host's network, with the run's folder at the same place inside."""
        values = settings.values()
        env = {name: expand(value, values, f"start.env.{name}") for name, value in start.env.items()}
        command = [expand(word, values, "start.command") for word in start.command]
        self._container = Container(start.image, command, {**self._options.product_env(), **env}, self._dir)
        self._container.start()

    def _product_ready(self, target: Target, settings: ProductSettings, children: Children) -> dict[str, str]:
        """What the ready file of a product that we started told, as values for the endpoints."""
        if target.start is None or not target.start.ready_file:
            return {}
        ready_file = Path(expand(target.start.ready_file, settings.values(), "start.ready_file"))
        waiting = self._container or children
        ready = waiting.wait_ready("product", ready_file, target.start.ready_timeout_seconds)
        return {f"ready.{name}": str(value) for name, value in ready.items()}

    def _tell(self, ja: str, en: str, seconds: float) -> None:
        """Says what is waited for, while it is waited for."""
        self._log.emit(
            StepStarted(at=now(), round="", step="wait", ja=ja, en=en, actor="product", limit_seconds=seconds)
        )

    def _warn(self, ja: str, en: str) -> None:
        self._log.emit(RunWarning(at=now(), ja=ja, en=en))

    def _judge(self, plan: Plan) -> Judge:
        words = ["-x"] if self._options.fail_fast else []
        if self._options.workers:
            words += ["-n", str(self._options.workers)]
        return Judge([*self._judging(plan), *words], self._dir)

    def _judging(self, plan: Plan) -> list[str]:
        suite = f"conformance.suites.{plan.role}"
        return self._options.module_command("conformance.engine.check_process", suite, "--wait")

    def _take_over(self, judge: Judge) -> None:
        """Waits for the check bodies and takes over their events.

        An exit code alone proves nothing (a body can end the process with 0): the process has to have said that it
        came to its end.
        """
        code = judge.wait(CHECKS_LIMIT_SECONDS)
        path = self._dir / "checks.ndjson"
        events = list(read_events(path)) if path.is_file() else []
        for event in events:
            self._log.emit(event)
        if code not in (0, 1) or not any(isinstance(event, ChecksFinished) for event in events):
            self._log.emit(
                RunTrouble(
                    at=now(),
                    kind="harness",
                    ja=f"検査プロセスが途中で終わりました（終了コード {code}、checks.log 参照）",
                    en=f"the check process ended early (code {code}, see checks.log)",
                )
            )
