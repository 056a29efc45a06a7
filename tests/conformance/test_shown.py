"""What is kept of a product's answers is bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conformance.engine import shown
from conformance.engine.masking import Masker
from interface_spec.control import ApplicationSummary, Handover, Ingestion, Review


def test_of_a_long_list_the_rows_of_this_run_stay_and_some_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "MOST_OTHERS", 3)
    monkeypatch.setattr(shown, "MOST_OF_ONE", 2)
    at = datetime(2026, 1, 15, tzinfo=UTC)
    wanted = [*(f"X{number}" for number in range(50)), "R1", "R1", "R1", "R2"]
    rows = [
        ApplicationSummary(
            receipt_no=one, procedure_id="K01", ingestion=Ingestion.STORED, review=Review.UNREVIEWED,
            handover=Handover.NONE, received_at=at, arrived_at=at, imported_at=at, version=1,
        )
        for one in wanted
    ]  # fmt: skip
    masker = Masker([], ["R1", "R2"])
    kept = [one.receipt_no for one in shown.shown_rows(rows, masker)]
    assert kept[3:] == ["R1", "R1", "R2"]
    assert len(kept) == 6
    assert not {"X0", "X1", "X2"} & set(kept)
    assert masker.foreign == 50
