"""③-2: packages are scanned and opened one by one, identified and stored together; or quarantined with the reason.

From quarantine they are tried again or released.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from interface_spec.control import Ingestion
from interface_spec.procedures import Procedure
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import form_types, identification
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import NotFoundError, RefusedError
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.judging import NOTHING_ASKED, Judge, Prepared, Question
from reference_impl.shinsei_kanri.records import Application, Content, Listed, Typed
from reference_impl.shinsei_kanri.scanner import Scanner
from reference_impl.shinsei_kanri.storage import applications
from reference_impl.shinsei_kanri.storage.applications import Opened
from reference_impl.shinsei_kanri.unpack import package
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

PACKAGE, MALWARE = "package", "malware"
"""Why something is quarantined: the ZIP cannot be trusted as a ZIP, or the scanner found something in it."""


class Malware(RefusedPackage):
    """The scanner found something."""


@dataclass(frozen=True)
class Arrived:
    """A package that was opened, or why it could not be."""

    row: Listed
    body: Content = field(repr=False)
    content: Application | RefusedPackage
    prepared: Prepared = NOTHING_ASKED


class Intake:
    """Judges one package after the other; ``scanner`` is None when none is configured."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        journal: Journal,
        profile: Profile,
        procedures: Mapping[str, Procedure],
        judge: Judge,
        scanner: Scanner | None,
    ) -> None:
        self._engine, self._clock, self._journal, self._profile = engine, clock, journal, profile
        self._procedures, self._judge, self._scanner = procedures, judge, scanner
        self._unpacking = threading.Lock()  # only computes: several at once would take turns, and pay for every turn

    def check_scanner(self) -> None:
        """Raises ScannerTrouble when a scanner is configured and does not work."""
        if self._scanner is not None:
            self._scanner.check()

    def open(self, row: Listed, body: Content) -> Arrived:
        """Scan and unpack one package, and ask whom identification will ask outside; nothing is kept yet.

        Raises ScannerTrouble.
        """
        try:
            application = self._open(row, body, scan=True)
        except RefusedPackage as refusal:
            return Arrived(row, body, refusal)
        return Arrived(row, body, application, self._judge.prepare(application.verification, row.procedure_id))

    def keep(self, arrived: Sequence[Arrived], note: Callable[[Connection, Mapping[str, str]], None]) -> None:
        """Store or quarantine all of them in one transaction, or, when it fails, none.

        In the same transaction ``note`` is told what became of each 受付番号: ``stored``, ``quarantined`` or ``known``.
        """
        now = self._clock.now()
        outcomes = dict.fromkeys((one.row.receipt_no for one in arrived), "known")
        kinds: dict[str, str] = {}
        with self._engine.begin() as connection:
            opened = self._identified(connection, arrived)
            new = applications.store(connection, opened, now)
            outcomes |= dict.fromkeys(new, "stored")
            identification.note_same_person(connection, new, now)
            for one in arrived:
                if isinstance(one.content, RefusedPackage) and self._quarantine(connection, one, one.content, now):
                    kinds[one.row.receipt_no] = kind_of(one.content)
            note(connection, outcomes | dict.fromkeys(kinds, "quarantined"))
        for receipt_no, kind in kinds.items():
            self._journal.write("quarantined", receipt_no=receipt_no, kind=kind)

    def _identified(self, connection: Connection, arrived: Sequence[Arrived]) -> list[Opened]:
        identification.hold_registers(connection)
        good = [(one, one.content) for one in arrived if isinstance(one.content, Application)]
        questions = [
            Question(content.items, content.verification, one.row.procedure_id, one.prepared) for one, content in good
        ]
        decided = self._judge.decide(connection, questions)
        return [
            Opened(one.row, content, self._typed(one.row, content), persons, one.body)
            for (one, content), persons in zip(good, decided, strict=True)
        ]

    def _typed(self, row: Listed, application: Application) -> list[Typed]:
        return form_types.typed(self._procedures.get(row.procedure_id), application.items)

    def _quarantine(self, connection: Connection, one: Arrived, refusal: RefusedPackage, now: datetime) -> bool:
        new = applications.quarantine(connection, one.row, one.body, str(refusal), now)
        if new:
            applications.set_quarantine_kind(connection, one.row.receipt_no, kind_of(refusal))
        return new

    def again(self, receipt_no: str, actor: str, reason: str, *, release: bool = False) -> bool:
        """Judge a quarantined package once more, by today's profile; True when it is stored now.

        ``release`` passes over the scanner: staff take the responsibility, with a reason. Raises NotFoundError,
        RefusedError when this is not possible, ScannerTrouble.
        """
        if not reason.strip():
            raise RefusedError("理由を書いてください / write the reason")
        with self._engine.begin() as connection:
            row, body, kind = self._quarantined(connection, receipt_no)
            if release and kind != MALWARE:
                raise RefusedError(
                    "解除できるのはマルウェア検査による隔離だけです / only a scanner's finding can be released"
                )
            now = self._clock.now()
            try:
                application = self._open(row, body, scan=not release)
            except RefusedPackage as refusal:
                applications.requarantine(connection, receipt_no, kind_of(refusal), str(refusal))
                what = f"再試行: 隔離のまま（{refusal}）"
                applications.add_history(connection, receipt_no, now, actor, what, reason)
                return False
            prepared = self._judge.prepare(application.verification, row.procedure_id)
            (opened,) = self._identified(connection, [Arrived(row, body, application, prepared)])
            applications.promote(connection, opened)
            what = "隔離を解除して格納 / released" if release else "再試行して格納 / stored after a retry"
            applications.add_history(connection, receipt_no, now, actor, what, reason)
            identification.note_same_person(connection, [receipt_no], now)
        self._journal.write("released" if release else "retried", receipt_no=receipt_no)
        return True

    def _quarantined(self, connection: Connection, receipt_no: str) -> tuple[Listed, Content, str]:
        status = applications.status(connection, receipt_no, lock=True)
        row, body = applications.header(connection, receipt_no), applications.package(connection, receipt_no)
        if status is None or row is None:
            raise NotFoundError(receipt_no)
        if status.ingestion is not Ingestion.QUARANTINED or body is None:
            raise RefusedError("この申請は隔離されていません / the application is not quarantined")
        if row.procedure_id not in self._procedures:
            raise RefusedError("この手続は担当ではなくなりました / the procedure is no longer assigned")
        listed = Listed(
            receipt_no,
            row.procedure_id,
            row.dantai_code,
            row.received_at,
            row.arrived_at,
            row.package_size,
            row.package_sha256,
        )
        if hashlib.sha256(body).hexdigest() != listed.sha256.lower():
            raise RefusedError("保存した ZIP のSHA-256が違います / the kept ZIP has changed")
        return listed, body, row.quarantine_kind

    def _open(self, row: Listed, body: Content, *, scan: bool) -> Application:
        """Raises RefusedPackage, ScannerTrouble. The ZIP is scanned before it is opened, then what was in it."""
        if scan:
            self._scan(body)
        with self._unpacking:
            application = package.unpack(body, row, self._profile)
        if scan:
            for file in application.attachments:
                self._scan(file.body)
        return application

    def _scan(self, body: Content) -> None:
        if self._scanner is not None and (found := self._scanner.scan(body)):
            raise Malware(f"マルウェア検査で見つかりました（{found}） / found by the malware scanner")


def kind_of(refusal: RefusedPackage) -> str:
    return MALWARE if isinstance(refusal, Malware) else PACKAGE
