"""Faults below HTTP and between the zones, over real sockets."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest

from mock_services.control import Fault, WorldClient
from tests.mock_services.support import DANTAI, Process, link, meta

BODY = bytes(range(256)) * 64
PATH = "/api/v1/applications/R0001/package"


@pytest.fixture
def product(running: Process, outside: WorldClient) -> Iterator[httpx.Client]:
    """A logged-in client behind the relay, with one application to get."""
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    outside.load_application(meta(1), BODY)
    with httpx.Client(
        base_url=running.endpoints.download_url, proxy=running.endpoints.relay_url, verify=context, trust_env=False
    ) as client:
        answer = client.post("/api/v1/login", json={"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"})
        client.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        yield client


def test_wrong_length_promises_more_than_it_sends(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="wrong-length", operation="get", times=1, params={"by": 7})])
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {len(BODY)} bytes, expected {len(BODY) + 7}"):
        product.get(PATH)
    assert product.get(PATH).content == BODY


def test_a_reset_in_the_body_is_an_error_and_recorded(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="reset-mid-body", operation="get", times=1, params={"bytes": 4000})])
    before = outside.last_seq()
    with pytest.raises(httpx.HTTPError):
        product.get(PATH)
    assert product.get(PATH).content == BODY
    struck = outside.exchanges(before)[0]
    assert (struck.fault, struck.response_body.size) == ("reset-mid-body", 4000)


@pytest.mark.parametrize(("name", "ends"), [("reset-mid-body", "reset"), ("truncate", "closed")])
def test_a_body_ends_by_a_reset_or_by_a_close(running: Process, outside: WorldClient, name: str, ends: str) -> None:
    outside.put_links([link("A1")])
    outside.set_faults([Fault(name=name, system="juki", operation="full", times=1, params={"bytes": 10})])
    where = httpx.URL(running.endpoints.link_url)
    call = f"GET /himozuke/v1/zenken HTTP/1.1\r\nHost: {where.host}\r\nX-Api-Key: link-key\r\n\r\n"
    with socket.create_connection((where.host, where.port or 0), timeout=30) as client:
        client.sendall(call.encode())
        try:
            while client.recv(4096):
                pass
            how = "closed"
        except ConnectionResetError:
            how = "reset"
    assert how == ends


def test_slow_drip_comes_in_pieces_and_whole(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="slow-drip", operation="get", times=1, params={"piece": 4096, "every_ms": 60})])
    started = time.monotonic()
    assert product.get(PATH).content == BODY
    assert time.monotonic() - started >= 0.18


def test_timeout_is_silent_and_then_closed(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="timeout", operation="get", times=1, params={"seconds": 1})])
    started = time.monotonic()
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        product.get(PATH)
    assert time.monotonic() - started >= 1
    assert product.get(PATH).content == BODY


def test_an_old_protocol_is_refused_in_the_handshake(running: Process, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="tls", times=1, params={"variant": "old-protocol"})])
    host, _, port = running.endpoints.download_address.rpartition(":")
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    raw = socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.30.1", 0))
    with raw, pytest.raises(ssl.SSLError):  # the words differ between OpenSSL builds
        context.wrap_socket(raw, server_hostname="dl.shinsei.lgwan.test")
    assert outside.faults()[0].applied == 1


def test_the_proxy_goes_down_and_comes_back(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="proxy-down")])
    assert outside.health().relay == "stopped"
    with pytest.raises(httpx.HTTPError):
        product.get(PATH)
    outside.clear_faults()
    assert outside.health().relay == "running"
    assert product.get(PATH).content == BODY


def test_a_changed_name_leads_nowhere_until_it_is_cleared(product: httpx.Client, outside: WorldClient) -> None:
    outside.set_faults([Fault(name="dns-change", params={"address": "127.0.20.99"})])
    with pytest.raises(httpx.HTTPError):
        product.get(PATH, timeout=2)
    outside.reset()
    outside.load_application(meta(1), BODY)
    answer = product.post("/api/v1/login", json={"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"})
    product.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
    assert product.get(PATH).content == BODY
