"""A relay process and a TCP server behind it, both on loopback addresses of their own."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import shinsei_testbed

LISTED = "dl.shinsei.lgwan.test"
SOURCE = "127.0.30.1"
FAR_ADDRESS = "127.0.20.1"


class FarServer:
    """Answers every connection by ``handle`` and remembers the peers' addresses: proof of what really arrived."""

    def __init__(self, handle: Callable[[socket.socket], None]) -> None:
        self.peers: list[str] = []
        self._handle = handle
        self._socket = socket.create_server((FAR_ADDRESS, 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            with closing(connection):
                self._handle(connection)

    def close(self) -> None:
        if self._socket.fileno() != -1:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        self._thread.join(5)


def echo_upper(connection: socket.socket) -> None:
    """Read until the client half-closes, then answer everything in upper case."""
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    connection.sendall(bytes(received).upper())


class RelayProcess:
    """The relay as its users start it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.log_file = folder / "relay-access.jsonl"
        ready = folder / "relay-ready.json"
        config = folder / "relay.toml"
        config.write_text(
            f'listen = "127.0.0.1:0"\nready_file = "{ready}"\nlog_file = "{self.log_file}"\n{text}', encoding="utf-8"
        )
        self.process = subprocess.Popen(
            shinsei_testbed.module_command("reference_impl.relay", "--config", str(config)), stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 10
        while not ready.exists():
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        host, _, port = json.loads(ready.read_text(encoding="utf-8"))["listen"].rpartition(":")
        self.address = (host, int(port))

    def request(self, head: str, timeout: float = 5.0) -> tuple[socket.socket, str]:
        """Send a request head; the socket and the status line that came back."""
        connection = socket.create_connection(self.address, timeout=timeout)
        connection.sendall(head.encode())
        return connection, _read_head(connection)

    def refused(self, head: str) -> str:
        connection, answer = self.request(head)
        connection.close()
        return answer.split(" ")[1]

    def log(self, lines: int) -> list[dict[str, Any]]:
        """The access log once it has ``lines`` lines."""
        deadline = time.monotonic() + 5
        while True:
            found = self.log_file.read_text(encoding="utf-8").splitlines() if self.log_file.exists() else []
            if len(found) >= lines:
                return [json.loads(line) for line in found]
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


def _read_head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            break
        head += piece
    return head.decode()


def config_for(port: int, *, clients: str = '["127.0.0.0/8"]') -> str:
    return (
        f'source_address = "{SOURCE}"\nclients = {clients}\n'
        f'[[allow]]\nfqdn = "{LISTED}"\nport = {port}\n'
        f'[hosts]\n"{LISTED}" = "{FAR_ADDRESS}"\n"other.lgwan.test" = "{FAR_ADDRESS}"\n'
    )


@pytest.fixture
def far() -> Iterator[FarServer]:
    server = FarServer(echo_upper)
    yield server
    server.close()


@pytest.fixture
def relay(far: FarServer, tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess(tmp_path, config_for(far.port))
    yield process
    process.stop()
