"""住基ネットCS: answers the request files of 既存住基 with files. One folder for requests, one for answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from interface_spec.profile import Profile
from mock_services.clock import WorldClock
from mock_services.fault_kinds import OutOfSequenceParams, WrongTotalsParams
from mock_services.faults import FaultBox
from mock_services.file_faults import deliver
from mock_services.juki_cs.errors import EventError, RecordFileError
from mock_services.juki_cs.models import Certificate, CsNetwork, CsTown
from mock_services.juki_cs.records import RecordWriter, Rows, Spoil
from mock_services.wiring import JST, Record

Mode = Literal["full", "diff"]
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


@dataclass
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
            return self._refusal()
        last = self._last.get(town.dantai_code)
        if last is not None and last.request == header["generation"]:
            return self._deliver(last)  # 再送: the same request gets the same answer
        fresh = self._make(town, header, [values for kind, values in rows if kind == "person"])
        sent = self._deliver(fresh, before=last)
        self._last[town.dantai_code] = fresh
        return sent

    def _make(self, town: CsTown, header: Record, persons: list[Record]) -> _LastAnswer:
        request, wanted = cast(int, header["generation"]), header["wanted"]
        mode: Mode = "diff" if wanted == "diff" else "full"
        rows: list[Record] = []
        result, before, generation = "ok", cast("int | None", header["since"]) or 0, town.generation
        if wanted == "diff":
            changes = town.since(before)
            if changes is None:
                result = "gap"
            else:
                generation = town.next_generation()
                rows = [_row(one.certificate) | {"change": one.kind} for one in changes]
        elif wanted == "persons":
            codes = {one["juminhyo_code"] for one in persons}
            rows = [_row(one) for one in town.certificates.values() if one.juminhyo_code in codes]
            result = "ok" if rows else "nothing"
        else:
            generation = town.next_generation()
            rows = [_row(town.certificates[serial]) for serial in sorted(town.certificates)]
        armed = self.box.take("file-out-of-sequence", mode, [])
        skip = cast(OutOfSequenceParams, armed.params).skip if armed is not None else 0
        stated: Record = {
            "message_id": wanted,
            "dantai_code": town.dantai_code,
            "generation": generation + skip,
            "made_at": self.clock.now(),
            "answers": request,
            "result": result,
        }
        if mode == "diff":
            stated["since"] = before + skip
        return self._file(mode, town.dantai_code, request, stated, rows)

    def _file(self, mode: Mode, dantai_code: str, request: int, stated: Record, rows: list[Record]) -> _LastAnswer:
        armed = self.box.take("file-wrong-totals", mode, [])
        spoil = Spoil(cast(WrongTotalsParams, armed.params).by if armed is not None else 0)
        lines: Rows = [("header", stated), *(("certificate", row) for row in rows), ("trailer", {})]
        data = self.records.write(mode, lines, spoil)
        made_at = f"{self.clock.now().astimezone(JST):%Y%m%d%H%M%S}"
        name = self.records.name(
            mode, dantai_code=dantai_code, generation=cast(int, stated["generation"]), made_at=made_at
        )
        return _LastAnswer(request, mode, name, data, str(stated["result"]))

    def _deliver(self, answer: _LastAnswer, before: _LastAnswer | None = None) -> Sent:
        struck: list[str] = []
        if before is not None and self.box.take("file-resend", answer.mode, struck) is not None:
            answer = before
        path = self.folders.answers / answer.name
        struck += deliver(self.box, answer.mode, path, answer.data, self.records.exchange.temporary_suffix)
        return Sent(answer.name, answer.result, tuple(struck))

    def _refusal(self) -> Sent:
        """An unreadable request has no sender to answer: it is only told that there was one (仮定)."""
        return Sent("", "bad_request")


def _row(one: Certificate) -> Record:
    return {
        "juminhyo_code": one.juminhyo_code,
        "serial": one.serial,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
        "state": one.state,
        "changed_at": one.changed_at,
        "reason": one.reason,
        "medium": one.medium,
    }
