"""The bundled product comes out 適合 through every adapter, by the target.toml that docs/examples shows to vendors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.results import Results
from testbed.postgres import Server
from testbed.reference import database_server
from tests.testbed.adapter_runs import STAFF_CALLS, behind_files, example, not_passed, run_example
from tests.testbed.operator_client import TOKEN, Clerk

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with database_server() as found:
        yield found


@pytest.mark.slow
def test_by_files(tmp_path: Path, server: Server) -> None:
    results = run_example(behind_files(example("files", tmp_path), tmp_path), tmp_path, server)
    assert [one.ja for one in results.troubles] == []
    assert not_passed(results, STAFF_CALLS) == {}
    assert results.exit() == 0


@pytest.mark.slow
def test_by_a_class_of_the_vendors(tmp_path: Path, server: Server) -> None:
    results = run_example(example("python", tmp_path), tmp_path, server)
    assert [one.ja for one in results.troubles] == []
    assert not_passed(results) == {}
    assert results.exit() == 0


def operated(
    tmp_path: Path, server: Server, run: str = "run", stop_at: str = "", resume: Path | None = None
) -> tuple[Results, Clerk]:
    """A run that a scripted person operates."""
    clerk = Clerk(tmp_path / run, stop_at)
    clerk.start()
    try:
        text = example("operator", tmp_path).replace("{control_token}", TOKEN)
        text = text.replace("answer_minutes = 30", "answer_minutes = 1")
        if stop_at:
            text = text.replace("answer_minutes = 1", "answer_minutes = 0.05")
        return run_example(text, tmp_path, server, run=run, resume=resume), clerk
    finally:
        clerk.over.set()
        clerk.join()


@pytest.mark.slow
def test_by_a_person_at_the_page(tmp_path: Path, server: Server) -> None:
    results, clerk = operated(tmp_path, server)
    assert [clerk.trouble, *(one.ja for one in results.troubles)] == [""]
    assert not_passed(results, STAFF_CALLS) == {}
    assert results.exit() == 0
    journal = (tmp_path / "run" / "operator.ndjson").read_text(encoding="utf-8")
    assert journal.count('"source": "page"') == len(clerk.asked)
    assert (tmp_path / "run" / "attached").is_dir()
    assert not (tmp_path / "run" / "operator-page.txt").exists()


@pytest.mark.slow
def test_a_person_who_goes_away_interrupts_the_run_and_it_can_go_on(tmp_path: Path, server: Server) -> None:
    first, _ = operated(tmp_path, server, "first", stop_at="tls-expired:import")
    assert "答えがありません" in first.interrupted
    assert first.exit() == 4
    assert [one.ja for one in first.troubles] == []
    second, clerk = operated(tmp_path, server, "second", resume=tmp_path / "first")
    assert [clerk.trouble, *(one.ja for one in second.troubles)] == [""]
    assert not_passed(second, STAFF_CALLS) == {}
    assert second.exit() == 0
    assert not [one for one in clerk.asked if one.startswith(("none:", "relay-down:"))]
    assert [one for one in clerk.asked if one.startswith("tls-expired:")]


@pytest.mark.slow
def test_what_files_do_not_show_is_unverified_and_never_the_products_fault(tmp_path: Path, server: Server) -> None:
    """A product that exports its list only, and takes no review: nothing passes on nothing, nothing fails on nothing."""
    text = behind_files(example("files", tmp_path), tmp_path)
    begin, end = text.index("[adapter.files.export.items]"), text.index("# ── 試験が置く依頼")
    reviews = text.index("[adapter.files.request.review]"), text.index("[start]")
    text = text[:begin] + text[end : reviews[0]] + text[reviews[1] :]
    text = text.replace('quarantine_reason = "隔離理由"\n', "").replace(
        'screen = "{ready.url}', '# screen = "{ready.url}'
    )
    results = run_example(text, tmp_path, server)
    found = {one.planned.id: one.verdict.value for one in results.checks}
    assert set(found.values()) == {"PASS", "UNVERIFIED", "N/A"}, not_passed(results)
    assert {found[name] for name in ("AM-3.2-01a", "AM-3.2-03a", "AM-3.3-01b", "AM-3.3-86a", "AM-3.4-05a", "AM-3.4-06a", "AM-3.5-02a")} == {"UNVERIFIED"}  # fmt: skip
    assert {found[name] for name in ("AM-3.1-01a", "AM-3.1-82a", "AM-3.0-03a")} == {"PASS"}
    assert results.exit() == 4
