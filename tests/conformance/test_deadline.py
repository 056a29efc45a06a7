"""A product that answers a byte at a time, or without end, holds nobody up: each call has an end of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.adapters.base import ProductUnreachable
from conformance.adapters.http import HttpAdapter
from conformance.engine.masking import Masker
from conformance.engine.screen import ScreenReader
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n"


PIECES = 100
"""What the server sends before it has had enough: several times what any of the calls may take."""


@contextmanager
def dripping(first: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends ``first`` and then ``piece`` again and again, much faster than any wait for one piece ends.

    AssertionError when it was the server that ended the call.
    """
    stop, enough = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(first)
                    for _ in range(PIECES):
                        if stop.wait(0.05):
                            return
                        connection.sendall(piece)
                    enough.set()
                except OSError:
                    return  # the caller has given up, as it should

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                threads.append(threading.Thread(target=one, args=(connection,)))
                threads[-1].start()

        threads = [threading.Thread(target=serve)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not enough.is_set(), "the call went on until the server ended it"


SLOW = pytest.mark.parametrize(
    ("first", "piece"),
    [(HEAD, b"x"), (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), (b"", b"H")],
    ids=["body", "one-header", "many-headers", "nothing-yet"],
)


@SLOW
def test_the_control_interface_is_given_up(first: bytes, piece: bytes) -> None:
    tape = AdapterTape(Redactor([]), Masker([], []))
    with dripping(first, piece) as url:
        product = HttpAdapter(url, "token", tape.take, call_timeout=0.6, job_timeout=1)
        with pytest.raises(ProductUnreachable, match=r"127\.0\.0\.1"):
            product.health()
        product.close()


@SLOW
def test_the_screen_is_given_up(first: bytes, piece: bytes) -> None:
    with dripping(first, piece) as url:
        reader = ScreenReader(url + "/{receipt_no}", "", 0.6)
        with pytest.raises(ProductUnreachable, match=r"127\.0\.0\.1"):
            reader.look("R1")
        reader.close()


def test_headers_without_end_are_refused() -> None:
    tape = AdapterTape(Redactor([]), Masker([], []))
    with dripping(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 5_000_000, b"x") as url:
        product = HttpAdapter(url, "token", tape.take, call_timeout=20, job_timeout=1)
        with pytest.raises(ProductUnreachable):
            product.health()
        product.close()
    assert tape.exchanges == []
