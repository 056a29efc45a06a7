"""`report verify --rerun` with real runs: the same product gives the same verdicts, another one is told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.evidence.challenge import load_challenge, seed_of
from tests.testbed.cli_runs import fake_target, run_folder, shinsei

pytestmark = pytest.mark.long

SELECTED = ("-k", "AM-3.1-01", "--date", "2026-01-15")
SWAPPED = "AM-3.2-02a"


def bundle_of(folder: Path, *words: str) -> Path:
    """The bundle of one run in ``folder``."""
    assert shinsei("check", "am", *SELECTED, *words, cwd=folder).returncode in (1, 4)
    run = run_folder(folder / "out")
    made = shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder / "b.zip"


def verified(folder: Path, *words: str) -> tuple[int, dict[str, object]]:
    done = shinsei("report", "verify", "b.zip", "--json", "--out", "again", *words, cwd=folder)
    return done.returncode, json.loads(done.stdout[done.stdout.index('{\n "intact"') :])


@pytest.mark.slow
def test_the_bundled_product_answers_a_challenge_and_gives_the_same_again(tmp_path: Path) -> None:
    assert shinsei("challenge", "am", "--issuer", "〇〇市", cwd=tmp_path).returncode == 0
    bundle_of(tmp_path, "--challenge", "challenge.json")
    plan = json.loads((run_folder(tmp_path / "out") / "plan.json").read_text(encoding="utf-8"))
    assert plan["seed"] == seed_of(load_challenge(tmp_path / "challenge.json").nonce)
    assert plan["challenge"]["issuer"] == "〇〇市"
    code, told = verified(tmp_path, "--challenge", "challenge.json", "--rerun")
    assert (code, told["intact"], told["rerun"]) == (0, True, {"rows": [], "conditions": [], "same": told_same(told)})
    assert told["records_confirmed_by_rerun"] is True
    assert told_same(told) > 30
    plain = shinsei("report", "verify", "b.zip", "--challenge", "challenge.json", cwd=tmp_path)
    assert "控えと一致" in plain.stdout
    assert "この道具と同じ" in plain.stdout
    fake_target(tmp_path, "empty")  # a product that answers and never has anything
    code, told = verified(tmp_path, "--rerun", "--target", "target.toml")
    assert code == 1
    assert isinstance(told["rerun"], dict)
    assert {one["change"] for one in told["rerun"]["rows"]} >= {"worse"}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["fw", "relay"])
def test_a_network_run_is_repeated_and_another_product_is_told_apart(tmp_path: Path, role: str) -> None:
    assert shinsei("check", role, "--date", "2026-01-15", cwd=tmp_path).returncode == 0
    run = run_folder(tmp_path / "out")
    assert shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path).returncode == 0
    code, told = verified(tmp_path, "--rerun")
    assert (code, told["intact"], told["rerun"]) == (0, True, {"rows": [], "conditions": [], "same": told_same(told)})
    assert told_same(told) > 20
    words = {"fw": ("--boundary", "open.nft"), "relay": ("--target", "target.toml")}[role]
    (tmp_path / "open.nft").write_text(
        "table inet f { chain forward { type filter hook forward priority filter; policy accept; } }\n",
        encoding="utf-8",
    )
    reference = run / "reference"
    if role == "relay":
        target = (reference / "relay-target.toml").read_text(encoding="utf-8")
        (tmp_path / "target.toml").write_text(target, encoding="utf-8")
        (tmp_path / "squid.conf").write_text("http_port 3128\nhttp_access allow all\n", encoding="utf-8")
        (tmp_path / "squid-empty.conf").write_text("http_port 3128\nhttp_access allow all\n", encoding="utf-8")
    code, told = verified(tmp_path, "--rerun", *words)
    assert code == 1, told
    assert isinstance(told["rerun"], dict)
    assert [one[0] for one in told["rerun"]["conditions"]] == ["inputs"]
    assert {one["change"] for one in told["rerun"]["rows"]} >= {"worse"}


@pytest.mark.slow
def test_a_verdict_that_is_written_into_the_events_does_not_follow_from_the_records(tmp_path: Path) -> None:
    """Events, reports and signature are all the signer's own; what the suite saw of the product says otherwise."""
    done = shinsei("check", "am", "--mutant", "swaps-items", "-k", SWAPPED, "--date", "2026-01-15", cwd=tmp_path)
    assert done.returncode == 1
    run = run_folder(tmp_path / "out")
    events = run / "events.ndjson"
    assert shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path).returncode == 0
    code, told = verified(tmp_path)
    assert (code, told["intact"], told["rejudged"], told["reprinted"]) == (0, True, True, True)
    lines = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    better = [one | {"raw": "pass", "finding": None} if one["type"] == "check-ended" else one for one in lines]
    events.write_text("".join(json.dumps(one) + "\n" for one in better), encoding="utf-8")
    assert shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path).returncode == 0
    code, told = verified(tmp_path)
    assert (code, told["intact"]) == (1, False)
    assert isinstance(told["findings"], list)
    assert [(one["file"], SWAPPED in one["ja"]) for one in told["findings"]] == [("events.ndjson", True)]


