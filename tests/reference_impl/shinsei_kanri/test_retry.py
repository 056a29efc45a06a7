"""③-1: how long the client of ダウンロード機能 waits before it asks again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from reference_impl.shinsei_kanri import download_client
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadSettings, DownloadUnavailable
from tests.reference_impl.shinsei_kanri.packages import PROFILE

DATE = "Mon, 23 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 00:00:09 GMT", "Date": DATE}, 9.0),
        ({"Retry-After": "Sun, 22 Nov 2026 00:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 1998 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 00:00:09", "Date": DATE}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert download_client.retry_after(httpx.Headers(headers)) == seconds
    growing = [download_client.pause(httpx.Response(503, headers=headers), attempt) for attempt in (0, 1)]
    assert growing == ([0.2, 0.4] if seconds is None else [seconds, seconds])


@contextmanager
def answered_with(retry_after: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DownloadClient, list[float]]]:
    """A client whose other side is always busy, and the pauses that it makes."""
    waits: list[float] = []

    def busy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": retry_after}, stream=httpx.ByteStream(b""))

    def stub(*_: object) -> httpx.Client:
        return httpx.Client(base_url="https://dl.test", transport=httpx.MockTransport(busy))

    monkeypatch.setattr(download_client, "http_client", stub)
    settings = DownloadSettings("https://dl.test", "http://relay.test", Path("ca.pem"), "991236", "a", "s")
    client = DownloadClient(settings, PROFILE, waits.append)
    try:
        yield client, waits
    finally:
        client.close()


def test_client_waits_as_long_as_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with answered_with("3", monkeypatch) as (client, waits), pytest.raises(DownloadUnavailable):
        client.login()
    assert waits == [3.0] * (download_client.TRIES - 1)


def test_who_asks_for_a_long_wait_is_not_asked_again_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with answered_with("3600", monkeypatch) as (client, waits), pytest.raises(DownloadUnavailable, match="3600 秒"):
        client.login()
    assert waits == []
