"""The event stream between the runner and everything that reports: frozen, versioned, one JSON object per line.

Nothing flows back. A report can be made from ``events.ndjson`` alone, also of a run that was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from conformance.plan import Plan
from conformance.verdicts import Raw

EVENTS_VERSION = 1


EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""No run was made outside of this: such a moment could not even be told in another time zone."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    v: Literal[1] = 1
    at: AwareDatetime = Field(ge=EARLIEST, lt=LATEST)


class RunStarted(_Event):
    """First event: the whole plan, so that a report needs nothing but the stream."""

    type: Literal["run-started"] = "run-started"
    plan: Plan


class RoundStarted(_Event):
    type: Literal["round-started"] = "round-started"
    round: str
    number: int
    of: int
    ja: str
    en: str


class StepStarted(_Event):
    """One step of a round. ``actor`` says who must act: the harness, the product, or a person."""

    type: Literal["step-started"] = "step-started"
    round: str
    step: str
    ja: str
    en: str
    actor: Literal["harness", "product", "person"] = "harness"
    limit_seconds: float = 0


class StepFinished(_Event):
    type: Literal["step-finished"] = "step-finished"
    round: str
    step: str
    ok: bool
    message: str = ""
    seconds: float


class Evidence(BaseModel):
    """One recorded exchange, trimmed and redacted, that belongs to a finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seq: int
    at: str
    system: str
    operation: str
    peer: str
    request: str
    response: str
    fault: str = ""


class FoundThis(BaseModel):
    """A finding on its way to the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ja: str
    en: str
    sent: str = ""
    expected: str = ""
    actual: str = ""
    case: str = ""
    evidence: list[Evidence] = []


class GivenPerson(BaseModel):
    """A synthetic person of the run: 宛名番号 of 既存住基, and the number in each core system."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    juki_atena_no: str
    numbers: dict[str, str] = {}


class GivenApplication(BaseModel):
    """One synthetic application that the product under test may have taken in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: str
    receipt_no: str
    procedure: str
    persons: tuple[GivenPerson, ...] = ()


class ApplicationsGiven(_Event):
    """Written before the product can reach them: what it may keep must be removable after a killed run as well."""

    type: Literal["applications-given"] = "applications-given"
    round: str
    applications: tuple[GivenApplication, ...]


class RegistersGiven(_Event):
    """番号紐付情報 (``links`` rows) and 宛名情報 (rows a core system) that stood ready; ``file`` holds all of them."""

    type: Literal["registers-given"] = "registers-given"
    links: int
    persons: dict[str, int]
    file: str
    sha256: str


Stage = Literal["imported", "stored", "identified", "reviewed", "handed", "acknowledged"]


class SeenApplication(BaseModel):
    """How far one application was carried. ``acceptable``: the product had to take it in, by the way it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: str
    receipt_no: str
    procedure: str
    acceptable: bool
    stages: tuple[Stage, ...]


class ApplicationsSeen(_Event):
    """At the end of a round: how far each application got, as observed."""

    type: Literal["applications-seen"] = "applications-seen"
    round: str
    applications: tuple[SeenApplication, ...]


class CheckEnded(_Event):
    """One phase of one check ended. Verdicts are folded from these over the ids of the plan."""

    type: Literal["check-ended"] = "check-ended"
    check: str
    phase: Literal["setup", "call", "teardown", "worker"]
    raw: Raw
    seconds: float = 0
    finding: FoundThis | None = None


class ChecksFinished(_Event):
    """The check process came to its end by itself. Without this event it died on the way, whatever its exit code."""

    type: Literal["checks-finished"] = "checks-finished"
    bodies: int


class RunTrouble(_Event):
    """The run itself went wrong: ``configuration`` is the vendor's (exit 2), ``harness`` is ours (exit 3)."""

    type: Literal["run-trouble"] = "run-trouble"
    kind: Literal["configuration", "harness"]
    ja: str
    en: str
    detail: str = ""


class StrangeCall(BaseModel):
    """Calls at a simulated system that carried no credential of this run: no secret and nothing else of their content.

    ``cause``: account, token, key (one of another run) or none (no credential). ``aside``: no evidence of this run.
    ``bytes``: of the bodies that they sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    system: str
    operation: str
    peer: str
    cause: Literal["account", "token", "key", "none"]
    aside: bool
    count: int = Field(ge=1)
    bytes: int = Field(default=0, ge=0)
    first: AwareDatetime = Field(ge=EARLIEST, lt=LATEST)
    last: AwareDatetime = Field(ge=EARLIEST, lt=LATEST)


class RunWarning(_Event):
    """Something about the run itself that its reader should know: it changes no verdict."""

    type: Literal["run-warning"] = "run-warning"
    ja: str
    en: str
    calls: tuple[StrangeCall, ...] = ()


class RunInterrupted(_Event):
    type: Literal["run-interrupted"] = "run-interrupted"
    signal: str


class RunFinished(_Event):
    type: Literal["run-finished"] = "run-finished"
    seconds: float


Event = Annotated[
    RunStarted
    | RoundStarted
    | StepStarted
    | StepFinished
    | RegistersGiven
    | ApplicationsGiven
    | ApplicationsSeen
    | CheckEnded
    | ChecksFinished
    | RunTrouble
    | RunWarning
    | RunInterrupted
    | RunFinished,
    Field(discriminator="type"),
]
_ANY: TypeAdapter[Event] = TypeAdapter(Event)

Listener = Callable[[Event], None]


class DamagedRecord(ValueError):
    """A record of a run that cannot be read; ``args[0]`` names file, line and what to do, ja and en."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(
            f"{path.name}: {line} 行目が壊れています（{why}）。写しから戻すか、試験を再実施してください"
            f" / line {line} is damaged; restore a copy or run again"
        )


def read_line(line: str) -> Event:
    """The event of one line; ValueError when it is none of ours."""
    try:
        return _ANY.validate_json(line)
    except ValidationError as error:
        raise ValueError(f"イベントとして読めない行です / not an event: {error.errors()[0]['msg']}") from None


class EventLog:
    """Appends events to ``events.ndjson`` and hands them to live listeners (progress on the terminal)."""

    def __init__(self, path: Path, listeners: tuple[Listener, ...] = ()) -> None:
        self.path = path
        self._listeners = listeners
        self._file = path.open("a", encoding="utf-8")

    def emit(self, event: Event) -> None:
        self._file.write(event.model_dump_json() + "\n")
        self._file.flush()
        for listener in self._listeners:
            listener(event)

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def read_events(path: Path) -> Iterator[Event]:
    """Events of a run in order. A last line that a kill cut short is passed over; any other bad line: DamagedRecord."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            json.loads(line)
        except json.JSONDecodeError:
            if number == len(lines) - 1:
                return
            raise DamagedRecord(path, number + 1, "JSON でない / not JSON") from None
        try:
            event = read_line(line)
        except ValueError as error:
            raise DamagedRecord(path, number + 1, str(error)) from None
        yield event


def as_json(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json")
