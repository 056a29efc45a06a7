"""`shinsei check`: puts product, world and reporters together for one run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from rich.console import Console

from conformance.catalogue import load_catalogue
from conformance.engine.processes import StartProblem
from conformance.engine.run import Options, execute, new_run_id, note_interruption
from conformance.events import Listener
from conformance.messages import Lang, say
from conformance.plan import Challenge
from conformance.reporters.terminal import Progress, print_results
from conformance.results import Results
from conformance.verdicts import Exit
from shinsei_testbed import module_command
from testbed.cli import ahead
from testbed.cli.reports_ahead import ReportsAhead
from testbed.mutants.hook import LOG
from testbed.mutants.registry import mutant as find_mutant
from testbed.postgres import PostgresError
from testbed.reference import RELAY_COMMAND, database_server, write_target
from testbed.reference import product_env as reference_env
from testbed.replay import Given, note_given, write_replays

EVENTS = "events.ndjson"
MOST_REPLAYS = 5
"""Lines for repeating a check that the terminal shows; the files are there for all."""
NOT_PASSED = ("FAIL", "WARN", "ERROR", "REVIEW", "UNVERIFIED")


class BadRequest(ValueError):
    """The command line cannot be used; ``str()`` is one sentence naming the option and the fix."""


@dataclass(frozen=True)
class Request:
    """One `shinsei check`, as the command line gave it."""

    role: str
    target: Path | None
    select: tuple[str, ...]
    fail_fast: bool
    workers: int
    mutant: str
    overlay: Path | None
    seed: int | None
    reference_date: date | None
    out: Path
    database_url: str
    gate_waived: bool
    as_json: bool
    lang: Lang
    challenge: Challenge | None = None
    resume: Path | None = None
    image: str = ""
    quick: bool = False

    @classmethod
    def of_quick(cls, *, target: Path | None, image: str, out: Path, database_url: str, lang: Lang) -> Self:
        """A run of one application (`shinsei quick`)."""
        return cls(
            role="am",
            target=target,
            select=(),
            fail_fast=False,
            workers=0,
            mutant="",
            overlay=None,
            seed=None,
            reference_date=None,
            out=out,
            database_url=database_url,
            gate_waived=False,
            as_json=False,
            lang=lang,
            image=image,
            quick=True,
        )


def carry_out(request: Request) -> Exit:
    """One run with its reports; returns the exit code. Raises BadRequest or UnknownMutant before anything starts."""
    console = Console(stderr=request.as_json)
    run_dir = _played(request, console)
    return report(run_dir, request.lang, as_json=request.as_json, gate_waived=request.gate_waived, console=console)


def play(request: Request, console: Console) -> tuple[Path, Results]:
    """One run; its folder and its results, with the reports written and nothing shown. Raises BadRequest."""
    from conformance.reporters.write import write_reports

    run_dir = _played(request, console)
    results = write_reports(run_dir, lang=request.lang).results
    write_replays(run_dir, results)
    return run_dir, results


def _played(request: Request, console: Console) -> Path:
    if request.target is not None and (request.mutant or request.overlay):
        raise BadRequest(
            "--target: --mutant と --overlay は同梱の製品だけに使えます / --mutant and --overlay are for the bundled product"
        )
    for option, given in (("--resume", request.resume), ("--image", request.image)):
        if given and request.target is None:
            raise BadRequest(f"{option}: --target も指定してください / give --target as well")
    if request.mutant:
        find_mutant(request.mutant)
    run_dir = _new_folder(request)
    files = {
        name: (path,) if path else () for name, path in (("--target", request.target), ("--overlay", request.overlay))
    }
    note_given(run_dir, Given.of(files, {"--image": request.image}))
    listeners = (Progress(console, request.lang), ReportsAhead())
    try:
        if request.target is not None:
            execute(request.target, run_dir, _options(request), listeners)
        else:
            _run_reference(request, run_dir, listeners)
    except KeyboardInterrupt:
        note_interruption(run_dir)
    return run_dir


def _new_folder(request: Request) -> Path:
    run_dir = (request.out / new_run_id(request.role)).resolve()
    return made(run_dir, str(request.out))


def made(run_dir: Path, out: str) -> Path:
    """``run_dir`` with an empty event log in it: from its first moment on a report can be made of it. BadRequest otherwise."""
    growing = run_dir.with_name(f".{run_dir.name}")
    try:
        growing.mkdir(parents=True)
        (growing / EVENTS).touch()
        growing.rename(run_dir)
    except OSError as error:
        raise BadRequest(f"--out {out}: フォルダを作れません（{error.strerror}） / cannot create folder") from None
    return run_dir


def _options(request: Request, product_env: Callable[[], dict[str, str]] = dict) -> Options:
    return Options(
        module_command=module_command,
        relay_command=RELAY_COMMAND,
        select=request.select or _mutant_selection(request),
        fail_fast=request.fail_fast,
        workers=request.workers,
        seed=request.seed,
        reference_date=request.reference_date,
        mutant=request.mutant,
        challenge=request.challenge,
        resume=request.resume,
        image=request.image,
        quick=request.quick,
        product_env=product_env,
        world_ahead=ahead.world(),
    )


def _mutant_selection(request: Request) -> tuple[str, ...]:
    """A mutant is judged by its declared checks and by the whole undisturbed round; the rest is left out."""
    if not request.mutant:
        return ()
    plain = [one.id for one in load_catalogue(request.role).checks.values() if one.disturbance == "none"]
    return (*plain, *find_mutant(request.mutant).killed_by)


def _run_reference(request: Request, run_dir: Path, listeners: tuple[Listener, ...]) -> None:
    """Tests the bundled product: a database of its own, a target file of its own, then as any vendor's product."""
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        database = pool.submit(_database, stack, request.database_url, run_dir.name.replace("-", "_"))

        def product_env() -> dict[str, str]:
            try:
                url = database.result()
            except PostgresError as error:
                ja, _, en = str(error).partition("\n")
                raise StartProblem("--database-url", ja, en or ja, configuration=True) from None
            mutant_log = {LOG: str(run_dir / "mutant.log")} if request.mutant else {}
            return {**reference_env(url), **mutant_log}

        target = write_target(run_dir, mutant=request.mutant, overlay=request.overlay)
        execute(target, run_dir, _options(request, product_env), listeners)
        database.exception()  # the server is up (or has failed) before the stack ends it


