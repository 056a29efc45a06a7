"""The mutants as data: every edit still finds its place, every check has a mutant, kinds and counts are as promised."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.catalogue import load_catalogue
from conformance.firewall.squid_build import needs_openssl
from shinsei_testbed import module_command
from testbed.cli_firewall import app
from testbed.mutants.firewall import model
from testbed.mutants.firewall.model import NetworkMutant, load_mutants
from testbed.mutants.firewall.run import Base, NetworkKill, plan_for, run_mutants, unkilled_checks, variant_of
from testbed.mutants.relay.code import CODE

MUTANTS = load_mutants()
CHECKS = {name for role in ("fw", "relay") for name in load_catalogue(role).checks}


def test_there_are_enough_of_them() -> None:
    firewall = [one for one in MUTANTS.values() if one.role == "fw"]
    relay = [one for one in MUTANTS.values() if one.role == "relay"]
    assert len(firewall) >= 60
    assert len(relay) >= 20
    assert {one.id for one in firewall if one.kind == "needle"} == {"B21", "B22", "B30"}


@pytest.mark.parametrize("role", ["fw", "relay"])
def test_every_check_has_a_mutant_that_kills_it(role: str) -> None:
    assert unkilled_checks(role, MUTANTS.values()) == []


@pytest.mark.parametrize("one", MUTANTS.values(), ids=lambda one: one.id)
def test_an_edit_finds_its_place_and_changes_something(one: NetworkMutant) -> None:
    base = Base.load(one.base)
    if one.part == "policy":
        assert base.mutated(one, "policy") != base.text
        return
    assert variant_of(base, one, module_command).name == one.id
    for edit in one.edit:
        assert base.mutated(one, edit.on) != base.reference(edit.on)


@pytest.mark.parametrize("one", MUTANTS.values(), ids=lambda one: one.id)
def test_declared_kills_are_checks_of_the_rounds_that_are_played(one: NetworkMutant) -> None:
    known = load_catalogue(one.role).checks
    planned = {check.id: check for check in plan_for(Base.load(one.base).policy, one).checks}
    for name in one.kills:
        assert known[name].disturbance in one.played
        assert planned[name].status == "run"


def test_a_relay_code_mutant_is_used_and_exists() -> None:
    named = {one.code for one in MUTANTS.values() if one.part == "relay"}
    assert set(CODE) <= named
    assert named - set(CODE) == {"survives", "once", "falls-back", "also-other", "pushes-inward"}


@pytest.mark.parametrize("name", ["P01", "P02", "P03"])
def test_a_wrong_policy_is_caught_without_a_packet(name: str) -> None:
    (kill,) = run_mutants([MUTANTS[name]], module_command)
    assert kill.as_declared, kill


def test_the_committed_table_shows_every_mutant_caught_as_declared() -> None:
    text = (Path(model.__file__).parent / "MATRIX.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(): cells[4].split()
        for line in text.splitlines()[2:]
        if line.startswith("|") and (cells := line.split("|"))
    }
    assert set(rows) == set(MUTANTS)
    assert "宣言と不一致" not in text
    for name, caught in rows.items():
        assert {one for one in caught if one in CHECKS} == set(MUTANTS[name].kills), (
            f"{name}: shinsei firewall mutants --out MATRIX.md"
        )


@pytest.mark.parametrize(
    ("kills", "code", "said"),
    [
        ([NetworkKill(MUTANTS["S34"], MUTANTS["S34"].kills), NetworkKill(MUTANTS["B21"], ())], 0, "needles 1"),
        ([NetworkKill(MUTANTS["S34"], (), unavailable="無い / lacks it"), NetworkKill(MUTANTS["B35"], ())], 4, "無い / lacks it"),
        ([NetworkKill(MUTANTS["S34"], (), unavailable="無い"), NetworkKill(MUTANTS["B01"], ())], 1, "FW-"),
        ([NetworkKill(MUTANTS["S34"], (), trouble="squid.conf: だめ")], 1, "squid.conf: だめ"),
    ],
    ids=["as-declared", "one-could-not-be-played", "one-lives", "one-does-not-load"],
)  # fmt: skip
def test_the_exit_code_tells_what_lives_from_what_could_not_be_played(
    monkeypatch: pytest.MonkeyPatch, kills: list[NetworkKill], code: int, said: str
) -> None:
    monkeypatch.setattr("testbed.cli_firewall.run_mutants", lambda *_: kills)
    done = CliRunner().invoke(app, ["mutants"])
    assert done.exit_code == code
    assert said in done.stdout.split("\n\n")[1]


@pytest.mark.parametrize(
    ("conf", "line"),
    [
        ("# ssl_bump none\nhttp_port 192.0.2.10:8080\n", ""),
        ("http_port 1:2 ssl-bump cert=x\n", "http_port 1:2 ssl-bump cert=x"),
        ("acl s at_step SslBump1\n", "acl s at_step SslBump1"),
        ("  ssl_bump splice all\n", "ssl_bump splice all"),
        ("sslcrtd_program /x\n", "sslcrtd_program /x"),
    ],
)
def test_what_needs_a_squid_with_openssl_is_known_by_its_line(conf: str, line: str) -> None:
    assert needs_openssl(conf) == line
