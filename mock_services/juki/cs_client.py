"""既存住基's side of the exchange with the CS: writes requests, takes answers over, asks again, asks for everything.

Nothing of a file that is not whole and right is used (手順書5章②; the rules of the exchange are 仮定).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

from mock_services.clock import WorldClock
from mock_services.file_faults import drop_file
from mock_services.juki.master import Holding, JukiMaster, LinkChanges
from mock_services.juki_cs.errors import OutOfSequenceError, RecordFileError
from mock_services.juki_cs.records import RecordWriter, Rows
from mock_services.juki_cs.routes import Folders
from mock_services.wiring import JST, Record

Wanted = Literal["full", "diff", "persons"]
NONE = LinkChanges((), ())


@dataclass(frozen=True)
class Asked:
    wanted: Wanted
    generation: int
    since: int
    persons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """The outcome of one answer: ``reason`` "" = taken over; otherwise why not (`RecordFileError.reason`, missing, gap)."""

    reason: str
    changes: LinkChanges = NONE
    records: int = 0
    detail: str = ""


class CsClient:
    """Requests in order, one at a time; the generation of the last answer that was taken over."""

    def __init__(
        self, records: RecordWriter, dantai_code: str, master: JukiMaster, clock: WorldClock, folders: Folders
    ) -> None:
        self._records, self._dantai_code, self._master = records, dantai_code, master
        self._clock, self._folders = clock, folders
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next difference needs everything first."""
        self.generation = 0
        self._asked: Asked | None = None
        self._requests = 0

    def take_over(self, filled: CsClient) -> None:
        """Go on where ``filled`` stands in its exchange, for its town."""
        self._dantai_code, self.generation = filled._dantai_code, filled.generation
        self._asked, self._requests = filled._asked, filled._requests

    def request(self, wanted: Wanted, persons: Sequence[str] = ()) -> str:
        """Write a new request; returns its file name. RecordFileError for a person who cannot be written."""
        since = self.generation if wanted == "diff" else 0
        asked = Asked(wanted, self._requests + 1, since, tuple(persons))
        name = self._write(asked)
        self._requests, self._asked = asked.generation, asked
        return name

    def request_again(self) -> str:
        """再送要求: the same request once more, so that the same answer comes. RecordFileError when none was made."""
        if self._asked is None:
            raise RecordFileError("まだ要求していません / nothing was asked for yet")
        return self._write(self._asked)

    def _write(self, asked: Asked) -> str:
        now = self._clock.now()
        header: Record = {
            "message_id": "request",
            "dantai_code": self._dantai_code,
            "generation": asked.generation,
            "made_at": now,
            "wanted": asked.wanted,
            "since": asked.since,
        }
        rows: Rows = [("header", header)]
        rows += [("person", {"juminhyo_code": one}) for one in asked.persons]
        data = self._records.write("request", [*rows, ("trailer", {})])
        made_at = f"{now.astimezone(JST):%Y%m%d%H%M%S}"
        name = self._records.name(
            "request", dantai_code=self._dantai_code, generation=asked.generation, made_at=made_at
        )
        drop_file(self._folders.requests / name, data, self._records.exchange.temporary_suffix)
        return name

    def take(self) -> Taken:
        """Take the answer that lies there over, or say why not; either way no answer is left lying."""
        suffix = self._records.exchange.temporary_suffix
        answers = self._folders.answers
        paths = sorted(path for path in answers.iterdir() if not path.name.endswith(suffix)) if answers.is_dir() else []
        if self._asked is None or not paths:
            return Taken("missing", detail="答えのファイルがありません / there is no answer")
        data = paths[-1].read_bytes()
        for path in paths:
            path.unlink()
        try:
            return self._take(self._asked, self._records.read(self._mode(self._asked), data))
        except RecordFileError as error:
            return Taken(error.reason, detail=str(error))

    @staticmethod
    def _mode(asked: Asked) -> str:
        return "diff" if asked.wanted == "diff" else "full"

    def _take(self, asked: Asked, rows: Rows) -> Taken:
        header = rows[0][1]
        if header["dantai_code"] != self._dantai_code or header["message_id"] != asked.wanted:
            raise RecordFileError("ヘッダ: この要求の答えではありません / not an answer to this request")
        if header["answers"] != asked.generation:
            raise OutOfSequenceError("ヘッダ: 別の要求への答えです / an answer to another request")
        if header["result"] not in ("ok", "nothing"):
            return Taken(str(header["result"]))
        told = [values for kind, values in rows if kind == "certificate"]
        holdings = [_holding(one) for one in told]
        generation = cast(int, header["generation"])
        match asked.wanted:
            case "persons":
                changes = self._master.take_persons(holdings)
            case "full":
                changes = self._master.take_full(holdings)
                self.generation = generation
            case "diff":
                if header["since"] != self.generation or generation != self.generation + 1:
                    raise OutOfSequenceError("ヘッダ: 世代番号が続いていません / generations do not follow")
                kinds = [cast("Literal['upsert', 'delete']", one["change"]) for one in told]
                changes = self._master.take_changes(zip(kinds, holdings, strict=True))
                self.generation = generation
        return Taken("", changes, len(told))


def _holding(values: Record) -> Holding:
    return Holding(
        serial=str(values["serial"]),
        juminhyo_code=str(values["juminhyo_code"]),
        valid_from=cast(date, values["valid_from"]),
        valid_to=cast(date, values["valid_to"]),
        state=str(values["state"]),
        reason=str(values["reason"]),
    )
