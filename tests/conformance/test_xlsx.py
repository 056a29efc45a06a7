"""機能要件適合表 as a workbook: every planned requirement, and nothing that a product said becomes a formula."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from conformance.events import FoundThis
from conformance.plan import PlannedAttestation
from conformance.reporters.xlsx import write_xlsx
from conformance.results import fold
from conformance.verdicts import Raw
from tests.conformance.factory import ended, plan_of, planned, stream
from tests.conformance.sample_runs import RUNS, results_of
from tests.conformance.test_reporters import compare

HOSTILE = '=HYPERLINK("http://evil.example","押す")'


def test_each_requirement_has_a_row_with_its_gravest_verdict(tmp_path: Path) -> None:
    plan = plan_of(
        planned("AM-9.1-01a"),
        planned("AM-9.1-01b"),
        planned("AM-9.2-01a"),
        attestations=[PlannedAttestation(requirement="AM-9.3-01", statement="渡した", by="係", date="2026-01-01")],
    )
    outcomes = {"AM-9.1-01a": Raw.PASS, "AM-9.1-01b": Raw.NONCONFORMITY, "AM-9.2-01a": Raw.PASS}
    path = tmp_path / "t.xlsx"
    write_xlsx(fold(stream(plan, outcomes)), path)
    rows = {row[0]: row for row in load_workbook(path)["機能要件適合表"].iter_rows(min_row=2, values_only=True)}
    assert rows["AM-9.1-01"][4] == "不適合"
    assert rows["AM-9.2-01"][4] == "適合"
    assert rows["AM-9.3-01"][4] == "申告あり"
    assert "係" in str(rows["AM-9.3-01"][7])


def test_what_a_product_returned_stays_text(tmp_path: Path) -> None:
    plan = plan_of(planned("AM-9.1-01a"), product=HOSTILE)
    events = stream(plan, {})
    finding = FoundThis(ja=HOSTILE, en="x", actual="+1+cmd|' /C calc'!A0\x1b[2J")
    events.insert(-1, ended("AM-9.1-01a", Raw.NONCONFORMITY, finding))
    path = tmp_path / "t.xlsx"
    write_xlsx(fold(events), path)
    book = load_workbook(path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type == "s" for cell in cells)
    assert any(HOSTILE in str(cell.value) for cell in cells)
    assert not any(cell.hyperlink for cell in cells)


def test_a_run_without_a_plan_has_a_summary_only(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_xlsx(fold([]), path)
    assert load_workbook(path).sheetnames == ["総括"]


@pytest.mark.parametrize("name", RUNS)
def test_the_whole_workbook(name: str, tmp_path: Path) -> None:
    """Every cell against a golden file: failure, error, 未検証, 要確認, waived, cut short, no plan."""
    path = tmp_path / "t.xlsx"
    write_xlsx(results_of(name), path)
    lines = [
        f"[{sheet.title}] " + " | ".join(str(cell) for cell in row if cell is not None)
        for sheet in load_workbook(path)
        for row in sheet.iter_rows(values_only=True)
    ]
    compare(f"{name}.xlsx.txt", "\n".join(lines) + "\n")
