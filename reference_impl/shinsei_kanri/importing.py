"""③-1 and ③-2: list, put what is new into the queue; batch by batch fetch, verify, unpack, store or quarantine, identify."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri import download_client
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadUnavailable, PackageTrouble
from reference_impl.shinsei_kanri.fetching import Room, portions
from reference_impl.shinsei_kanri.intake import Arrived, Intake
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.scanner import ScannerTrouble
from reference_impl.shinsei_kanri.storage import applications, runs
from reference_impl.shinsei_kanri.unpack import archive

AHEAD = timedelta(minutes=10)
"""The window reaches a little into the future: the State's clock may run ahead of ours."""
FETCHES = 3
COUNTED = ("listed", "foreign", "new", "stored", "quarantined", "failed")
ROOM_BYTES = 32 * 1024 * 1024
"""Packages and their contents that are open at once; a larger one is alone."""
LARGE_BYTES = 2 * 1024 * 1024
"""From here on a package is fetched only when there is room; smaller ones may come in meanwhile."""
EXPECTED = 3
"""Room for so many times the bytes of a large package: itself, and contents that do not get much smaller."""
SHARES, LEAST, MOST = 4, 10, 200
"""An import is so many jobs of the queue, each with so many applications: to share out, and yet not all queue."""

T = TypeVar("T")


class Importer:
    """Lists what is new, then takes it in batch by batch; state between the steps is in the database only."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        journal: Journal,
        intake: Intake,
        procedures: Mapping[str, Procedure],
        dantai_code: str,
        window_days: int,
        new_client: Callable[[], DownloadClient],
    ) -> None:
        self._engine, self._clock, self._journal, self._intake = engine, clock, journal, intake
        self._procedures, self._dantai_code, self._window_days = procedures, dantai_code, window_days
        self._new_client = new_client
        self._sessions = Sessions(new_client)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin no further application; what is not begun stays in the queue."""
        self._stopping.set()

    def run(self, run_id: int) -> tuple[Counter[str], str] | None:
        """List, and put the new applications into the queue; the result when there is none, else None.

        Raises DownloadUnavailable when the other side does not work, ScannerTrouble when a configured malware scanner
        does not; nothing is lost then.
        """
        counts, notes = Counter(dict.fromkeys(COUNTED, 0)), list[str]()
        self._intake.check_scanner()
        with self._sessions.of(run_id) as client:
            wanted = self._wanted(client, counts, notes)
        with self._engine.begin() as connection:
            runs.plan(connection, run_id, counts, notes, batches(wanted))
        return self._result(run_id)

    def take_batch(self, run_id: int, batch: int) -> tuple[Counter[str], str] | None:
        """Take in the rest of one batch; the result of the whole import when nothing is left, else None.

        Raises DownloadUnavailable, which ends the import: its rest is listed again by the next one.
        """
        with self._engine.connect() as connection:
            rows = runs.open_rows(connection, run_id, batch)
        if rows:
            with self._sessions.of(run_id) as client:
                self._take_rows(client, run_id, rows)
        return self._result(run_id)

    def _result(self, run_id: int) -> tuple[Counter[str], str] | None:
        with self._engine.connect() as connection:
            found, notes, still_open = runs.outcomes(connection, run_id)
        if still_open:
            return None
        self._sessions.close(run_id)
        counts = Counter(found)
        self._journal.write("import", **counts)
        return counts, "。".join(notes) or f"新しく {counts['stored']} 件を格納しました / stored {counts['stored']}"

    def _wanted(self, client: DownloadClient, counts: Counter[str], notes: list[str]) -> list[Listed]:
        start, end = import_window(self._clock.now(), self._days_back())
        listed: dict[str, Listed] = {}
        for procedure_id in procedures_to_ask(self._procedures):
            rows, complete = client.list_procedure(procedure_id, start, end)
            for row in rows:
                listed.setdefault(row.receipt_no, row)
            if not complete:
                notes.append(
                    f"手続 {procedure_id} の一覧は、受付番号の数が件数に足りません（次回も確かめます） / rows are missing"
                )
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

    def _days_back(self) -> int:
        """The configured window before the last import that worked: an outage of weeks leaves no gap."""
        with self._engine.connect() as connection:
            last = runs.requested(connection, "import", done=True)
        since = timedelta(0) if last is None else max(self._clock.now() - last, timedelta(0))
        return self._window_days + since.days

    def _take_rows(self, client: DownloadClient, run_id: int, wanted: Sequence[Listed]) -> None:
        """Up to `download_client.CONCURRENT` are fetched at once while others are stored.

        One application's trouble never stops the others. Raises DownloadUnavailable, and DBAPIError when the database
        went away: then nothing can be noted.
        """
        room = Room(ROOM_BYTES)

        def fetch(row: Listed) -> tuple[Arrived, int] | None:
            return self._or_noted(run_id, row, lambda: fetched(client, self._intake, row, room))

        arriving = portions(wanted, fetch, min(download_client.CONCURRENT, len(wanted)), self._stopping)
        try:
            for portion in arriving:
                self._keep(run_id, [arrived for arrived, _ in portion])
                size = sum(size for _, size in portion)
                portion.clear()  # nothing holds them any more when their room is given to others
                room.give(size)
        except (DownloadUnavailable, DBAPIError) as error:
            self._sessions.close(run_id)
            self._journal.write("import-broken", run_id=run_id, error=type(error).__name__)
            if not isinstance(error, DownloadUnavailable):
                raise
            with self._engine.connect() as connection:
                stored = runs.outcomes(connection, run_id)[0].get("stored", 0)
            raise DownloadUnavailable(f"{error}（{stored} 件は格納済み / {stored} stored）") from None
        finally:
            room.close()
            arriving.close()

    def _keep(self, run_id: int, portion: Sequence[Arrived]) -> None:
        """Store a portion together; when that fails, each one alone, so that one cannot keep the others out."""

        def note(connection: Connection, outcomes: Mapping[str, str]) -> None:
            runs.record(connection, run_id, outcomes)

        if len(portion) == 1:
            self._or_noted(run_id, portion[0].row, lambda: self._intake.keep(portion, note))
            return
        try:
            self._intake.keep(portion, note)
        except Exception as error:
            if is_lasting(error):
                raise
            self._journal.write("portion-apart", run_id=run_id, error=type(error).__name__)
            for one in portion:
                self._keep(run_id, [one])

    def _or_noted(self, run_id: int, row: Listed, work: Callable[[], T]) -> T | None:
        """The result of ``work``. The trouble of one application becomes its outcome; what concerns all is raised."""
        try:
            return work()
        except (PackageTrouble, ScannerTrouble) as error:
            note = f"{row.receipt_no}: {error}"
        except Exception as error:
            if is_lasting(error):
                raise
            # A mistake of ours or of the database with this one application: the others still come in.
            self._journal.write("import-error", receipt_no=row.receipt_no, error=type(error).__name__)
            note = f"{row.receipt_no}: 格納できません / cannot store ({type(error).__name__})"
        with self._engine.begin() as connection:
            runs.record(connection, run_id, {row.receipt_no: "failed"}, note)
        return None


