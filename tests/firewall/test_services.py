"""The lab's DNS: what it answers for the listed name when the name turns inward, moves, or has one family only."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from conformance.firewall.build import second_address
from conformance.firewall.services import Dns
from interface_spec.policy import Family
from tests.firewall.data import baseline

POLICY = baseline()
TYPES: dict[Family, int] = {"v4": 1, "v6": 28}


class Bare(Dns):
    """Answers only: no sockets, no namespaces."""

    def __init__(self) -> None:
        self._policy = POLICY
        self.queries, self.inward, self.moved, self.only = [], False, False, ""


@pytest.fixture
def dns() -> Bare:
    return Bare()


def ask(dns: Dns, name: str, family: Family) -> str:
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split(".")) + b"\0"
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + struct.pack("!HH", TYPES[family], 1)
    answer = dns.answer(query)
    count = struct.unpack("!H", answer[6:8])[0]
    size = 4 if family == "v4" else 16
    return str(ipaddress.ip_address(answer[-size:])) if count else ""


def host(role_name: str, family: Family) -> str:
    return POLICY.host[role_name].address(family)


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_the_listed_name_is_the_download_function_and_any_other_the_other_site(dns: Bare, family: Family) -> None:
    assert ask(dns, POLICY.service.fqdn, family) == host("dl", family)
    assert ask(dns, "anything.test", family) == host("ot", family)


def test_one_family_only(dns: Bare) -> None:
    dns.only = "v6"
    assert ask(dns, POLICY.service.fqdn, "v4") == ""
    assert ask(dns, POLICY.service.fqdn, "v6") == host("dl", "v6")


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_moved_name_has_an_address_that_nobody_else_has(dns: Bare, family: Family) -> None:
    dns.moved = True
    found = ask(dns, POLICY.service.fqdn, family)
    zone = POLICY.zone["lgwan"]
    assert found == second_address(POLICY, "dl", family)
    assert ipaddress.ip_address(found) in (zone.v4 if family == "v4" else zone.v6)
    assert found not in {one.address(family) for one in POLICY.host.values()}


def test_a_rebound_name_leads_inward(dns: Bare) -> None:
    dns.inward = True
    assert ask(dns, POLICY.service.fqdn, "v4") == host("ap", "v4")