def test_packages_are_judged_again_and_others_are_told_apart(tmp_path: Path) -> None:
    for name, data in (("a.zip", b"PK"), ("b.zip.other", b"PK\x03")):
        (tmp_path / name).write_bytes(data)
    assert shinsei("check", "package", "a.zip", cwd=tmp_path).returncode == 1
    run = run_folder(tmp_path / "out")
    assert shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path).returncode == 0
    bare = shinsei("report", "verify", "b.zip", "--rerun", cwd=tmp_path)
    assert bare.returncode == 2
    assert "--package" in bare.stderr
    assert "a.zip" in bare.stderr
    code, told = verified(tmp_path, "--rerun", "--package", "a.zip")
    assert (code, told["rerun"]) == (0, {"rows": [], "conditions": [], "same": told_same(told)})
    code, told = verified(tmp_path, "--rerun", "--package", "b.zip.other")
    assert code == 1
    assert isinstance(told["rerun"], dict)
    assert [one[0] for one in told["rerun"]["conditions"]] == ["inputs"]


def test_the_bundled_writers_packages_are_made_and_judged_again(tmp_path: Path) -> None:
    assert shinsei("check", "package", "--date", "2026-01-15", "--seed", "5", cwd=tmp_path).returncode == 0
    run = run_folder(tmp_path / "out")
    assert shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path).returncode == 0
    code, told = verified(tmp_path, "--rerun")
    assert (code, told["intact"], told["rerun"]) == (0, True, {"rows": [], "conditions": [], "same": told_same(told)})
    assert told_same(told) > 70


def told_same(told: dict[str, object]) -> int:
    rerun = told["rerun"]
    assert isinstance(rerun, dict)
    return int(rerun["same"])


def test_a_bundle_of_another_suite_is_not_repeated(tmp_path: Path) -> None:
    from conformance.evidence.bundle import make_bundle
    from conformance.reporters.write import write_reports
    from conformance.verdicts import Raw
    from tests.conformance.factory import plan_of, planned, stream, write_events

    plan = plan_of(planned()).model_copy(update={"suite_sha256": "0" * 64})
    run = tmp_path / "run"
    run.mkdir()
    write_events(run / "events.ndjson", stream(plan, {"AM-9.1-01a": Raw.PASS}))
    results = write_reports(run).results
    make_bundle(run, results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c.pem")
    done = shinsei("report", "verify", "b.zip", "--rerun", cwd=tmp_path)
    assert done.returncode == 2
    assert "試験一式が違います" in done.stderr
    assert shinsei("report", "verify", "b.zip", cwd=tmp_path).returncode == 0
