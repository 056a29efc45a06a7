"""③-1: what ダウンロード機能 sends takes no more memory than its list announced, whatever it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from reference_impl.shinsei_kanri import download_client, importing
from reference_impl.shinsei_kanri.download_client import (
    DownloadClient,
    DownloadSettings,
    DownloadUnavailable,
    PackageTrouble,
)
from reference_impl.shinsei_kanri.records import Listed
from tests.reference_impl.shinsei_kanri.packages import PROFILE, listed

PIECE = bytes(64 * 1024)
PIECES = 820
"""More than a package may have at most."""


class Flood(httpx.SyncByteStream):
    """A body without end, as far as it is read."""

    def __init__(self, first: bytes = b"") -> None:
        self._first, self.read, self.closed = first, 0, False

    def __iter__(self) -> Iterator[bytes]:
        for piece in (self._first, *[PIECE] * PIECES):
            self.read += len(piece)
            yield piece

    def close(self) -> None:
        self.closed = True


@contextmanager
def flooded(operation: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DownloadClient, list[Flood]]]:
    """A client of a ダウンロード機能 that answers ``operation`` with a `Flood`, and the floods so far."""
    floods: list[Flood] = []
    surface = PROFILE.surfaces["download"]
    login, hit = surface.operations["login"], surface.operations[operation]

    def answer(request: httpx.Request) -> httpx.Response:
        if operation != "login" and request.url.path == login.path:
            values = {item.wire: 3600 if item.type == "INT" else "x" for item in login.response.values()}
            return httpx.Response(login.status, stream=httpx.ByteStream(json.dumps(values).encode()))
        floods.append(Flood())
        digests = {item.wire: "0" * 64 for item in hit.response.values() if item.place == "header"}
        return httpx.Response(hit.status, headers=digests, stream=floods[-1])

    def stub(*_: object) -> httpx.Client:
        return httpx.Client(base_url="https://dl.test", transport=httpx.MockTransport(answer))

    monkeypatch.setattr(download_client, "http_client", stub)
    settings = DownloadSettings("https://dl.test", "http://relay.test", Path("ca.pem"), "991236", "a", "s")
    client = DownloadClient(settings, PROFILE, lambda _: None)
    try:
        yield client, floods
    finally:
        client.close()


@pytest.mark.parametrize("announced", [1, 300_000, 10**12])
def test_body_larger_than_announced_is_not_read_to_its_end(announced: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row: Listed = replace(listed(b"small"), size=announced)
    most = min(max(announced, download_client.REFUSAL_BYTES), PROFILE.limit("package_bytes"))
    with flooded("get", monkeypatch) as (client, floods):
        body, _ = client.get_package(row)
        assert len(body) == most + 1
        with pytest.raises(PackageTrouble):
            importing.fetch_verified(client, row)
    assert len(floods) == 1 + importing.FETCHES
    assert all(flood.closed and flood.read <= most + 2 * len(PIECE) for flood in floods)


def test_endless_list_ends_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    now = listed(b"").received_at
    with flooded("list", monkeypatch) as (client, floods), pytest.raises(DownloadUnavailable, match="超えています"):
        client.list_procedure("K01", now - timedelta(days=1), now)
    assert [flood.closed for flood in floods] == [True]
    assert floods[0].read <= download_client.ANSWER_BYTES + 2 * len(PIECE)


def test_endless_login_answer_ends_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    with flooded("login", monkeypatch) as (client, floods), pytest.raises(DownloadUnavailable, match="超えています"):
        client.login()
    assert floods[0].read <= download_client.ANSWER_BYTES + 2 * len(PIECE)