def is_lasting(error: Exception) -> bool:
    """True for trouble that the next application would have as well."""
    return isinstance(error, DownloadUnavailable) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def fetched(client: DownloadClient, intake: Intake, row: Listed, room: Room) -> tuple[Arrived, int]:
    """One application fetched, verified and opened as soon as there is room for it, with the bytes that it took.

    A large one waits for its room before it is fetched. When it unpacks to more than expected it is given up, and
    fetched again when it can be alone: nobody waits while holding room.
    """
    expected = min(EXPECTED * row.size, ROOM_BYTES) if row.size > LARGE_BYTES else 0
    size = expected
    room.take(size)
    try:
        body = fetch_verified(client, row)
        needed = len(body) + archive.claimed_bytes(body)
        if not expected:
            size = needed
            room.take(size)
        elif expected < min(needed, ROOM_BYTES):
            body = b""
            room.give(size)
            size = ROOM_BYTES
            room.take(size)
            body = fetch_verified(client, row)
        return intake.open(row, body), size
    except BaseException:
        room.give(size)
        raise


class Sessions:
    """One session with ダウンロード機能 per import and process: its batches share token and tunnels."""

    def __init__(self, new_client: Callable[[], DownloadClient]) -> None:
        self._new_client = new_client
        self._lock = threading.Lock()
        self._open: dict[int, DownloadClient] = {}

    @contextmanager
    def of(self, run_id: int) -> Iterator[DownloadClient]:
        """The session of this import, closed when the caller fails."""
        with self._lock:
            old = [other for other in self._open if other != run_id]
        for other in old:  # another worker ended that import
            self.close(other)
        with self._lock:
            if run_id not in self._open:
                self._open[run_id] = self._new_client()
            client = self._open[run_id]
        try:
            yield client
        except Exception:
            self.close(run_id)
            raise

    def close(self, run_id: int) -> None:
        with self._lock:
            client = self._open.pop(run_id, None)
        if client is not None:
            client.close()


def batches(rows: Sequence[Listed]) -> list[Sequence[Listed]]:
    """``rows`` in portions for one worker each."""
    size = min(max(-(-len(rows) // SHARES), LEAST), MOST)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


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
