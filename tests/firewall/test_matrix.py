"""The matrix: complete, numbered, every probe in a case, and what is intended follows the policy alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue
from conformance.firewall.matrix import build_matrix, load_cases
from conformance.firewall.px_cases import build_px
from conformance.firewall.tricks import PaperWires, build_tricks
from interface_spec.policy import load_policy, parse_policy
from tests.firewall.data import BASELINE, baseline


@pytest.mark.parametrize("name", ["baseline", "baseline-t2"])
def test_cells_are_numbered_and_only_the_flows_are_permitted(name: str) -> None:
    policy = load_policy(Path(name))
    cells = build_matrix(policy)
    assert [cell.number for cell in cells] == list(range(1, len(cells) + 1))
    permitted = {(c.source, c.destination, c.protocol, c.port) for c in cells if c.permitted}
    wanted = {(f.source, f.destination, p, f.port) for f in policy.all_flows for p in f.protocol}
    assert permitted == wanted


def test_every_ordered_pair_of_zones_is_probed_in_both_families() -> None:
    policy = baseline()
    pairs = {(c.source, c.destination, c.family) for c in build_matrix(policy) if ":" not in c.destination}
    for source, here in policy.host.items():
        for destination, there in policy.host.items():
            for family in ("v4", "v6"):
                assert ((source, destination, family) in pairs) == (here.zone != there.zone)


def test_every_case_of_the_table_owns_probes_in_t1() -> None:
    owned = {cell.case for cell in build_matrix(baseline())}
    assert owned == {case.id for case in load_cases()}


def test_an_undeclared_family_is_wholly_denied() -> None:
    text = BASELINE.replace('families = ["v4", "v6"]', 'families = ["v4"]')
    cells = build_matrix(parse_policy(text, "p"))
    assert any(cell.permitted for cell in cells)
    assert not any(cell.permitted for cell in cells if cell.family == "v6")


def test_excluded_pairs_are_neither_demanded_nor_denied() -> None:
    cells = [c for c in build_matrix(baseline()) if c.source == "of" and c.destination == "dl"]
    assert {cell.expected("chain") for cell in cells} == {"excluded"}


def test_a_probe_that_does_not_cross_a_firewall_says_nothing_about_it() -> None:
    cells = [c for c in build_matrix(baseline()) if c.source == "ap" and c.destination == "px"]
    assert {cell.expected("lgwan") for cell in cells} == {None}
    assert {cell.expected("boundary") for cell in cells} == {"allow", "deny"}


@pytest.mark.parametrize("name", ["baseline", "baseline-t2"])
def test_tricks_have_unique_ids_and_carry_their_nonce(name: str) -> None:
    tricks = build_tricks(PaperWires(load_policy(Path(name))))
    assert len({trick.id for trick in tricks}) == len(tricks) > 400
    for trick in tricks:
        frames = trick.build(b"SHN:00000001", "")
        assert sum(b"SHN:00000001" in frame for frame in frames) == 1, trick.id


def test_every_trick_case_is_judged_by_a_check() -> None:
    judged = {case.partition("@")[0] for one in load_catalogue("fw").checks.values() for case in one.cases}
    assert {trick.case for trick in build_tricks(PaperWires(baseline()))} <= judged


def test_proxy_cases_have_unique_ids_and_bilingual_titles() -> None:
    cases = build_px(baseline())
    assert len({case.id for case in cases}) == len(cases) >= 55
    assert all(case.ja and case.en.isascii() for case in cases)
    assert {case.id[:5] for case in cases} >= {
        f"PX-{n:02d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 20)
    }


@pytest.mark.parametrize("name", ["baseline", "baseline-t2"])
def test_the_proxy_port_of_a_firewalls_own_address_is_probed(name: str) -> None:
    """FW-M02: whatever is forwarded inward from a firewall's address would be the relay's port first of all."""
    policy = load_policy(Path(name))
    own = [one for one in build_matrix(policy) if one.destination.startswith("firewall:")]
    assert {one.port for one in own if one.case == "FW-M02"} == {policy.service.proxy_port}
    assert {80, policy.service.port} <= {one.port for one in own if one.case == "FW-M01"}


def test_the_catalogue_is_the_floor() -> None:
    """Tricks that a narrower choice once left out: each is here for both ends of what it is about."""
    names = {one.id for one in build_tricks(PaperWires(load_policy(Path("baseline"))))}
    assert {
        "FW-P02 tcp0 ap→dl v4", "FW-P02 udp0 ot→px v6", "FW-P05 ihl15 ap→dl v4", "FW-P06 proto41 px→ot v6",
        "FW-P08 ot-as-px ot→ap v4", "FW-P12 late-data dl→px v4", "FW-P12 late-data px→ap v6",
    } <= names  # fmt: skip
