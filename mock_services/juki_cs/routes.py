"""住基ネットCS: which request file gets which answer. One folder for requests, one for answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from interface_spec.profile import Profile
from mock_services.clock import WorldClock
from mock_services.fault_kinds import OutOfSequenceParams, WrongTotalsParams
from mock_services.faults import FaultBox
from mock_services.file_faults import deliver
from mock_services.juki_cs.errors import EventError, RecordFileError
from mock_services.juki_cs.models import CsNetwork
from mock_services.juki_cs.records import RecordWriter, Rows, Spoil
from mock_services.juki_cs.responses import ANSWERS, Asked, Content, Mode, full
from mock_services.wiring import JST, Record

EXCHANGE = "juki_cs"
_HEADER = ("message_id", "dantai_code", "generation", "made_at", "answers", "result")
_CERTIFICATE = ("juminhyo_code", "serial", "valid_from", "valid_to", "state", "changed_at", "reason", "medium")
KNOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "request": {
        "header": ("message_id", "dantai_code", "generation", "made_at", "wanted", "since"),
        "person": ("juminhyo_code",),
        "trailer": (),
    },
    "full": {"header": _HEADER, "certificate": _CERTIFICATE, "trailer": ()},
    "diff": {"header": (*_HEADER, "since"), "certificate": (*_CERTIFICATE, "change"), "trailer": ()},
}
"""Data fields by file and record kind; running numbers, totals and padding are the record writer's business."""


def bind_records(profile: Profile) -> RecordWriter:
    """The exchange with the CS; SpecError when the profile names other files, records or fields than the code knows."""
    return RecordWriter(profile, EXCHANGE, KNOWN)


@dataclass(frozen=True)
class Folders:
    """Both sides reach these two folders and nothing else of each other."""

    requests: Path
    answers: Path


@dataclass(frozen=True)
class Sent:
    """One answer that went out: its file, and the faults that struck it."""

    name: str
    result: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class _LastAnswer:
    request: int
    mode: Mode
    name: str
    data: bytes
    result: str


@dataclass
class CsCounter:
    """Reads whatever request lies there, answers it, and keeps each town's last answer for a resend."""

    records: RecordWriter
    network: CsNetwork
    clock: WorldClock
    box: FaultBox
    folders: Folders
    _last: dict[str, _LastAnswer] = field(default_factory=dict)

    def reset(self) -> None:
        self._last.clear()

    def take_over(self, filled: CsCounter) -> None:
        """Answer a resend as ``filled`` would."""
        self._last = filled._last

    def answer_all(self) -> list[Sent]:
        """Answer every request file, oldest first; a request is removed once it was answered."""
        sent: list[Sent] = []
        suffix = self.records.exchange.temporary_suffix
        if not self.folders.requests.is_dir():
            return sent
        for path in sorted(self.folders.requests.iterdir()):
            if not path.name.endswith(suffix):
                sent.append(self._answer(path.read_bytes()))
                path.unlink()
        return sent

    def _answer(self, data: bytes) -> Sent:
        try:
            rows = self.records.read("request", data)
            header = rows[0][1]
            town = self.network.town(str(header["dantai_code"]))
            if header["message_id"] != "request":
                raise RecordFileError("message_id: 要求ではありません / not a request")
        except (RecordFileError, EventError):
            return Sent("", "bad_request")  # nobody known to answer: it is only told that there was one (仮定)
        last, struck = self._last.get(town.dantai_code), list[str]()
        if last is not None and last.request == header["generation"]:
            return self._deliver(last, struck)  # 再送: the same request gets the same answer
        asked = Asked.of(header, [values for kind, values in rows if kind == "person"])
        fresh = self._file(town.dantai_code, asked, ANSWERS.get(asked.wanted, full)(town, asked), struck)
        sent = self._deliver(fresh, struck, before=last)
        self._last[town.dantai_code] = fresh
        return sent

    def _file(self, dantai_code: str, asked: Asked, content: Content, struck: list[str]) -> _LastAnswer:
        mode, made_at = content.mode, self.clock.now()
        armed = self.box.take("file-out-of-sequence", mode, struck)
        skip = cast(OutOfSequenceParams, armed.params).skip if armed is not None else 0
        armed = self.box.take("file-wrong-totals", mode, struck)
        spoil = Spoil(cast(WrongTotalsParams, armed.params).by if armed is not None else 0)
        generation = content.generation + skip
        stated: Record = {
            "message_id": asked.wanted,
            "dantai_code": dantai_code,
            "generation": generation,
            "made_at": made_at,
            "answers": asked.number,
            "result": content.result,
        }
        if mode == "diff":
            stated["since"] = asked.since + skip
        lines: Rows = [("header", stated), *(("certificate", row) for row in content.rows), ("trailer", {})]
        data = self.records.write(mode, lines, spoil)
        at = f"{made_at.astimezone(JST):%Y%m%d%H%M%S}"
        name = self.records.name(mode, dantai_code=dantai_code, generation=generation, made_at=at)
        return _LastAnswer(asked.number, mode, name, data, content.result)

    def _deliver(self, answer: _LastAnswer, struck: list[str], before: _LastAnswer | None = None) -> Sent:
        if before is not None and self.box.take("file-resend", answer.mode, struck) is not None:
            answer = before
        path = self.folders.answers / answer.name
        struck += deliver(self.box, answer.mode, path, answer.data, self.records.exchange.temporary_suffix)
        return Sent(answer.name, answer.result, tuple(struck))
