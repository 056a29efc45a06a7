"""`shinsei quick`: one application from end to end through the bundled product; what is in the way is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.quick import narrowed, one_case
from conformance.record import Record
from tests.conformance.targets import target_of
from tests.conformance.test_doctor import plan_for
from tests.testbed.cli_runs import fake_target, run_folder, shinsei


@pytest.mark.slow
def test_one_application_goes_all_the_way(tmp_path: Path) -> None:
    done = shinsei("quick", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("○") == 7
    assert "設定は整っています" in done.stdout
    path = run_folder(tmp_path / "out" / "quick") / "records" / "none.json"
    assert list(Record.model_validate_json(path.read_text(encoding="utf-8")).cases) == ["k01-plain"]


def test_a_product_that_takes_nothing_in_stops_on_the_way(tmp_path: Path) -> None:
    fake_target(tmp_path, "empty")
    done = shinsei("quick", "--target", "target.toml", cwd=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "✕ 連携サーバを通して申請を取得する" in done.stdout


def test_what_cannot_begin_is_2(tmp_path: Path) -> None:
    fake_target(tmp_path, "dies")
    done = shinsei("quick", "--target", "target.toml", "--lang", "en", cwd=tmp_path)
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stdout
    assert shinsei("quick", "--image", "x", cwd=tmp_path).returncode == 2


def test_the_plan_of_one_application_is_never_a_whole_one(tmp_path: Path) -> None:
    plan = plan_for(target_of(tmp_path))
    assert one_case(plan) == "k01-plain"
    small = narrowed(plan)
    assert [(one.id, one.cases) for one in small.rounds] == [("none", ("k01-plain",))]
    assert {one.id for one in small.checks} == {one.id for one in plan.checks}
    assert {one.status for one in small.checks} == {"run", "deselected"}
    assert one_case(plan_for(target_of(tmp_path, '["K01", "C01"]', '["C01"]'))) == "c01-self"
