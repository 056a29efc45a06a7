"""Erasure by 保存年限: what is closed for longer than its procedure's period goes, completely, but for its number.

The receipt number stays known, so that nothing that was erased is taken in a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, delete, func, insert, or_, select

from interface_spec.control import Handover, Ingestion, Review
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.storage import tables

BATCH = 500


class Eraser:
    """``days``: procedure id → days after the last event of a closed application. Others are kept for ever."""

    def __init__(self, engine: Engine, clock: Clock, journal: Journal, days: Mapping[str, int]) -> None:
        self._engine, self._clock, self._journal, self._days = engine, clock, journal, days

    def run(self, run_id: int) -> tuple[Counter[str], str]:
        """(counts, one sentence). Small transactions: erasing never holds up the work."""
        counts = Counter(erased=0)
        now = self._clock.now()
        for procedure_id, days in self._days.items():
            while gone := self._erase(procedure_id, now - timedelta(days=days), now):
                counts["erased"] += gone
        self._journal.write("erased", run_id=run_id, **counts)
        return counts, f"保存年限を過ぎた {counts['erased']} 件を消去しました / erased {counts['erased']}"

    def _erase(self, procedure_id: str, before: datetime, now: datetime) -> int:
        table, history = tables.applications, tables.history
        closed = or_(
            table.c.review.in_([Review.REJECTED, Review.WITHDRAWN]),
            and_(table.c.review == Review.COMPLETED, table.c.handover == Handover.DELIVERED),
            table.c.ingestion == Ingestion.QUARANTINED,
        )
        latest = select(func.max(history.c.at)).where(history.c.receipt_no == table.c.receipt_no).scalar_subquery()
        chosen = (
            select(table.c.receipt_no)
            .where(table.c.procedure_id == procedure_id, table.c.imported_at < before, closed, latest < before)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            receipts = list(connection.execute(chosen).scalars())
            if receipts:
                rows = [{"receipt_no": one, "procedure_id": procedure_id, "erased_at": now} for one in receipts]
                connection.execute(insert(tables.erased), rows)
                connection.execute(delete(table).where(table.c.receipt_no.in_(receipts)))
        return len(receipts)
