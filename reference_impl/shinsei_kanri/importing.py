"""③-1 and ③-2 as one run: list, fetch what is new, verify, unpack, store or quarantine, identify."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from interface_spec.procedures import Procedure
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import download_client, identification, identify
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadUnavailable, PackageTrouble
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.records import Application, Listed
from reference_impl.shinsei_kanri.storage import applications
from reference_impl.shinsei_kanri.storage.people import SqlDirectory
from reference_impl.shinsei_kanri.unpack import package
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

AHEAD = timedelta(minutes=10)
"""The window reaches a little into the future: the State's clock may run ahead of ours."""
FETCHES = 3
COUNTED = ("listed", "foreign", "new", "stored", "quarantined", "failed")
LARGE_BYTES = 8 * 1024 * 1024


class Importer:
    """Runs one import after the other; state between runs is in the database only."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        journal: Journal,
        profile: Profile,
        procedures: Mapping[str, Procedure],
        dantai_code: str,
        window_days: int,
        new_client: Callable[[], DownloadClient],
    ) -> None:
        self._engine, self._clock, self._journal, self._profile = engine, clock, journal, profile
        self._procedures, self._dantai_code, self._window_days = procedures, dantai_code, window_days
        self._new_client = new_client
        self._one_large = threading.Lock()

    def run(self) -> tuple[Counter[str], str]:
        """(counts, one sentence). Raises DownloadUnavailable when the other side does not work; nothing is lost then."""
        client = self._new_client()
        try:
            counts, notes = Counter(dict.fromkeys(COUNTED, 0)), list[str]()
            wanted = self._wanted(client, counts, notes)
            self._fetch_all(client, wanted, counts, notes)
        finally:
            client.close()
        self._journal.write("import", **counts)
        return counts, "。".join(notes) or f"新しく {counts['stored']} 件を格納しました / stored {counts['stored']}"

    def _wanted(self, client: DownloadClient, counts: Counter[str], notes: list[str]) -> list[Listed]:
        start, end = import_window(self._clock.now(), self._window_days)
        listed: dict[str, Listed] = {}
        for procedure_id in procedures_to_ask(self._procedures):
            for row in client.list_procedure(procedure_id, start, end):
                listed.setdefault(row.receipt_no, row)
        counts["listed"] = len(listed)
        ours = [
            row for row in listed.values() if is_ours(row, self._dantai_code) and is_assigned(row, self._procedures)
        ]
        counts["foreign"] = len(listed) - len(ours)
        if counts["foreign"]:
            notes.append(
                f"他団体または担当外の手続の {counts['foreign']} 件を取り込みませんでした / not ours: {counts['foreign']}"
            )
        with self._engine.connect() as connection:
            known = applications.known_receipts(connection, [row.receipt_no for row in ours])
        new = not_yet_stored(ours, known)
        counts["new"] = len(new)
        return sorted(new, key=lambda row: (row.received_at, row.receipt_no))

    def _fetch_all(
        self, client: DownloadClient, wanted: Sequence[Listed], counts: Counter[str], notes: list[str]
    ) -> None:
        """Up to `download_client.CONCURRENT` at once. One application's trouble never stops the others."""
        rows: queue.SimpleQueue[Listed] = queue.SimpleQueue()
        for row in wanted:
            rows.put(row)
        lock, broken = threading.Lock(), list[DownloadUnavailable]()

        def work() -> None:
            while not broken:
                try:
                    row = rows.get_nowait()
                except queue.Empty:
                    return
                try:
                    outcome, note = self._take_in(client, row), ""
                except DownloadUnavailable as error:
                    broken.append(error)
                    return
                except PackageTrouble as error:
                    outcome, note = "failed", f"{row.receipt_no}: {error}"
                except Exception as error:
                    # A mistake of ours or of the database with this one application: the others still come in.
                    self._journal.write("import-error", receipt_no=row.receipt_no, error=type(error).__name__)
                    outcome, note = (
                        "failed",
                        f"{row.receipt_no}: 格納できません / cannot store ({type(error).__name__})",
                    )
                with lock:
                    counts[outcome] += 1
                    if note:
                        notes.append(note)

        workers = [
            threading.Thread(target=work, daemon=True, name=f"fetch-{number}")
            for number in range(min(download_client.CONCURRENT, len(wanted)))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if broken:
            self._journal.write("import-broken", **counts)
            raise DownloadUnavailable(f"{broken[0]}（{counts['stored']} 件は格納済み / {counts['stored']} stored）")

    def _take_in(self, client: DownloadClient, row: Listed) -> str:
        body = fetch_verified(client, row)
        if len(body) < LARGE_BYTES:
            return self._keep(row, body)
        with self._one_large:  # unpacked sizes add up: one large application at a time bounds the memory
            return self._keep(row, body)

    def _keep(self, row: Listed, body: bytes) -> str:
        """Unpack and store in one transaction, or quarantine."""
        now = self._clock.now()
        try:
            application = package.unpack(body, row, self._profile)
        except RefusedPackage as refusal:
            with self._engine.begin() as connection:
                new = applications.quarantine(connection, row, body, str(refusal), now)
            self._journal.write("quarantined", receipt_no=row.receipt_no)
            return "quarantined" if new else "known"
        return "stored" if self._store(application, row, now) else "known"

    def _store(self, application: Application, row: Listed, now: datetime) -> bool:
        procedure = self._procedures[row.procedure_id]
        with self._engine.begin() as connection:
            genders = self._profile.codes["gender_municipal"]
            persons = identify.persons(
                application.items, application.verification, procedure, SqlDirectory(connection), genders
            )
            if not applications.store(connection, application, row, persons, now):
                return False
            identification.note_same_person(connection, row.receipt_no, now)
            return True


def import_window(now: datetime, days: int) -> tuple[datetime, datetime]:
    """受付日時 from ``days`` ago to a little ahead: wide enough for late arrivals, overlapping the last runs."""
    return now - timedelta(days=days), now + AHEAD


def procedures_to_ask(procedures: Mapping[str, Procedure]) -> list[str]:
    """The assigned procedures, and only these: others belong to systems elsewhere."""
    return sorted(procedures)


def is_ours(row: Listed, dantai_code: str) -> bool:
    return row.dantai_code == dantai_code


def is_assigned(row: Listed, procedures: Mapping[str, Procedure]) -> bool:
    return row.procedure_id in procedures


def not_yet_stored(rows: Iterable[Listed], known: set[str]) -> list[Listed]:
    """Every 受付番号 is taken in once, whatever became of it."""
    return [row for row in rows if row.receipt_no not in known]


def fetch_verified(client: DownloadClient, row: Listed) -> bytes:
    """The package whose size and digest are those of list and header; fetched again when they are not."""
    for _ in range(FETCHES):
        body, digest = client.get_package(row)
        if body_matches(body, digest, row):
            return body
    raise PackageTrouble(
        f"{FETCHES} 回取得しても大きさまたはSHA-256が一致しません（次回の取込で再試行します） / size or digest differ"
    )


def body_matches(body: bytes, header_digest: str, row: Listed) -> bool:
    """True when what came is what was listed, byte for byte."""
    digest = hashlib.sha256(body).hexdigest()
    return len(body) == row.size and digest == row.sha256.lower() and digest == header_digest.lower()
