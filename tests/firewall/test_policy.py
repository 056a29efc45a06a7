"""The policy file: what it refuses, in one sentence with file, line and fix; and what follows from its topology."""

from __future__ import annotations

from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from interface_spec.policy import load_policy, parse_policy
from interface_spec.requirements import load_requirements
from tests.firewall.data import BASELINE, baseline


def test_t1_leads_the_relays_way_over_both_firewalls() -> None:
    policy = baseline()
    assert policy.crossing("dmz", "lgwan") == ("boundary", "lgwan")
    assert policy.crossing("mynum", "dmz") == ("boundary",)
    assert policy.crossing("conn", "lgwan") == ("lgwan",)


def test_t2_leads_the_relays_way_over_the_lgwan_firewall_alone() -> None:
    policy = load_policy(Path("baseline-t2"))
    assert policy.crossing("dmz", "lgwan") == ("lgwan",)
    assert policy.crossing("mynum", "lgwan") == ("boundary", "lgwan")


def test_every_flow_cites_a_known_requirement() -> None:
    assert {one.requirement for one in baseline().flow} <= set(load_requirements())


def test_further_core_sources_become_flows_of_their_own() -> None:
    policy = parse_policy(BASELINE.replace("core_sources = []", 'core_sources = ["co"]'), "p.toml")
    added = policy.permits("co", "px", "tcp", policy.service.proxy_port)
    assert added is not None
    assert added.implied
    assert baseline().permits("co", "px", "tcp", policy.service.proxy_port) is None


@pytest.mark.parametrize(
    ("find", "replace", "words"),
    [
        ('v4 = "192.0.2.40"', 'v4 = "192.0.2.10"', ["p.toml:", "host.dz", "host.px"]),
        ('v4 = "192.0.2.40"', 'v4 = "192.0.9.40"', ["host.dz", "範囲"]),
        ('v4 = "203.0.113.0/24"', 'v4 = "192.0.2.0/25"', ["zone.conn", "dmz", "重なって"]),
        ('destination = "dl"', 'destination = "dx"', ["flow K2a", "dx"]),
        ('topology = "T1"', 'topology = "T2"', ["topology", "T2"]),
        ('topology = "T1"', 'topology = "T3"', ["topology", "T1"]),
        ("port = 443\nproxy_port", "port = 70000\nproxy_port", ["port"]),
        ('role = "core"', 'role = "terminal"', ["host", "core"]),
        ('interface = "up0"', 'interface = "dmz0"', ["firewall.boundary", "重複"]),
        ('zone = "mynum"\nrole = "am"', 'zone = "nix"\nrole = "am"', ["host.ap", "nix"]),
        ("[service]", "[servise]", ["service"]),
        ('id = "baseline"', 'id = "baseline', ["TOML"]),
    ],
)
def test_a_bad_policy_is_refused_in_one_sentence(find: str, replace: str, words: list[str]) -> None:
    assert find in BASELINE
    with pytest.raises(SpecError) as caught:
        parse_policy(BASELINE.replace(find, replace, 1), "p.toml")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("p.toml")
    for word in words:
        assert word in sentence


def test_the_line_of_the_mistake_is_named() -> None:
    text = BASELINE.replace('v4 = "192.0.2.40"', 'v4 = "192.0.2.10"', 1)
    with pytest.raises(SpecError) as caught:
        parse_policy(text, "p.toml")
    line = int(str(caught.value).split(":")[1])
    assert text.splitlines()[line - 1] == "[host.dz]"


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="読めません"):
        load_policy(tmp_path / "none.toml")


def test_a_policy_that_is_not_utf8_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_bytes('ja = "方針"'.encode("cp932"))
    with pytest.raises(SpecError, match="UTF-8 で保存"):
        load_policy(tmp_path / "p.toml")
    with pytest.raises(SpecError, match="同梱の baseline・baseline-t2"):
        load_policy(tmp_path / "none.toml")
