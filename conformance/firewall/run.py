"""One run of the roles `fw` and `relay`: files in, ``events.ndjson`` out, as `conformance.engine.run.execute` does.

`run_fw` tests rulesets (and the chain with the relay) in the lab, `run_relay` a relay alone behind open firewalls.
Whatever happens ends as an event: no lab here is 未検証 with its reason, a ruleset that does not load is exit 2.
"""

from __future__ import annotations

import getpass
import hashlib
import shutil
import signal
import socket
import threading
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.events import (
    Event,
    EventLog,
    Listener,
    RoundStarted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    RunTrouble,
    StepFinished,
)
from conformance.evidence.manifest import suite_digest
from conformance.firewall.capture import CAPTURE_FILE
from conformance.firewall.job import FW_ROUNDS, RELAY_ROUNDS, Job, ProxyJob, RoundName, Variant
from conformance.firewall.judge import judge
from conformance.firewall.netns import LabUnavailable, ToolMissing
from conformance.firewall.picture import topology_svg
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.firewall.record import LabRecord
from conformance.firewall.relay_output import tail
from conformance.firewall.rules import RulesError, read_rules
from conformance.firewall.start import LabFailed, ModuleCommand, lab_folder, run_lab
from conformance.plan import Challenge, Plan, PlannedInput, Waiver
from interface_spec.errors import SpecError, first_problem
from interface_spec.policy import POLICIES, Policy, Statement, WaiverEntry, load_policy

LAB_LIMIT_SECONDS = 180.0
RECORD_FILE = "lab.json"
POLICY_FILE = "policy.toml"
DIAGRAM_FILE = "topology.svg"


@dataclass(frozen=True)
class FwOptions:
    """What `shinsei check fw` is given. Several files of one firewall are loaded one after the other."""

    module_command: ModuleCommand
    policy: Path
    boundary: tuple[Path, ...]
    lgwan: tuple[Path, ...]
    proxy: Path | None = None
    boot: dict[str, Path] = field(default_factory=dict)
    forwarding_before_load: dict[str, bool] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    mutant: str = ""
    reference_date: date | None = None
    challenge: Challenge | None = None


