"""Challenges: the seed follows from the nonce, the run must answer the very challenge, in its time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.evidence.bundle import make_bundle
from conformance.evidence.challenge import ChallengeError, load_challenge, new_challenge, seed_of, unmet, usable
from conformance.evidence.verify import verify
from conformance.plan import Challenge, Plan
from conformance.reporters.write import write_reports
from conformance.verdicts import Raw
from tests.conformance.factory import AT, plan_of, planned, stream, write_events
from tests.testbed.cli_runs import shinsei

ISSUED = Challenge(
    nonce="0123456789abcdef0123456789abcdef",
    role="am",
    issuer="〇〇市",
    issued_at=AT - timedelta(hours=1),
    expires_at=AT + timedelta(hours=1),
)


def answered(challenge: Challenge | None = ISSUED, seed: int | None = None) -> Plan:
    chosen = seed if seed is not None else seed_of(challenge.nonce) if challenge else 7
    return plan_of(planned()).model_copy(update={"challenge": challenge, "seed": chosen})


def test_the_seed_is_a_function_of_the_nonce_and_fits_a_seed() -> None:
    assert seed_of(ISSUED.nonce) == seed_of(ISSUED.nonce) == 289535273
    assert all(0 <= seed_of(f"{n:032x}") < 2**31 for n in range(200))
    assert len({seed_of(f"{n:032x}") for n in range(200)}) == 200


def test_no_two_challenges_are_alike() -> None:
    made = [new_challenge(role="am", issuer="市", hours=1, now=AT) for _ in range(50)]
    assert len({one.nonce for one in made}) == 50
    assert made[0].expires_at - made[0].issued_at == timedelta(hours=1)


def test_a_run_that_answers_meets_it() -> None:
    assert unmet(answered(), AT, ISSUED) == []
    assert unmet(answered(), AT, None) == []
    assert unmet(answered(None), AT, None) == []


@pytest.mark.parametrize(
    ("plan", "started", "issued", "word"),
    [
        (answered(None), AT, ISSUED, "応じた実施ではありません"),
        (answered(seed=8), AT, ISSUED, "乱数種"),
        (answered(ISSUED.model_copy(update={"nonce": "f" * 32})), AT, ISSUED, "発行したチャレンジと違います"),
        (answered(ISSUED.model_copy(update={"role": "relay"})), AT, None, "役割"),
        (answered(), AT + timedelta(hours=2), ISSUED, "期間の外"),
        (answered(), AT - timedelta(hours=2), ISSUED, "期間の外"),
        (answered(), None, ISSUED, "期間の外"),
    ],
)
def test_why_a_run_does_not_answer(plan: Plan, started: datetime | None, issued: Challenge | None, word: str) -> None:
    assert any(word in ja for ja, _ in unmet(plan, started, issued))


def test_network_roles_are_bound_in_time_only() -> None:
    plan = answered(ISSUED.model_copy(update={"role": "relay"}), seed=0).model_copy(update={"role": "relay"})
    assert unmet(plan, AT, None) == []


def test_a_challenge_of_another_role_or_out_of_time_is_refused_before_the_run() -> None:
    usable(ISSUED, role="am", now=AT)
    with pytest.raises(ChallengeError, match="relay"):
        usable(ISSUED, role="relay", now=AT)
    with pytest.raises(ChallengeError, match="期限"):
        usable(ISSUED, role="am", now=AT + timedelta(hours=2))


@pytest.mark.parametrize("hours", [0, -1, 24 * 367])
def test_a_length_that_makes_no_sense(hours: int) -> None:
    with pytest.raises(ChallengeError, match="--hours"):
        new_challenge(role="am", issuer="市", hours=hours, now=AT)


@pytest.mark.parametrize(
    ("text", "place"),
    [("{}", "nonce"), ("[", "c.json"), ('{"nonce": "zz"}', "nonce")],
)
def test_a_bad_file_is_one_sentence(text: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ChallengeError, match=place) as told:
        load_challenge(path)
    assert "\n" not in str(told.value)


def test_the_bundle_is_bound_to_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_events(run / "events.ndjson", stream(answered(), {"AM-9.1-01a": Raw.PASS}))
    results = write_reports(run).results
    bundle = tmp_path / "b.zip"
    make_bundle(run, results, bundle, key=tmp_path / "k", certificate=tmp_path / "c.pem")
    assert verify(bundle, issued=ISSUED).intact
    other = ISSUED.model_copy(update={"nonce": "a" * 32})
    assert [one.file for one in verify(bundle, issued=other).findings] == ["plan.json"]


class TestCommand:
    def test_issue_then_refuse_what_does_not_fit(self, tmp_path: Path) -> None:
        made = shinsei("challenge", "am", "--issuer", "〇〇市", cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        found = load_challenge(tmp_path / "challenge.json")
        assert str(seed_of(found.nonce)) in made.stdout
        assert found.issued_at <= datetime.now(UTC) < found.expires_at
        assert shinsei("challenge", "am", "--issuer", "〇〇市", cwd=tmp_path).returncode == 2  # never overwritten
        for words in (
            ("check", "am", "--challenge", "challenge.json", "--seed", "3"),
            ("check", "relay", "--challenge", "challenge.json"),
            ("check", "am", "--challenge", "none.json"),
            ("challenge", "am", "--issuer", " ", "--out", "x.json"),
            ("challenge", "nobody", "--issuer", "市"),
        ):
            done = shinsei(*words, cwd=tmp_path)
            assert done.returncode == 2, words
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert not (tmp_path / "out").exists()

    def test_the_copy_of_a_challenge_is_plain_json(self, tmp_path: Path) -> None:
        done = shinsei("challenge", "fw", "--issuer", "市", "--hours", "5", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "challenge.json").read_text(encoding="utf-8"))["role"] == "fw"
