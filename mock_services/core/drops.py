"""基幹 as a reader of the product's files: takes what was dropped for it, says what came, and drops its answers.

A drop stays until it is answered: whatever no answer names is there again at the next visit. Layout, names and text form
come from the profile (``drops.handover``, ``drops.core_results``); nothing is read that a manifest does not vouch for.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from interface_spec.profile import Drop, Profile
from mock_services.models import Answer, PullResult, Received
from mock_services.surface import json_row, write_csv
from mock_services.wiring import JST, Codec, Record, Value, read_record

HANDOVER, RESULTS = "handover", "core_results"
LARGEST_FILE = 128 * 1024 * 1024
MOST_DROPS = 1000


class _Unusable(Exception):
    """A drop that is not what its manifest says; one sentence."""


@dataclass
class _Dropped:
    """One drop that was read completely. ``problems``: where its rows break the profile."""

    number: int
    applications: dict[str, Record]
    items: dict[str, list[Record]]
    attachments: dict[str, list[Record]]
    raw: dict[str, str]
    problems: list[str]


class DropCore:
    """One core system at the shared folder ``root``."""

    def __init__(self, profile: Profile, root: Path, core_system: str, acknowledged: int) -> None:
        """``acknowledged``: the status that stands for an acknowledgement, as the interface by calls has it."""
        self._profile, self._root, self._core, self._acknowledged = profile, root, core_system, acknowledged
        self._codec = Codec(profile)
        self._answered: set[str] = set()
        self._old = frozenset(self._manifests(profile.drops[HANDOVER]))
        """Drops of an earlier run: nobody's business any more."""
        self._number = self._last_answer(profile.drops[RESULTS])

    def visit(self, answers: Mapping[str, Answer], now: datetime) -> PullResult:
        """One run over the folder: everything not answered yet is taken and, as told, answered. Nothing raises."""
        drops, problems = self._read_all()
        listed: list[str] = []
        received: list[Received] = []
        acks: list[tuple[str, int]] = []
        for drop in drops:
            told: dict[str, Answer] = {}
            for receipt_no, head in drop.applications.items():
                if receipt_no in self._answered:
                    continue
                listed.append(receipt_no)
                received.append(self._received(drop, receipt_no, head))
                answer = answers.get(receipt_no, Answer())
                if answer.result != "none":
                    told[receipt_no] = answer
            if told:
                self._drop_answers(drop, told, now)
                self._answered |= told.keys()
                acks += [(receipt_no, self._acknowledged) for receipt_no in told]
        if len(set(listed)) != len(listed):
            problems.append("同じ申請が二つの受渡しにあります / an application stands in two drops")
        return PullResult(
            status=self._acknowledged,
            listed=listed,
            rows=[],
            received=received,
            acks=acks,
            ack_states={},
            problems=problems,
        )

    # -- reading -----------------------------------------------------------------------------------------------------

    def _folder(self, drop: Drop) -> Path:
        return self._root / drop.folder.format(core_system=self._core)

    def _read_all(self) -> tuple[list[_Dropped], list[str]]:
        drop = self._profile.drops[HANDOVER]
        found, problems = [], []
        for path in [one for one in self._manifests(drop) if one not in self._old][:MOST_DROPS]:
            try:
                found.append(self._read(drop, path))
            except (_Unusable, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                problems.append(f"{path.name}: {error}")
        return sorted(found, key=lambda one: one.number), problems

    def _manifests(self, drop: Drop) -> list[Path]:
        return sorted(self._folder(drop).glob(f"*{drop.manifest.name.rpartition('}')[2]}"))

    def _last_answer(self, drop: Drop) -> int:
        """The number of the last answer of an earlier run: the product knows those numbers already."""
        last, number = 0, drop.manifest.items["number"]
        for path in self._manifests(drop):
            with suppress(OSError, ValueError, TypeError, _Unusable):
                last = max(last, int(json.loads(_bounded(path, self._root))[number.wire]))
        return last

    def _read(self, drop: Drop, path: Path) -> _Dropped:
        document = json.loads(_bounded(path, self._root))
        head, problems = read_record(self._codec, drop.manifest.items, document, is_json=True, closed=False)
        number, stated = head["number"], {}
        if not isinstance(number, int) or (head["core_system"], head["kind"]) != (self._core, HANDOVER):
            raise _Unusable("種別・連番・基幹システムIDのどれかが違います / kind, number or core system")
        for row in document[drop.manifest.rows]:
            record, more = read_record(self._codec, drop.manifest.row, row, is_json=True)
            problems += more
            stated[str(record["name"])] = record
        read = {name: self._rows(drop, name, path, stated, problems) for name in drop.files}
        by_receipt: dict[str, dict[str, list[Record]]] = {name: {} for name in read}
        for name, rows in read.items():
            for one in rows:
                by_receipt[name].setdefault(str(one["receipt_no"]), []).append(one)
        if head.get("applications") != len(read["applications"]):
            problems.append("申請の件数が目録と違います / the manifest counts other applications")
        for receipt_no, files in by_receipt["attachments"].items():
            for file in files:
                problems += self._attachment(drop, path.parent, receipt_no, file, stated)
        return _Dropped(
            number,
            {receipt_no: rows[0] for receipt_no, rows in by_receipt["applications"].items()},
            by_receipt["items"],
            by_receipt["attachments"],
            {
                receipt_no: json.dumps([_plain(row) for row in rows], ensure_ascii=False)
                for receipt_no, rows in by_receipt["applications"].items()
            },
            problems,
        )

    def _rows(
        self, drop: Drop, name: str, manifest: Path, stated: Mapping[str, Record], problems: list[str]
    ) -> list[Record]:
        """The rows of one file, found in the manifest by the part of its name that no drop changes."""
        spec = drop.files[name]
        front, _, tail = spec.name.partition("{")[0], "", spec.name.rpartition("}")[2]
        files = [one for one in stated if "/" not in one and one.startswith(front) and one.endswith(tail)]
        if len(files) != 1:
            raise _Unusable(f"{spec.name}: 目録にありません / not in the manifest")
        data = self._vouched(manifest.parent / files[0], stated[files[0]])
        if spec.container == "json":
            rows = json.loads(data)[spec.rows]
        else:
            text = data.decode("utf-8-sig" if drop.text.bom else drop.text.encoding)
            rows = list(csv.DictReader(io.StringIO(text, newline=""), None if drop.text.header else _wires(spec.row)))
        if len(rows) != stated[files[0]]["records"]:
            problems.append(f"{files[0]}: 件数が目録と違います / the manifest counts other rows")
        records = []
        for row in rows:
            record, more = read_record(self._codec, spec.row, row, is_json=spec.container == "json")
            problems += [f"{files[0]}: {problem}" for problem in more]
            records.append(record)
        return records

    def _vouched(self, path: Path, stated: Record) -> bytes:
        data = _bounded(path, self._root)
        if (len(data), hashlib.sha256(data).hexdigest()) != (stated["size"], stated["sha256"]):
            raise _Unusable(f"{path.name}: 大きさかハッシュが目録と違います / not what the manifest says")
        return data

    def _attachment(
        self, drop: Drop, folder: Path, receipt_no: str, file: Record, stated: Mapping[str, Record]
    ) -> list[str]:
        """Reads one attachment and notes its real size and digest; where it is not what the rows say."""
        file["real_size"], file["real_sha256"] = 0, ""
        start = drop.attachments.format(receipt_no=receipt_no, seq=file["seq"], file_name="\0").partition("\0")[0]
        names = [one for one in stated if one.startswith(start)]
        if len(names) != 1:
            return [f"{receipt_no} 添付 {file['seq']}: 目録にありません / not in the manifest"]
        data = self._vouched(folder / names[0], stated[names[0]])
        file["real_size"], file["real_sha256"] = len(data), hashlib.sha256(data).hexdigest()
        if (file["size"], file["sha256"]) != (file["real_size"], file["real_sha256"]):
            return [f"{receipt_no} 添付 {file['seq']}: 一覧の大きさかダイジェストと違います / differs from the list"]
        return []

    def _received(self, drop: _Dropped, receipt_no: str, head: Record) -> Received:
        items = [
            {name: value for name, value in one.items() if name != "receipt_no"}
            for one in drop.items.get(receipt_no, [])
        ]
        return Received(
            receipt_no=receipt_no,
            status=self._acknowledged,
            fields=_plain(head),
            items=[_plain(one) for one in items],
            attachments=[{**_plain(one), "status": self._acknowledged} for one in drop.attachments.get(receipt_no, [])],
            raw_json=drop.raw[receipt_no],
            problems=drop.problems,
        )

    # -- answering ---------------------------------------------------------------------------------------------------

    def _drop_answers(self, drop: _Dropped, told: Mapping[str, Answer], now: datetime) -> None:
        """更新結果リスト and エラーリスト of one drop, the manifest last."""
        spec = self._profile.drops[RESULTS]
        self._number += 1
        updates: list[Record] = []
        errors: list[Record] = []
        for receipt_no, answer in told.items():
            head = drop.applications[receipt_no]
            about: Record = {"receipt_no": receipt_no, "procedure_id": head["procedure_id"]}
            number = head.get("signer_atena_no") or head.get("subject_atena_no") or "0"
            updates.append(about | {"atena_no": number, "result": answer.result, "updated_at": now})
            if answer.result == "error":
                codes = self._profile.codes[spec.files["errors"].row["check"].codes or ""]
                errors.append(
                    about
                    | {
                        "error_item": answer.item or None,
                        "occurrence": None,
                        "check": next(iter(codes.values)),
                        "error_reason": answer.reason,
                    }
                )
        names = {
            "core_system": self._core,
            "dantai_code": "",
            "made_at": f"{now.astimezone(JST):%Y%m%d%H%M%S}",
            "number": f"{self._number:08d}",
        }
        folder, stated = self._folder(spec), []
        for name, rows in (("updates", updates), ("errors", errors)):
            stated.append(self._put(spec, name, rows, folder, names))
        values: Record = {
            "kind": "results",
            "number": self._number,
            "made_at": now,
            "core_system": self._core,
            "answers": drop.number,
        }
        manifest = {item.wire: self._codec.json(item, values.get(name)) for name, item in spec.manifest.items.items()}
        body = {**manifest, spec.manifest.rows: [json_row(self._codec, spec.manifest.row, one) for one in stated]}
        _lay(folder / spec.manifest.name.format(**names), json.dumps(body, ensure_ascii=False).encode(), spec)

    def _put(self, spec: Drop, name: str, rows: Sequence[Record], folder: Path, names: Mapping[str, str]) -> Record:
        file = spec.files[name]
        if file.container == "csv":
            data = write_csv(self._codec, spec.text, file.row, rows)
        else:
            written = {file.rows: [json_row(self._codec, file.row, row) for row in rows]}
            data = json.dumps(written, ensure_ascii=False).encode(spec.text.encoding)
        path = folder / file.name.format(**names)
        _lay(path, data, spec)
        return {"name": path.name, "records": len(rows), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _wires(row: Mapping[str, object]) -> list[str]:
    return [str(getattr(item, "wire")) for item in row.values()]  # noqa: B009 - items of any profile


def _plain(record: Mapping[str, Value]) -> dict[str, str | int | None]:
    """Canonical values as JSON carries them."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in record.items()}


def _bounded(path: Path, root: Path) -> bytes:
    """The file's bytes. _Unusable when it is too large, no file, or lies elsewhere."""
    real = path.resolve()
    if not real.is_relative_to(root.resolve()) or not real.is_file() or real.stat().st_size > LARGEST_FILE:
        raise _Unusable(f"{path.name}: 読めるファイルではありません / not a readable file")
    return real.read_bytes()


def _lay(path: Path, data: bytes, spec: Drop) -> None:
    """Written under a temporary name and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + spec.temporary_suffix)
    beside.write_bytes(data)
    beside.replace(path)
