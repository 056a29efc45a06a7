"""The bundled product comes out 適合 through every adapter, by the target.toml that docs/examples shows to vendors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.postgres import Server
from testbed.reference import database_server
from tests.testbed.adapter_runs import behind_files, example, not_passed, run_example


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with database_server() as found:
        yield found


@pytest.mark.slow
def test_by_files(tmp_path: Path, server: Server) -> None:
    results = run_example(behind_files(example("files", tmp_path), tmp_path), tmp_path, server)
    assert [one.ja for one in results.troubles] == []
    assert not_passed(results) == {}
    assert results.exit() == 0


@pytest.mark.slow
def test_by_a_class_of_the_vendors(tmp_path: Path, server: Server) -> None:
    results = run_example(example("python", tmp_path), tmp_path, server)
    assert [one.ja for one in results.troubles] == []
    assert not_passed(results) == {}
    assert results.exit() == 0


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
