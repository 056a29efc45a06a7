"""The pytest side of the runner: collects check bodies, runs them on the round's record, sends typed events.

Loaded by name in a pytest that knows nothing of the vendor's folder (own ini, no conftest, no plug-in autoload).
In a worker it only attaches events to reports; the controller alone writes ``checks.ndjson``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from conformance import kit
from conformance.engine.environment import RUN_DIR
from conformance.events import CheckEnded, ChecksFinished, Evidence, FoundThis
from conformance.outcomes import Finding, Nonconformity, ReviewNeeded, Unverified, unverified
from conformance.plan import Plan
from conformance.record import Exchange, Record
from conformance.verdicts import Raw

KEY = "shinsei-event"
MOST_EVIDENCE = 6
MOST_TEXT = 4000


def _run_dir() -> Path:
    return Path(os.environ[RUN_DIR])


@lru_cache(maxsize=1)
def _plan() -> Plan:
    return Plan.model_validate_json((_run_dir() / "plan.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _record(round_id: str) -> Record | None:
    path = _run_dir() / "records" / f"{round_id}.json"
    if not path.is_file():
        return None
    return Record.model_validate_json(path.read_text(encoding="utf-8"))


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> list[pytest.Item]:
    check_id = getattr(obj, "check_id", None)
    if check_id is None or getattr(obj, "__module__", None) != getattr(collector.obj, "__name__", None):
        return []
    planned = _plan().check(check_id)
    if planned is not None and planned.status != "run":
        return []
    return [pytest.Function.from_parent(collector, name=name)]


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Record:
    """The record of the check's round; 未検証 when the round left none, or one with a gap."""
    planned = _plan().check(request.function.check_id)
    if planned is None:
        raise LookupError(f"check {request.function.check_id} is not in the plan")
    record = _record(planned.round)
    if record is None:
        raise unverified(
            f"ラウンド「{planned.round}」が実施されていない", f"round '{planned.round}' was not carried out"
        )
    return record.whole().only(planned.cases)


@pytest.fixture
def rounds() -> dict[str, Record]:
    """Every record of the run by round, for the few checks that look at the run as a whole."""
    found = {planned.id: _record(planned.id) for planned in _plan().rounds}
    return {name: record for name, record in found.items() if record is not None}


def _raw(error: BaseException | None) -> Raw:
    match error:
        case None:
            return Raw.PASS
        case Nonconformity():
            return Raw.NONCONFORMITY
        case Unverified():
            return Raw.UNVERIFIED
        case ReviewNeeded():
            return Raw.REVIEW
    return Raw.ERROR


def _finding(error: BaseException | None, item: pytest.Item) -> FoundThis | None:
    if error is None:
        return None
    finding = getattr(error, "finding", None)
    if not isinstance(finding, Finding):
        return FoundThis(
            ja="試験側の誤り（製品の不適合ではない）",
            en="error of the harness, not of the product",
            actual=f"{type(error).__name__}: {error}"[:2000],
        )
    record = item.funcargs.get("run") if isinstance(item, pytest.Function) else None
    evidence = _evidence(finding.exchanges, record) if isinstance(record, Record) else []
    return FoundThis(
        ja=finding.ja[:MOST_TEXT],
        en=finding.en[:MOST_TEXT],
        sent=finding.sent[:MOST_TEXT],
        expected=finding.expected[:MOST_TEXT],
        actual=finding.actual[:MOST_TEXT],
        case=finding.case,
        evidence=evidence,
    )


def _evidence(wanted: tuple[int, ...], record: Record) -> list[Evidence]:
    known = {one.seq: one for one in record.exchanges}
    return [_as_evidence(known[seq]) for seq in wanted[:MOST_EVIDENCE] if seq in known]


def _as_evidence(one: Exchange) -> Evidence:
    def block(first: str, headers: dict[str, str], body: str) -> str:
        lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
        return "\n".join(lines) + (f"\n\n{body[:4000]}" if body else "")

    return Evidence(
        seq=one.seq,
        at=one.at,
        system=one.system,
        operation=one.operation,
        peer=one.peer,
        request=block(f"{one.method} {one.target}", one.request_headers, one.request_body),
        response=block(f"{one.status}", one.response_headers, one.response_body),
        fault=one.fault,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    check_id = getattr(getattr(item, "function", None), "check_id", None)
    error = call.excinfo.value if call.excinfo is not None else None
    if check_id is not None and (call.when == "call" or error is not None):
        event = CheckEnded(
            at=datetime.now(UTC),
            check=check_id,
            phase=call.when,
            raw=_raw(error),
            seconds=call.duration,
            finding=_finding(error, item),
        )
        report.user_properties.append((KEY, event.model_dump_json()))
    return report


class Controller:
    """Lives in the controlling process only: writes every event that reports bring, and says which worker died."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._written: set[tuple[str, str]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for key, value in report.user_properties:
            event = json.loads(str(value)) if key == KEY else None
            if event is not None and (event["check"], event["phase"]) not in self._written:
                self._written.add((event["check"], event["phase"]))
                self._write(str(value))
        if report.when not in ("setup", "call", "teardown"):
            self._worker_died(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """The end that `os._exit` in a body, or a killed process, never reaches."""
        bodies = len({check for check, _ in self._written})
        self._write(ChecksFinished(at=datetime.now(UTC), bodies=bodies).model_dump_json())

    def _worker_died(self, nodeid: str) -> None:
        function = nodeid.rpartition("::")[2]
        for check_id, name in kit.REGISTRY.items():
            if name == function:
                event = CheckEnded(
                    at=datetime.now(UTC),
                    check=check_id,
                    phase="worker",
                    raw=Raw.ERROR,
                    finding=FoundThis(
                        ja="検査中に試験側のプロセスが落ちた", en="the harness process died during the check"
                    ),
                )
                self._write(event.model_dump_json())

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Controller(_run_dir() / "checks.ndjson"), "shinsei-controller")


def pytest_sessionfinish(session: pytest.Session, exitstatus: Any) -> None:
    """Nothing collected is not pytest's business here: the plan decides what was expected."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
