"""A failure can be repeated: a mutant fails again, the healthy product does not; a file that is none is one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.verdicts import Verdict
from testbed.replay import BadReplay, Replay, read_replay, words_of
from tests.testbed.cli_runs import run_folder, shinsei

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


def replay(**more: object) -> Replay:
    given = {"check": CHECK, "verdict": Verdict.FAIL, "role": "am", "seed": 7, "reference_date": "2026-01-15"}
    return Replay.model_validate(given | more)


def test_the_command_line_of_a_replay(tmp_path: Path) -> None:
    (tmp_path / "run" / "replay").mkdir(parents=True)
    (tmp_path / "target.toml").touch()
    one = replay(mutant=MUTANT, files={"--target": ["../../target.toml"], "--policy": ["baseline"]})
    words = words_of(one, tmp_path / "run" / "replay", tmp_path / "o", whole=False, healthy=False)
    assert words[:6] == ["check", "am", "--seed", "7", "--date", "2026-01-15"]
    assert words[8:12] == ["-k", CHECK, "--mutant", MUTANT]
    assert Path(words[13]).resolve() == tmp_path / "target.toml"
    assert words[14:] == ["--policy", "baseline"]
    assert "-k" not in words_of(one, tmp_path, tmp_path, whole=True, healthy=True)
    assert "--mutant" not in words_of(one, tmp_path, tmp_path, whole=True, healthy=True)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", json.dumps({"check": "x", "files": {"--out": ["/etc"]}}), "\udcff"]
)
def test_a_file_that_is_no_replay_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadReplay, match="replay"):
        read_replay(path)
    with pytest.raises(BadReplay, match="読めません"):
        read_replay(tmp_path / "none.json")
    assert not {"--out", "--database-url"} & {
        word for word in words_of(replay(), tmp_path, Path("o"), whole=True, healthy=True) if word == "--database-url"
    }
