"""The hook for a malware scanner: found, not found, and above all: not answered."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from reference_impl.shinsei_kanri.scanner import Address, ClamAv, ScannerTrouble, parse_address
from tests.reference_impl.shinsei_kanri.clamd import EICAR, MOST, clamd


def test_clean_infected_and_too_large() -> None:
    with clamd() as address:
        scanner = ClamAv(parse_address(address))
        scanner.check()
        assert scanner.scan(b"") == ""
        assert scanner.scan(b"a" * 200_000) == ""
        assert scanner.scan(b"a" * 70_000 + EICAR) == "Win.Test.EICAR_HDB-1"
        with pytest.raises(ScannerTrouble, match="limit exceeded"):
            scanner.scan(b"a" * (MOST + 1))


def test_nobody_there_is_a_refusal(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", f"unix:{tmp_path}/none"):
        scanner = ClamAv(parse_address(address))
        for ask in (scanner.check, lambda one=scanner: one.scan(b"x")):
            with pytest.raises(ScannerTrouble, match=" / "):
                ask()


@pytest.mark.parametrize("said", [b"", b"stream: OK", b"UNKNOWN COMMAND\0", b"stream: \xe9\xab\x98 ERROR\0"])
def test_answer_that_is_none_is_a_refusal(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        scanner = ClamAv(Address(host="127.0.0.1", port=listening.getsockname()[1]), seconds=2)
        with pytest.raises(ScannerTrouble) as refused:
            scanner.check()
        assert "高" not in str(refused.value)
        thread.join()


@pytest.mark.parametrize("text", ["127.0.0.1:3310", "tcp://host", "http://h:1", "unix:relative"])
def test_address_in_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="unix:"):
        parse_address(text)
    assert parse_address("unix:/run/clamd.sock") == Address(path="/run/clamd.sock")
