"""HTTP to a product with a bound on the whole call: one that sends a byte now and then cannot hold the run up.

httpx bounds the wait for each piece only. Here every read of a call, the headers' too, gets what is left of its time.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class _Clock:
    """When the call that is under way must have ended."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, 0.0

    def begin(self) -> None:
        self._end = time.monotonic() + self._seconds

    def left(self, timeout: float | None) -> float:
        """How long one wait may be. ``httpcore.ReadTimeout`` when the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout(f"{self._seconds:g} s")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: _Clock) -> None:
        self._inner, self._clock = httpcore.SyncBackend(), clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options), self._clock)


class BoundedTransport(httpx.HTTPTransport):
    """A transport for one thread whose calls end within ``seconds``, answer and all; httpx.ReadTimeout otherwise."""

    def __init__(self, verify: ssl.SSLContext, seconds: float) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._clock = _Clock(seconds)
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=_Backend(self._clock))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.begin()
        return super().handle_request(request)
