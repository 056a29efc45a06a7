"""LGWAN neighbours: the DNS answers what it knows and remembers who asked; the other site records every visit."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.clock import WorldClock
from mock_services.lgwan.errors import NotAQuestionError
from mock_services.lgwan.models import Names
from mock_services.lgwan.responses import resolved
from tests.mock_services.support import START, Process, process

KNOWN = {"dl.shinsei.lgwan.test": "127.0.20.1"}


def question(name: str, kind: int = 1, number: int = 7) -> bytes:
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\x00" + struct.pack(">HH", kind, 1)


def names() -> Names:
    return Names(KNOWN, WorldClock(START))


def test_a_known_name_has_its_address() -> None:
    server = names()
    reply = resolved(server, question("DL.shinsei.lgwan.test"), "127.0.30.1:9")
    assert struct.unpack(">HHHHHH", reply[:12]) == (7, 0x8500, 1, 1, 0, 0)
    assert reply[-4:] == bytes([127, 0, 20, 1])
    assert [(one.peer, one.name, one.answer) for one in server.queries] == [
        ("127.0.30.1:9", "dl.shinsei.lgwan.test", "127.0.20.1")
    ]


def test_an_unknown_name_and_another_type_have_no_address() -> None:
    server = names()
    unknown = resolved(server, question("www.example.jp"), "x:1")
    other_type = resolved(server, question("dl.shinsei.lgwan.test", 28), "x:1")
    assert (unknown[3] & 15, unknown[7]) == (3, 0)
    assert (other_type[3] & 15, other_type[7]) == (0, 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (struct.pack(">HHHHHH", 7, 0x0100, 2, 0, 0, 0), 1),
        (question("dl.shinsei.lgwan.test")[:-3], 1),
        (struct.pack(">HHHHHH", 7, 0x2900, 1, 0, 0, 0), 4),
    ],
)
def test_what_is_no_proper_question_is_refused_with_a_code(data: bytes, code: int) -> None:
    server = names()
    assert resolved(server, data, "x:1")[3] & 15 == code
    assert not server.queries


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_no_datagram_breaks_it(data: bytes) -> None:
    try:
        assert resolved(names(), data, "x:1")[:2] == data[:2]
    except NotAQuestionError:
        assert len(data) < 12 or data[2] & 0x80


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder: Path = tmp_path_factory.mktemp("lgwan")
    with process(folder, lgwan={}) as found:
        yield found


def test_over_the_network_who_asked_and_who_came_is_known(running: Process) -> None:
    where = running.endpoints.systems
    host, _, port = where["lgwan-dns"].removeprefix("udp://").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.bind(("127.0.0.1", 0))
        udp.sendto(question("other.lgwan.test"), (host, int(port)))
        assert udp.recv(512)[-4:] == bytes([127, 0, 20, 2])
    control = httpx.get(f"{running.endpoints.control_url}/world/v1/lgwan/queries", trust_env=False).json()
    assert [(one["name"], one["peer"].split(":")[0]) for one in control] == [("other.lgwan.test", "127.0.0.1")]
    assert "その他" in httpx.get(f"{where['lgwan-site']}/x", trust_env=False).text
    (visit,) = running.client.exchanges(system="lgwan-site")
    assert visit.target == "/x"
    running.client.reset()
    assert httpx.get(f"{running.endpoints.control_url}/world/v1/lgwan/queries", trust_env=False).json() == []
