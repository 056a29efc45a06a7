"""Applications to a core system by file, each in one drop only; the answer comes back as 更新結果リスト and エラーリスト."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine

from interface_spec.procedures import Procedure
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import handover
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import ContradictionError, Desk, NotFoundError
from reference_impl.shinsei_kanri.drops.files import Content, DropTrouble, Folder, Row, Written, safe_name
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.records import Acknowledgement
from reference_impl.shinsei_kanri.storage import applications
from reference_impl.shinsei_kanri.storage import drops as stored
from reference_impl.shinsei_kanri.storage.drops import Planned
from reference_impl.shinsei_kanri.wiring.fields import Fields

_ITEM = ("item_id", "label", "group", "occurrence", "value")
_FILE = ("seq", "label", "file_name", "size", "sha256")


class DropExchange:
    """Hand-over by files with the core systems of ``cores``, below the folder ``root``."""

    def __init__(
        self,
        root: Path,
        cores: Sequence[str],
        engine: Engine,
        clock: Clock,
        journal: Journal,
        profile: Profile,
        procedures: Mapping[str, Procedure],
        desk: Desk,
    ) -> None:
        self._root, self._cores, self._engine, self._clock, self._journal = root, cores, engine, clock, journal
        self._profile, self._procedures, self._desk = profile, procedures, desk

    def run(self, run_id: int) -> tuple[Counter[str], str]:
        """Take answers, then make drops. (counts, one sentence). DropTrouble at the end for whatever was refused."""
        counts, troubles = Counter[str](), list[str]()
        for core_system in self._cores:
            counts["answers"] += self._take_all(core_system, troubles)
            try:
                counts["handed_over"] += self._make(core_system)
            except OSError as error:
                troubles.append(f"{core_system}: 受渡しフォルダに書けません / cannot write ({error.strerror})")
            except DropTrouble as trouble:
                troubles.append(f"{core_system}: {trouble}")
        self._journal.write("drops", run_id=run_id, **counts)
        if troubles:
            raise DropTrouble("。".join(troubles))
        return counts, f"{counts['handed_over']} 件を渡し、{counts['answers']} 件の答えを受け取りました / exchanged"

    def _folder(self, name: str, core_system: str) -> Folder:
        return Folder(self._root, self._profile, name, {"core_system": core_system})

    def _make(self, core_system: str) -> int:
        """Finish what a crash left, then hand over everything that waits; the number of applications."""
        folder, own = self._folder("handover", core_system), handover.procedures_of(core_system, self._procedures)
        count = 0
        while True:
            with self._engine.begin() as connection:
                stored.hold(connection, core_system)
                planned = stored.unfinished(connection, core_system, own)
                if not planned and (fresh := stored.plan(connection, core_system, own, self._clock.now())) is not None:
                    planned = [fresh]
            if not planned:
                return count
            for drop in planned:
                with self._engine.begin() as connection:
                    stored.hold(connection, core_system)
                    if drop not in stored.unfinished(connection, core_system, own):
                        continue  # another process was faster
                    self._write(connection, folder, core_system, drop)
                    stored.finish(connection, core_system, drop.number)
                count += len(drop.receipts)

    def _write(self, connection: Connection, folder: Folder, core_system: str, drop: Planned) -> None:
        """Everything from the database again: the same bytes as before a crash. A drop that is there stays as it is."""
        number, made_at = drop.number, drop.made_at.astimezone(self._clock.now().tzinfo)
        if (folder.path / folder.manifest_name(number, made_at)).exists():
            return
        heads: list[Row] = []
        items: list[Row] = []
        lists: list[Row] = []
        files: list[Written] = []
        for receipt_no in drop.receipts:
            heads.append(self._head(connection, receipt_no))
            items += [
                {"receipt_no": receipt_no} | {name: getattr(item, name) for name in _ITEM}
                for item in applications.items(connection, receipt_no)
            ]
            for file in applications.attachments(connection, receipt_no):
                lists.append({"receipt_no": receipt_no} | {name: getattr(file, name) for name in _FILE})
                if folder.drop.attachments:
                    files.append(self._put_attachment(connection, folder, receipt_no, file.seq))
        for name, rows in (("applications", heads), ("items", items), ("attachments", lists)):
            files.append(folder.put_rows(name, rows, number, made_at))
        head: Row = {
            "kind": "handover",
            "number": number,
            "made_at": made_at,
            "core_system": core_system,
            "applications": len(heads),
        }
        folder.put_manifest(head, files, number, made_at)

    def _head(self, connection: Connection, receipt_no: str) -> Row:
        status, row = applications.status(connection, receipt_no), applications.header(connection, receipt_no)
        if status is None or row is None:
            raise DropTrouble(f"{receipt_no}: 申請がありません / no such application")
        times = {name: getattr(row, name) for name in ("received_at", "arrived_at", "imported_at", "completed_at")}
        return {"receipt_no": receipt_no, "procedure_id": row.procedure_id} | times | handover.numbers(status)

    def _put_attachment(self, connection: Connection, folder: Folder, receipt_no: str, seq: int) -> Written:
        file = applications.attachment(connection, receipt_no, seq)
        if file is None:
            raise DropTrouble(f"{receipt_no}: 添付 {seq} がありません / an attachment is missing")
        name = folder.drop.attachments.format(
            receipt_no=safe_name(receipt_no), seq=seq, file_name=safe_name(file.file_name)
        )
        return folder.put(name, file.body, 1)

    def _take_all(self, core_system: str, troubles: list[str]) -> int:
        """Every answer not taken yet, in the order of their numbers; the number of applications that were answered."""
        folder, found = self._folder("core_results", core_system), list[tuple[int, Path]]()
        with self._engine.connect() as connection:
            for manifest in folder.manifests():
                try:
                    number = folder.head(manifest).whole("number")
                except DropTrouble as trouble:
                    troubles.append(f"{core_system}: {trouble}")
                    continue
                if not stored.exists(connection, stored.RESULTS, core_system, number):
                    found.append((number, manifest))
        answered = 0
        for number, manifest in sorted(found):
            try:
                answered += self._take(core_system, number, folder.read(manifest))
            except DropTrouble as trouble:
                troubles.append(f"{core_system}: {trouble}")
        return answered

    def _take(self, core_system: str, number: int, content: Content) -> int:
        """One drop of answers in one transaction, or nothing of it. Raises DropTrouble."""
        head = content.head
        if head.text("kind") != "results" or head.text("core_system") != core_system:
            raise DropTrouble(f"受渡し {number}: 種別か基幹システムIDが違います / another kind or core system")
        answers = answers_of(content)
        with self._engine.begin() as connection:
            stored.hold(connection, core_system)
            if stored.exists(connection, stored.RESULTS, core_system, number):
                return 0
            for receipt_no, given in answers.items():
                try:
                    self._desk.acknowledge_drop(connection, receipt_no, given, core_system, head.whole("answers"))
                except NotFoundError:
                    raise DropTrouble(f"受渡し {number}: {receipt_no} は渡していません / was not handed over") from None
                except ContradictionError:
                    raise DropTrouble(f"受渡し {number}: {receipt_no} の前の答えと違います / contradicts") from None
            stored.record_taken(connection, core_system, number, head.moment("made_at"))
        return len(answers)


def answers_of(content: Content) -> dict[str, list[Acknowledgement]]:
    """受付番号 → the answer; several when the エラーリスト names several errors. Raises DropTrouble for a contradiction."""
    errors: dict[str, list[Fields]] = defaultdict(list)
    for row in content.rows["errors"]:
        errors[row.text("receipt_no")].append(row)
    results: dict[str, str] = {}
    for row in content.rows["updates"]:
        if results.setdefault(row.text("receipt_no"), row.text("result")) != row.text("result"):
            raise DropTrouble(f"{row.text('receipt_no')}: 更新結果が二通りあります / two different results")
    answers: dict[str, list[Acknowledgement]] = {}
    for receipt_no in [*results, *(one for one in errors if one not in results)]:
        if results.get(receipt_no) == "updated":
            if receipt_no in errors:
                raise DropTrouble(f"{receipt_no}: 更新済みなのにエラーリストにもあります / updated and in error")
            answers[receipt_no] = [Acknowledgement("updated")]
            continue
        told = [
            Acknowledgement("error", row.text("error_item"), row.text("error_reason")) for row in errors[receipt_no]
        ]
        answers[receipt_no] = told or [Acknowledgement("error", "", "理由なし / no reason given")]
    return answers
