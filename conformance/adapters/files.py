"""Adapter ``files``: a product that exports and imports files in a shared folder (連携ファイル).

Seeing: the product writes tables (applications, items, persons …) into ``outbox``; target.toml maps their columns.
Acting: the harness lays request files into ``inbox`` and waits for the product's answer, or until the file is taken away.
A table or a request that is not declared cannot be seen or done: the checks that need it are 未検証.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from conformance.adapters import tables
from conformance.adapters.base import AdapterProblem, Change, ProductUnreachable, Sheet, cannot
from conformance.adapters.settings import Column, Exported, FilesChoice
from conformance.adapters.tables import Rows
from conformance.visible import one_line
from interface_spec.control import (
    ApplicationDetail,
    ApplicationSummary,
    Health,
    IdentifyPerson,
    Job,
    JobState,
    ReviewChange,
)

FIRST_LOOK, LAST_LOOK = 0.02, 0.5
"""Seconds between two looks into a folder: at first, and after a while."""
ACCEPTED = 200
UNFINISHED_SECONDS = 3.0
"""How long a file that does not read well may still be one that the product is writing."""
M = TypeVar("M", ApplicationSummary, ApplicationDetail)
Note = Callable[[list[str], bytes, int, bytes], int]


class FilesAdapter:
    """One product behind two folders. ``name`` and ``version`` are target.toml's: files do not tell."""

    def __init__(
        self,
        choice: FilesChoice,
        folder: Path,
        product: tuple[str, str],
        note: Note,
        *,
        call_timeout: float,
        job_timeout: float,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._choice, self._product, self._note, self._wait = choice, product, note, wait
        self._out, self._in = folder / choice.outbox, folder / choice.inbox
        self._call_timeout, self._job_timeout = call_timeout, job_timeout
        self._number = int(time.time())  # a number of an earlier run would find that run's answer
        self._seen: dict[str, Rows] | None = None
        self._index: dict[tuple[str, str], list[int]] = {}
        self._settled = True

    @property
    def unseen(self) -> frozenset[str]:
        tables_of = {"items", "attachments", "persons", "candidates", "core_errors", "history"}
        missing = {name for name in tables_of if name not in self._choice.export}
        if "quarantine_reason" not in self._choice.export["applications"].columns:
            missing.add("quarantine_reason")
        return frozenset(missing | {"clock"})

    def begin(self, _sheet: Sheet, /) -> None:
        """Nobody to tell; whatever was read before the round is old."""
        self._seen = None

    def close(self) -> None:
        """Files leave nothing open."""

    # -- seeing ------------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """A product of files is alive when it answers a request for an export, or else when its export can be read."""
        self._seen = None
        self._tables()
        name, version = self._product
        return Health(status="ok", product=name, version=version, now=datetime.now(UTC))

    def applications(self) -> list[ApplicationSummary]:
        self._seen = None
        rows = self._tables()["applications"]
        return [
            _fits(ApplicationSummary, self._summary(rows, number), f"{self._choice.export['applications'].file}")
            for number in range(len(rows.rows))
        ]

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        rows = self._tables()["applications"]
        found = self._of("applications", receipt_no)
        if not found:
            return None
        more = {name: getattr(self, f"_{name}")(receipt_no) for name in ("items", "attachments", "persons", "core_errors", "history")}  # fmt: skip
        more |= {name: rows.text(found[0], name) for name in ("dantai_code", "quarantine_reason")}
        return _fits(ApplicationDetail, self._summary(rows, found[0]) | more, f"受付番号 {receipt_no}")

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        for number in self._of("attachments", receipt_no):
            rows = self._tables()["attachments"]
            if rows.number(number, "seq", 0) == seq:
                place = rows.text(number, "path")
                return 200, tables.read_bounded(self._out / place, self._out, "adapter.files.export.attachments")
        return 404, b""

    def _tables(self) -> dict[str, Rows]:
        """The exported tables; asked for anew after every change."""
        if self._seen is None:
            if "export" in self._choice.request:
                self._ask("export", {}, self._call_timeout)
            elif not self._settled:
                self._wait(self._choice.settle_seconds)
            self._settled = True
            self._seen = {name: self._stable(name) for name in self._choice.export}
            self._index = {}
            for name, rows in self._seen.items():
                index = defaultdict(list)
                for number in range(len(rows.rows)):
                    index[(name, rows.text(number, "receipt_no"))].append(number)
                self._index |= index
        return self._seen

    def _stable(self, name: str) -> Rows:
        """A file that the product may be writing at this very moment is read again for a while."""
        deadline = time.monotonic() + min(self._call_timeout, UNFINISHED_SECONDS)
        while True:
            try:
                return tables.read_rows(self._out, name, self._choice.export[name], self._choice)
            except AdapterProblem:
                if time.monotonic() > deadline:
                    raise
                self._wait(FIRST_LOOK)

    def _of(self, name: str, receipt_no: str) -> list[int]:
        self._tables()
        return self._index.get((name, receipt_no), [])

    def _summary(self, rows: Rows, number: int) -> dict[str, Any]:
        words = {name: rows.text(number, name) for name in ("receipt_no", "procedure_id", "ingestion", "review", "handover")}  # fmt: skip
        moments = {name: rows.moment(number, name) for name in ("received_at", "arrived_at")}
        imported = rows.moment(number, "imported_at") if rows.has("imported_at") else moments["arrived_at"]
        return {**words, **moments, "imported_at": imported, "version": rows.number(number, "version", 0)}

    def _items(self, receipt_no: str) -> list[dict[str, Any]]:
        return [
            {
                **{name: rows.text(number, name) for name in ("item_id", "label", "group", "value")},
                "occurrence": rows.number(number, "occurrence", 1),
            }
            for rows, number in self._rows("items", receipt_no)
        ]

    def _attachments(self, receipt_no: str) -> list[dict[str, Any]]:
        found = []
        for rows, number in self._rows("attachments", receipt_no):
            seq = rows.number(number, "seq", 0)
            _, data = self.attachment(receipt_no, seq)
            words = {name: rows.text(number, name) for name in ("label", "file_name", "media_type")}
            found.append({**words, "seq": seq, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        return found

    def _persons(self, receipt_no: str) -> list[dict[str, Any]]:
        found = []
        for rows, number in self._rows("persons", receipt_no):
            role = rows.text(number, "role")
            found.append(
                {
                    **{name: rows.text(number, name) for name in ("state", "juki_atena_no", "core_system", "atena_no")},
                    "role": role,
                    "method": rows.text(number, "method") or None,
                    "reasons": rows.several(number, "reasons"),
                    "candidates": self._candidates(receipt_no, role),
                }
            )
        return found

    def _candidates(self, receipt_no: str, role: str) -> list[dict[str, Any]]:
        names = ("atena_no", "juki_atena_no", "name", "birth_date", "gender", "address")
        return [
            {**{name: rows.text(number, name) for name in names}, "reasons": rows.several(number, "reasons")}
            for rows, number in self._rows("candidates", receipt_no)
            if rows.text(number, "role") == role
        ]

    def _core_errors(self, receipt_no: str) -> list[str]:
        return [rows.text(number, "message") for rows, number in self._rows("core_errors", receipt_no)]

    def _history(self, receipt_no: str) -> list[dict[str, Any]]:
        return [
            {**{name: rows.text(number, name) for name in ("actor", "what", "reason")}, "at": rows.moment(number, "at")}
            for rows, number in self._rows("history", receipt_no)
        ]

    def _rows(self, name: str, receipt_no: str) -> list[tuple[Rows, int]]:
        rows = self._tables().get(name)
        return [(rows, number) for number in self._of(name, receipt_no)] if rows else []

    # -- acting ------------------------------------------------------------------------------------------------------

    def sync(self) -> Job:
        return self._job("sync")

    def import_now(self) -> Job:
        return self._job("import")

    def _job(self, kind: str) -> Job:
        status, message, _ = self._ask(kind, {}, self._job_timeout)
        state = JobState.DONE if status < 400 else JobState.FAILED
        return Job(job_id=kind, kind=kind, state=state, message=message)

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        values = {
            "receipt_no": receipt_no,
            "to": change.to.value,
            "reason": change.reason,
            "version": str(change.version or ""),
        }
        return self._change("review", receipt_no, values)

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        values = {
            "receipt_no": receipt_no, "role": person.role.value, "atena_no": person.atena_no or "", "reason": person.reason,
        }  # fmt: skip
        return self._change("identify", receipt_no, values)

    def _change(self, name: str, receipt_no: str, values: Mapping[str, str]) -> Change:
        status, message, number = self._ask(name, values, self._call_timeout)
        detail = self.application(receipt_no) if status < 400 else None
        return Change(status, message, detail, number)

    def _ask(self, name: str, values: Mapping[str, str], seconds: float) -> tuple[int, str, int]:
        """Lays one request and waits for what becomes of it: (status, message, number on the tape)."""
        request = self._choice.request.get(name)
        if request is None:
            raise cannot(
                f"adapter.files.request.{name}",
                "宣言されていないため、この操作は確かめられません",
                "not declared: this cannot be done",
            )
        self._number += 1
        self._seen = None
        self._settled = False
        file, answer = (one.format(number=self._number) for one in (request.file, request.answer))
        body = self._written(request.columns, values)
        place = f"adapter.files.request.{name}"
        lay(self._in / file, body, place)
        data = self._answer(self._in / file, self._out / answer if answer else None, place, seconds)
        status, message = (ACCEPTED, "") if not request.answer_columns else self._read_answer(data, name)
        return status, message, self._note(["files", file, answer], body, status, data)

    def _written(self, columns: Mapping[str, Column], values: Mapping[str, str]) -> bytes:
        """A request in the product's own words: ``values`` is read backwards, a column stands under its own name."""
        row = {}
        for field, column in columns.items():
            value = values.get(field, "")
            row[column.column] = next((theirs for theirs, ours in column.values.items() if ours == value), value)
        if self._choice.format == "json":
            return json.dumps([row] if row else [], ensure_ascii=False).encode(self._choice.encoding, "replace")
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(row), delimiter=tables.DELIMITERS[self._choice.format], lineterminator="\r\n")
        if row:
            writer.writeheader()
            writer.writerow(row)
        return out.getvalue().encode(self._choice.encoding, "replace")

    def _answer(self, asked: Path, answer: Path | None, place: str, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        pause = FIRST_LOOK
        while True:
            if answer is not None and answer.is_file():
                return tables.read_bounded(answer, self._out, place)
            if answer is None and not asked.exists():
                return b""
            if time.monotonic() > deadline:
                what = answer.name if answer is not None else asked.name
                words = (
                    f"{what} の答えが {seconds:g} 秒待ってもありません",
                    f"no answer to {what} within {seconds:g} s",
                )
                raise ProductUnreachable(place, *words) if place.endswith(".export") else AdapterProblem(place, *words)
            self._wait(pause)
            pause = min(pause * 1.3, LAST_LOOK)

    def _read_answer(self, data: bytes, name: str) -> tuple[int, str]:
        request = self._choice.request[name]
        place = f"adapter.files.request.{name}.answer_columns"
        text = data.decode(self._choice.encoding, "replace")
        table = Exported(file=request.answer, columns=request.answer_columns)
        rows = tables.parse_rows(text, f"request.{name}", table, self._choice, place)
        if not rows.rows:
            raise AdapterProblem(place, f"{request.answer} に行がありません", f"{request.answer} has no row")
        return rows.number(0, "status", ACCEPTED), one_line(rows.text(0, "message"), 500)


def lay(path: Path, data: bytes, place: str) -> None:
    """Writes a file that the product sees whole or not at all. ProductUnreachable when the folder cannot be written."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)  # noqa: PTH105 - both names are paths already
    except OSError as error:
        raise ProductUnreachable(
            place, f"{path} を書けません（{error.strerror}）", f"{path} cannot be written ({error.strerror})"
        ) from None


def _fits(model: type[M], values: dict[str, Any], place: str) -> M:
    """``values`` as ``model``. AdapterProblem names the first value that the control interface does not know."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field, shown = ".".join(str(part) for part in first["loc"]), one_line(str(first.get("input")), 60)
        raise AdapterProblem(
            place,
            f"{field} の「{shown}」を読み替えられません（adapter.files.export の values を見直す）",
            f"{field} '{shown}' is no value of the control interface (see values in adapter.files.export)",
        ) from None
