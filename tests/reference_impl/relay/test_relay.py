"""The relay over real sockets: what passes, what never does, and what the access log says about both."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

import shinsei_testbed
from reference_impl.relay.access_log import AccessLog, Entry
from reference_impl.relay.config import RelayConfig
from reference_impl.relay.server import Relay
from tests.reference_impl.relay.conftest import LISTED, SOURCE, FarServer, RelayProcess, config_for

FIELDS = {
    "at",
    "client",
    "method",
    "target",
    "host",
    "port",
    "verdict",
    "reason",
    "status",
    "bytes_up",
    "bytes_down",
}


def connect(target: str) -> str:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"


def exchange(connection: socket.socket, sent: bytes) -> bytes:
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    connection.close()
    return bytes(received)


@pytest.mark.parametrize("name", [LISTED, LISTED.upper(), f"{LISTED}."])
def test_listed_name_passes_from_the_source_address(relay: RelayProcess, far: FarServer, name: str) -> None:
    connection, answer = relay.request(connect(f"{name}:{far.port}"))
    assert answer.startswith("HTTP/1.1 200 ")
    # The far side answers only after our half of the tunnel is closed: half-close passes through.
    assert exchange(connection, b"hello") == b"HELLO"
    assert far.peers == [SOURCE]
    (line,) = relay.log(1)
    assert line.keys() == FIELDS
    assert (line["verdict"], line["status"], line["method"]) == ("allow", 200, "CONNECT")
    assert (line["host"], line["port"], line["target"]) == (LISTED, far.port, f"{name}:{far.port}")
    assert (line["bytes_up"], line["bytes_down"], line["client"]) == (5, 5, "127.0.0.1")


def test_five_megabytes_both_ways(relay: RelayProcess, far: FarServer) -> None:
    data = os.urandom(5_000_000)
    connection, _ = relay.request(connect(f"{LISTED}:{far.port}"), timeout=30)
    assert exchange(connection, data) == data.upper()
    assert relay.log(1)[0]["bytes_up"] == relay.log(1)[0]["bytes_down"] == 5_000_000


def test_bytes_sent_together_with_the_head_are_not_lost(relay: RelayProcess, far: FarServer) -> None:
    connection, _ = relay.request(connect(f"{LISTED}:{far.port}") + "early")
    assert exchange(connection, b" late") == b"EARLY LATE"


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("other.lgwan.test:{port}", "403", "name-not-listed"),
        ("{listed}:{other_port}", "403", "port-not-listed"),
        ("127.0.20.1:{port}", "403", "ip-literal"),
        ("[::1]:{port}", "403", "ip-literal"),
        ("2130706433:{port}", "403", "ip-literal"),
        ("127.1:{port}", "403", "ip-literal"),
        ("0x7f.1:{port}", "403", "ip-literal"),
        ("{listed}.evil.test:{port}", "403", "name-not-listed"),
        ("evil{listed}:{port}", "403", "name-not-listed"),
        ("{listed}..:{port}", "400", "bad-name"),
        ("{listed}:{port}@evil.test:{port}", "400", "bad-target"),
        ("evil@{listed}:{port}", "400", "bad-target"),
        ("{listed}", "400", "bad-target"),
        ("{listed}:0{port}", "400", "bad-target"),
        ("{listed}:99999", "400", "bad-target"),
        ("https://{listed}:{port}", "400", "bad-target"),
        ("localhost:{port}", "400", "bad-name"),
    ],
)
def test_everything_else_is_refused_and_logged(
    relay: RelayProcess, far: FarServer, target: str, status: str, reason: str
) -> None:
    asked = target.format(listed=LISTED, port=far.port, other_port=far.port - 1)
    assert relay.refused(connect(asked)) == status
    (line,) = relay.log(1)
    assert (line["verdict"], line["reason"], line["status"]) == ("deny", reason, int(status))
    assert line["target"] == asked
    assert far.peers == []
    # Two-sided: the same far side is alive and reachable by the one permitted name.
    connection, _ = relay.request(connect(f"{LISTED}:{far.port}"))
    assert exchange(connection, b"x") == b"X"


class SlowLog(AccessLog):
    def write(self, entry: Entry) -> None:
        time.sleep(0.3)  # the window in which a refusal that is sent first would be seen without its line
        super().write(entry)


def test_whoever_was_refused_finds_it_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "access.jsonl"
    networks = (ip_network("127.0.0.0/8"),)

    def ask(port: int) -> tuple[bytes, int]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(connect("other.lgwan.test:443").encode())
            return connection.recv(65536)[:12], len(file.read_text(encoding="utf-8").splitlines())

    async def refused() -> tuple[bytes, int]:
        log = SlowLog(file, lambda: datetime.now(UTC), sys.stderr)
        relay = Relay(RelayConfig("127.0.0.1", 0, networks), log)
        port = int((await relay.start()).rpartition(":")[2])
        try:
            return await asyncio.to_thread(ask, port)
        finally:
            await relay.stop()

    assert asyncio.run(refused()) == (b"HTTP/1.1 403", 1)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "connect"])
def test_other_methods_are_refused(relay: RelayProcess, far: FarServer, method: str) -> None:
    head = f"{method} http://{LISTED}:{far.port}/ HTTP/1.1\r\nHost: {LISTED}\r\n\r\n"
    assert relay.refused(head) == "405"
    assert far.peers == []
    assert relay.log(1)[0]["verdict"] == "deny"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("CONNECT\r\n\r\n", "400"),
        ("CONNECT  a:1 HTTP/1.1\r\n\r\n", "400"),
        ("CONNECT a.b:1 HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        ("CONNECT a.b:1 HTTP/1.1\r\nX: " + "y" * 20000 + "\r\n\r\n", "431"),
    ],
)
def test_malformed_heads(relay: RelayProcess, head: str, status: str) -> None:
    assert relay.refused(head) == status


def test_listed_but_dead_far_side_is_a_gateway_error(relay: RelayProcess, far: FarServer) -> None:
    far.close()
    assert relay.refused(connect(f"{LISTED}:{far.port}")) == "502"
    line = relay.log(1)[0]
    assert (line["verdict"], line["status"]) == ("allow", 502)
    assert line["reason"].startswith("connect-failed")


@pytest.mark.parametrize("text", ["", "allow = []\n"])
def test_empty_list_lets_nothing_pass(tmp_path: Path, far: FarServer, text: str) -> None:
    relay = RelayProcess(tmp_path, f'clients = ["127.0.0.0/8"]\n{text}[hosts]\n"{LISTED}" = "127.0.20.1"\n')
    try:
        assert relay.refused(connect(f"{LISTED}:{far.port}")) == "403"
        assert far.peers == []
    finally:
        relay.stop()


def test_client_outside_the_networks_is_refused(tmp_path: Path, far: FarServer) -> None:
    relay = RelayProcess(tmp_path, config_for(far.port, clients='["10.0.0.0/8"]'))
    try:
        assert relay.refused(connect(f"{LISTED}:{far.port}")) == "403"
        assert relay.log(1)[0]["reason"] == "client-not-allowed"
    finally:
        relay.stop()


def test_slow_head_is_cut_off(tmp_path: Path, far: FarServer) -> None:
    relay = RelayProcess(tmp_path, config_for(far.port) + "[limits]\nhead_seconds = 0.2\n")
    try:
        assert relay.refused("CONNECT ") == "408"
    finally:
        relay.stop()


def test_silent_tunnel_is_cut_off(tmp_path: Path, far: FarServer) -> None:
    relay = RelayProcess(tmp_path, config_for(far.port) + "[limits]\nidle_seconds = 0.2\n")
    try:
        connection, _ = relay.request(connect(f"{LISTED}:{far.port}"))
        assert connection.recv(1) == b""
        connection.close()
        assert relay.log(1)[0]["reason"] == "idle-timeout"
    finally:
        relay.stop()


def test_termination_cuts_and_logs_open_tunnels(relay: RelayProcess, far: FarServer) -> None:
    connection, _ = relay.request(connect(f"{LISTED}:{far.port}"))
    connection.sendall(b"abc")
    time.sleep(0.1)
    before = time.monotonic()
    relay.process.terminate()
    assert relay.process.wait(5) == 0
    assert time.monotonic() - before < 1
    assert relay.log(1)[0]["bytes_up"] == 3
    connection.close()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("listen = 5\n", "listen"),
        ('listen = "127.0.0.1:{used}"\n', "listen"),
        ('listen = "127.0.0.1:0"\nclients = ["nonsense"]\n', "clients"),
        ('listen = "127.0.0.1:0"\n[[allow]]\nfqdn = "*.lgwan.test"\nport = 1\n', "allow[0].fqdn"),
        ('listen = "127.0.0.1:0"\n[[allow]]\nfqdn = "a.test"\nport = 0\n', "allow[0].port"),
        ('listen = "127.0.0.1:0"\nalow = []\n', "alow"),
        ("listen = [\n", "TOML"),
    ],
)
def test_unusable_configuration_is_one_sentence(tmp_path: Path, text: str, named: str) -> None:
    config = tmp_path / "relay.toml"
    with socket.create_server(("127.0.0.1", 0)) as used:
        config.write_text(text.replace("{used}", str(used.getsockname()[1])), encoding="utf-8")
        done = subprocess.run(
            shinsei_testbed.module_command("reference_impl.relay", "--config", str(config)),
            capture_output=True,
            encoding="utf-8",
            timeout=10,
            check=False,
        )
    assert done.returncode == 2
    assert named in done.stderr
    assert " / " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
