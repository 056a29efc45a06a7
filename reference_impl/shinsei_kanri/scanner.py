"""The hook for a malware scanner: clamd's INSTREAM over a socket. What cannot be scanned is not taken in."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol
from urllib.parse import urlsplit

from reference_impl.shinsei_kanri.records import Content

CHUNK = 64 * 1024
SECONDS = 30.0
_PRINTABLE = re.compile(r"[^A-Za-z0-9._:/+-]")


class ScannerTrouble(Exception):
    """The scanner is configured and does not answer as agreed: nothing may pass it unseen. One sentence."""


class Scanner(Protocol):
    def check(self) -> None:
        """Raises ScannerTrouble unless the scanner works now."""

    def scan(self, body: Content) -> str:
        """The name of what was found in ``body``, "" for nothing. Raises ScannerTrouble."""


@dataclass(frozen=True)
class Address:
    """Where clamd listens: a Unix socket's path, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0


def parse_address(text: str) -> Address:
    """``unix:/run/clamd.sock`` or ``tcp://host:port``. Raises ValueError."""
    if text.startswith("unix:/"):
        return Address(path=text.removeprefix("unix:"))
    parts = urlsplit(text)
    if parts.scheme == "tcp" and parts.hostname and parts.port:
        return Address(host=parts.hostname, port=parts.port)
    raise ValueError("unix:/パス または tcp://ホスト:ポート の形で書いてください / write unix:/path or tcp://host:port")


class ClamAv:
    """clamd, one connection per question."""

    def __init__(self, address: Address, seconds: float = SECONDS) -> None:
        self._address, self._seconds = address, seconds

    def check(self) -> None:
        if (answer := self._ask(b"zPING\0", ())) != "PONG":
            raise ScannerTrouble(f"マルウェア検査の応答が違います（{answer}） / the scanner answers otherwise")

    def scan(self, body: Content) -> str:
        pieces = (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))
        answer = self._ask(b"zINSTREAM\0", chain(pieces, (b"",)))
        if answer == "stream: OK":
            return ""
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND") or "?"
        raise ScannerTrouble(f"マルウェア検査ができませんでした（{answer}） / the scanner could not scan it")

    def _ask(self, command: bytes, pieces: Iterable[Content]) -> str:
        try:
            with self._connect() as connection:
                connection.sendall(command)
                for piece in pieces:
                    connection.sendall(struct.pack("!I", len(piece)))
                    connection.sendall(piece)
                answer = bytearray()
                while not answer.endswith(b"\0") and len(answer) < 4096 and (more := connection.recv(4096)):
                    answer += more
        except OSError as error:
            raise ScannerTrouble(
                f"マルウェア検査に接続できません / cannot reach the scanner ({type(error).__name__})"
            ) from None
        if not answer.endswith(b"\0"):
            raise ScannerTrouble("マルウェア検査の応答が途中で切れました / the scanner's answer is cut")
        text = answer.rstrip(b"\0").decode("ascii", "replace")
        return " ".join(_PRINTABLE.sub("_", word) for word in text.split())[:200]

    def _connect(self) -> socket.socket:
        if self._address.path:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(self._seconds)
                connection.connect(self._address.path)
            except OSError:
                connection.close()
                raise
            return connection
        return socket.create_connection((self._address.host, self._address.port), timeout=self._seconds)