def _database(stack: ExitStack, server_url: str, name: str) -> str:
    """URL of a new database on the given server, or on an embedded one; made while the simulated world starts."""
    server = stack.enter_context(database_server(server_url, ahead.server()))
    url = server.create_database(name)
    if server_url:
        stack.callback(server.drop_database, name)
    return url


def report(
    run_dir: Path,
    lang: Lang,
    *,
    as_json: bool,
    gate_waived: bool,
    console: Console | None = None,
) -> Exit:
    """Writes the reports of a run folder and shows them; returns the exit code."""
    from conformance.reporters.machine import as_dict
    from conformance.reporters.write import write_reports

    reports = write_reports(run_dir, lang=lang, gate_waived=gate_waived)
    replays = write_replays(run_dir, reports.results)
    code = reports.results.exit(gate_waived=gate_waived)
    if as_json:
        json.dump(as_dict(reports.results, gate_waived=gate_waived), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        print_results(
            reports.results, console or Console(), lang, report=_shortest(reports.html), gate_waived=gate_waived
        )
        for path in list(replays.values())[:MOST_REPLAYS]:
            (console or Console()).print(
                f"{say('text', 'replay', lang)}: shinsei replay {_shortest(path)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    return code


def _shortest(path: Path) -> Path:
    relative = Path(os.path.relpath(path))
    return relative if len(str(relative)) < len(str(path)) else path


def last_failures(out: Path, role: str) -> list[str]:
    """Ids of the checks that did not pass in the newest run of ``role`` below ``out``. BadRequest when there is none."""
    runs = sorted(out.glob(f"*-{role}-*/results.json"))
    if not runs:
        raise BadRequest(f"--lf: {out} に前回の結果がありません / no earlier result")
    try:
        data = json.loads(runs[-1].read_text(encoding="utf-8"))
        return [one["id"] for one in data["checks"] if one["verdict"] in NOT_PASSED]
    except (ValueError, KeyError, TypeError):
        raise BadRequest(f"--lf: {runs[-1]} が壊れています（削除してください） / damaged result, delete it") from None
