"""A failure can be repeated: a mutant fails again, the healthy product does not; a file that is none is one sentence."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from conformance.verdicts import Verdict
from fixtures.world import World
from testbed.mutants.registry import rows_of
from testbed.replay import BadReplay, Replay, read_replay, words_of
from tests.testbed.cli_runs import run_folder, shinsei

pytestmark = pytest.mark.long

MUTANT, CHECK = "no-hostname-check", "AM-3.1-02b"


@pytest.mark.slow
def test_a_mutants_failure_fails_again_and_the_healthy_product_passes(tmp_path: Path) -> None:
    first = shinsei("check", "am", "--mutant", MUTANT, "-k", CHECK, cwd=tmp_path)
    assert first.returncode == 1, first.stdout[-2000:]
    file = run_folder(tmp_path / "out") / "replay" / f"{CHECK}.json"
    assert f"shinsei replay {file.relative_to(tmp_path)}" in "".join(first.stdout.splitlines())
    assert CHECK in (file.parents[1] / "report.html").read_text(encoding="utf-8")
    again = shinsei("replay", str(file), cwd=tmp_path)
    assert again.returncode == 1, again.stdout[-2000:]
    assert f"{CHECK}: 前回 不適合 → 今回 不適合" in again.stdout
    healthy = shinsei("replay", str(file), "--healthy", cwd=tmp_path)
    assert healthy.returncode == 0, healthy.stdout[-2000:]
    assert "今回 適合" in healthy.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "mutant", "check"),
    [("package", "pkg-cp932-names", "PKG-NAME-ENCODING"), ("relay", "S01", ""), ("fw", "B04", "FW-1.1-04y")],
)
def test_every_role_repeats_what_failed(tmp_path: Path, role: str, mutant: str, check: str) -> None:
    check = check or next(one.killed_by[0] for one in rows_of(role) if one.name == mutant)
    first = shinsei("check", role, "--mutant", mutant, "--date", "2026-01-15", cwd=tmp_path)
    assert first.returncode == 1, first.stdout[-2000:] + first.stderr
    run = run_folder(tmp_path / "out")
    file = run / "replay" / f"{check}.json"
    assert f"shinsei replay {run.name}/replay/{check}.json" in (run / "report.html").read_text(encoding="utf-8")
    again = shinsei("replay", str(file.relative_to(tmp_path)), cwd=tmp_path)
    assert again.returncode == 1, again.stdout[-2000:] + again.stderr
    assert f"{check}: 前回 不適合 → 今回 不適合" in again.stdout
    assert "所見も同じです" in again.stdout
    healthy = shinsei("replay", str(file), "--healthy", cwd=tmp_path)
    assert healthy.returncode == 0, healthy.stdout[-2000:] + healthy.stderr
    assert f"{check}: 前回 不適合 → 今回 適合" in healthy.stdout
    assert "前回と違うもの" in healthy.stdout


@pytest.mark.slow
def test_a_vendors_rules_are_repeated_from_where_they_lie_and_told_when_they_changed(tmp_path: Path) -> None:
    open_rules = """table inet f {
 chain forward { type filter hook forward priority filter; policy accept; }
 chain input { type filter hook input priority filter; policy accept; }
}
"""
    rules = tmp_path / "fw" / "open.nft"
    rules.parent.mkdir()
    rules.write_text(open_rules, encoding="utf-8")
    first = shinsei("check", "fw", "--boundary", "fw/open.nft", "-k", "FW-1.1-04a", cwd=tmp_path)
    assert first.returncode == 1, first.stdout[-2000:]
    file = run_folder(tmp_path / "out") / "replay" / "FW-1.1-04a.json"
    (tmp_path / "elsewhere").mkdir()
    again = shinsei("replay", str(file), cwd=tmp_path / "elsewhere")
    assert again.returncode == 1, again.stdout[-2000:] + again.stderr
    assert "所見も同じです" in again.stdout
    assert "前回と違うもの" not in again.stdout
    rules.write_text(open_rules.replace("chain forward {", "chain forward { # mended\n"), encoding="utf-8")
    changed = shinsei("replay", str(file), cwd=tmp_path / "elsewhere")
    assert changed.returncode == 1, changed.stdout[-2000:] + changed.stderr
    assert "前回と違うもの: --boundary open.nft" in changed.stdout


def test_a_package_that_was_compared_with_the_list_is_compared_again(tmp_path: Path) -> None:
    case = World(seed=3, reference_date=date(2026, 11, 24)).case("k01-plain")
    (tmp_path / "a.zip").write_bytes(case.zip_bytes)
    words = ("a.zip", "--receipt-no", case.receipt_no, "--dantai-code", "011002", "--report", "out")
    assert shinsei("validate", *words, cwd=tmp_path).returncode == 1
    file = run_folder(tmp_path / "out") / "replay" / "PKG-APP-DANTAI.json"
    again = shinsei("replay", str(file), cwd=tmp_path)
    assert again.returncode == 1, again.stdout[-2000:] + again.stderr
    assert "PKG-APP-DANTAI: 前回 不適合 → 今回 不適合" in again.stdout
    assert "所見も同じです" in again.stdout


def test_a_run_that_is_reported_again_keeps_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert shinsei("check", "package", "a.zip", cwd=tmp_path).returncode == 1
    run = run_folder(tmp_path / "out")
    before = (run / "replay" / "PKG-ZIP-END.json").read_text(encoding="utf-8")
    shown = shinsei("report", "show", str(run), cwd=tmp_path)
    assert shown.returncode == 1
    assert "replay/PKG-ZIP-END.json" in "".join(shown.stdout.split())
    assert (run / "replay" / "PKG-ZIP-END.json").read_text(encoding="utf-8") == before
    assert "a.zip" in before


def replay(**more: object) -> Replay:
    given = {"check": CHECK, "verdict": Verdict.FAIL, "role": "am", "seed": 7, "reference_date": "2026-01-15"}
    return Replay.model_validate(given | more)


def test_the_command_line_of_a_replay(tmp_path: Path) -> None:
    (tmp_path / "out" / "run").mkdir(parents=True)
    (tmp_path / "target.toml").touch()
    given = {"files": {"--target": ["../../target.toml"], "--policy": ["baseline"]}, "words": {"--image": "am:1"}}
    one, run = replay(mutant=MUTANT, given=given), tmp_path / "out" / "run"
    words = words_of(one, run, tmp_path / "o", whole=False, healthy=False)
    assert words[:4] == ["check", "am", "--date", "2026-01-15"]
    assert words[6:12] == ["--seed", "7", "-k", CHECK, "--mutant", MUTANT]
    assert Path(words[13]).resolve() == tmp_path / "target.toml"
    assert words[14:] == ["--policy", "baseline", "--image", "am:1"]
    assert "-k" not in words_of(one, run, tmp_path, whole=True, healthy=True)
    assert "--mutant" not in words_of(one, run, tmp_path, whole=True, healthy=True)
    assert "--seed" not in words_of(replay(role="fw"), run, tmp_path, whole=False, healthy=False)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", replay().model_dump_json().replace('"files":{}', '"files":{"--out":["/etc"]}'), "\udcff"],
)
def test_a_file_that_is_no_replay_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadReplay, match="replay"):
        read_replay(path)
    with pytest.raises(BadReplay, match="読めません"):
        read_replay(tmp_path / "none.json")