class RelayProduct(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    version: str
    vendor: str


class RelayTarget(BaseModel):
    """``relay-target.toml``: the 連携サーバ under test. ``{dir}`` is the folder that the harness gives it in its namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["relay"]
    product: RelayProduct
    kind: Literal["proxy", "store-and-forward", "other"] = "proxy"
    policy: str = "baseline"
    squid_conf: str = ""
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    log: str = ""
    observe_seconds: float = Field(default=6.0, gt=0, le=600)
    idle_seconds: float = Field(
        default=0, ge=0, le=900, description="how long a tunnel is really left idle; 0: not tried"
    )
    restart_seconds: float = Field(default=10.0, gt=0, le=120)
    empty_list: dict[str, str] = {}
    attestation: dict[str, Statement] = {}
    waiver: tuple[WaiverEntry, ...] = ()


@dataclass(frozen=True)
class RelayOptions:
    """What `shinsei check relay` is given."""

    module_command: ModuleCommand
    target: Path
    select: tuple[str, ...] = ()
    mutant: str = ""
    reference_date: date | None = None
    challenge: Challenge | None = None


def run_fw(options: FwOptions, run_dir: Path, listeners: Sequence[Listener] = ()) -> None:
    """Carries out one run of the role `fw`. Never raises for trouble of product, configuration or lab."""
    _guarded(run_dir, listeners, lambda emit: _fw(options, run_dir, emit))


def run_relay(options: RelayOptions, run_dir: Path, listeners: Sequence[Listener] = ()) -> None:
    """Carries out one run of the role `relay`."""
    _guarded(run_dir, listeners, lambda emit: _relay(options, run_dir, emit))


Emit = Callable[[Event], None]


def _now() -> datetime:
    return datetime.now(UTC)


def _guarded(run_dir: Path, listeners: Sequence[Listener], body: Callable[[Emit], None]) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    log = EventLog(run_dir / "events.ndjson", tuple(listeners))
    started = time.monotonic()
    try:
        with _signals():
            body(log.emit)
    except _Stopped as stop:
        log.emit(RunInterrupted(at=_now(), signal=stop.name))
    except (SpecError, RulesError, ToolMissing) as error:
        log.emit(_trouble("configuration", str(error)))
    except LabFailed as error:
        log.emit(_trouble("harness", str(error), error.detail))
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        log.emit(
            _trouble(
                "harness", f"試験側の誤りで続けられません: {words} / harness error: {words}", traceback.format_exc()
            )
        )
    else:
        log.emit(RunFinished(at=_now(), seconds=time.monotonic() - started))
    finally:
        log.close()


class _Stopped(BaseException):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM become an exception, so that the lab is ended and the run is reported as interrupted."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stopped(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may take signals over
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _trouble(kind: Literal["configuration", "harness"], sentence: str, detail: str = "") -> RunTrouble:
    ja, _, en = sentence.rpartition(" / ")
    return RunTrouble(at=_now(), kind=kind, ja=ja or en, en=en, detail=detail)


def _started_by() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _fw(options: FwOptions, run_dir: Path, emit: Emit) -> None:
    policy = load_policy(options.policy)
    boundary = read_rules("boundary", options.boundary, policy)
    lgwan = read_rules("lgwan", options.lgwan, policy)
    proxy = ProxyJob(conf=_read(options.proxy), log="log/access.log") if options.proxy is not None else None
    plan = make_lab_plan(
        run_id=run_dir.name,
        declared=Declared(
            policy, "fw", tables=tuple(one.firewall for one in (boundary, lgwan) if "table" in one.kinds)
        ),
        product=policy.product.model_dump(),
        reference_date=options.reference_date or _now().date(),
        selected=options.select,
        mutant=options.mutant,
        started_by=_started_by(),
        attestations=_answers(policy.attestation),
        waivers=[Waiver(**one.model_dump()) for one in policy.waiver],
    ).model_copy(
        update={"suite_sha256": suite_digest(), "challenge": options.challenge, "inputs": tuple(_fw_inputs(options))}
    )
    rounds = tuple(one for one in FW_ROUNDS if one != "proxy" and (proxy or one != "proxy-down"))
    variant = Variant(
        name="product",
        boundary=boundary,
        lgwan=lgwan,
        proxy=proxy,
        rounds=rounds,
        boot={name: _read(path) for name, path in options.boot.items()},
        forwarding_before_load=options.forwarding_before_load,
    )
    tools = ("squid",) if proxy is not None else ()
    _play(plan, policy, _policy_text(options.policy), variant, tools, options.module_command, run_dir, emit)


def _fw_inputs(options: FwOptions) -> Iterator[PlannedInput]:
    """What was handed in to be tested, in the order of the command line."""
    yield _input("--policy", options.policy.name, _policy_text(options.policy))
    given = (
        ("--boundary", options.boundary),
        ("--lgwan", options.lgwan),
        ("--proxy", (options.proxy,) if options.proxy is not None else ()),
    )
    for option, paths in given:
        for path in paths:
            yield PlannedInput(option=option, name=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _relay_inputs(target: RelayTarget, policy: Path, beside: Path) -> Iterator[PlannedInput]:
    """The policy, what ``relay-target.toml`` says besides it, and the files that it names."""
    yield _input("--policy", policy.name, _policy_text(policy))
    yield _input("--target", "relay-target.toml", target.model_dump_json(exclude={"policy"}))
    named = [target.squid_conf] if target.squid_conf else []
    for source in (*named, *target.files.values(), *target.empty_list.values()):
        yield _input("--target", source, _read(beside / source))


def _input(option: str, name: str, text: str) -> PlannedInput:
    return PlannedInput(option=option, name=name, sha256=hashlib.sha256(text.encode()).hexdigest())


def load_relay_target(path: Path) -> RelayTarget:
    """The file of the 連携サーバ. SpecError names file, field and fix."""
    try:
        target = RelayTarget.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"読めません / cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(path, "", f"TOML として読めません / not readable as TOML: {error}") from None
    except ValidationError as error:
        raise SpecError(path, *first_problem(error)) from None
    if bool(target.squid_conf) == bool(target.command):
        raise SpecError(
            path,
            "command",
            "squid_conf（設定ファイルの名）か command（起動の言葉）のどちらか一つを書きます / write either squid_conf or command",
        )
    return target


def _relay(options: RelayOptions, run_dir: Path, emit: Emit) -> None:
    target = load_relay_target(options.target)
    beside = options.target.parent
    named = beside / target.policy
    policy_path = named if named.is_file() else Path(target.policy)
    policy = load_policy(policy_path)
    proxy = ProxyJob(
        kind="squid" if target.squid_conf else "command",
        conf=_read(beside / target.squid_conf) if target.squid_conf else "",
        command=target.command,
        env=target.env,
        files={name: _read(beside / source) for name, source in target.files.items()},
        log=target.log or ("log/access.log" if target.squid_conf else ""),
        relay_kind=target.kind,
        observe_seconds=target.observe_seconds,
        idle_seconds=target.idle_seconds,
        restart_seconds=target.restart_seconds,
        empty_list={name: _read(beside / source) for name, source in target.empty_list.items()},
    )
    plan = make_lab_plan(
        run_id=run_dir.name,
        declared=Declared(policy, "relay", target.kind, log=bool(proxy.log)),
        product=target.product.model_dump(),
        reference_date=options.reference_date or _now().date(),
        selected=options.select,
        mutant=options.mutant,
        started_by=_started_by(),
        attestations=_answers(target.attestation),
        waivers=[Waiver(**one.model_dump()) for one in target.waiver],
    ).model_copy(
        update={
            "suite_sha256": suite_digest(),
            "challenge": options.challenge,
            "inputs": tuple(_relay_inputs(target, policy_path, beside)),
        }
    )
    rounds: tuple[RoundName, ...] = RELAY_ROUNDS if target.kind == "proxy" else ("proxy",)
    variant = Variant(name="product", proxy=proxy, rounds=rounds)
    tools = ("squid",) if target.squid_conf else ()
    _play(plan, policy, _policy_text(policy_path), variant, tools, options.module_command, run_dir, emit)


def _play(
    plan: Plan,
    policy: Policy,
    policy_text: str,
    variant: Variant,
    tools: Sequence[str],
    module_command: ModuleCommand,
    run_dir: Path,
    emit: Emit,
) -> None:
    """Starts the run in the log, plays the lab, judges what it saw."""
    (run_dir / "plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    (run_dir / POLICY_FILE).write_text(policy_text, encoding="utf-8")
    emit(RunStarted(at=_now(), plan=plan))
    names = {one.id: one for one in plan.rounds}
    order = list(names)

    def progress(step: str, _variant: str, seconds: float) -> None:
        if step in names:
            one = names[step]
            emit(RoundStarted(at=_now(), round=step, number=order.index(step) + 1, of=len(order), ja=one.ja, en=one.en))
            emit(StepFinished(at=_now(), round=step, step=step, ok=True, seconds=seconds))

    with lab_folder() as started:
        job = Job(
            policy=policy_text,
            policy_name=policy.id,
            work=str(started.folder),
            prefix=started.prefix,
            variants=(variant,),
        )
        try:
            record = run_lab(
                job,
                module_command,
                limit_seconds=LAB_LIMIT_SECONDS + (variant.proxy.idle_seconds if variant.proxy else 0),
                progress=progress,
                extra_tools=tools,
            )[variant.name]
        except LabUnavailable as error:
            record = LabRecord(policy=policy.id, unavailable=str(error))
        _keep_files(started.folder, run_dir)
    if record.refused:
        raise SpecError(*_place(record.refused))
    (run_dir / RECORD_FILE).write_text(record.model_dump_json(exclude_defaults=True), encoding="utf-8")
    if plan.role == "fw":
        (run_dir / DIAGRAM_FILE).write_text(topology_svg(policy, record), encoding="utf-8")
    for event in judge(plan, policy, record, _now):
        emit(event)


def _place(sentence: str) -> tuple[str, str, str]:
    source, _, problem = sentence.partition(": ")
    return source, "", problem or sentence


def _keep_files(folder: Path, run_dir: Path) -> None:
    """The packets of the probes, and the last words of the relay."""
    capture = folder / CAPTURE_FILE
    if capture.is_file():
        shutil.copyfile(capture, run_dir / CAPTURE_FILE)
    for source in sorted(folder.glob("proxy/*/output.log")):
        (run_dir / "proxy-output.log").write_bytes(tail(source, 100_000))


def _answers(given: dict[str, Statement]) -> dict[str, tuple[str, str, str]]:
    return {name: (one.statement, one.by, one.date.isoformat()) for name, one in given.items()}


def _policy_text(path: Path) -> str:
    chosen = path if path.is_file() else POLICIES / f"{path.stem}.toml"
    return chosen.read_text(encoding="utf-8")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"読めません / cannot be read: {error}") from None
