"""③-1: large packages wait for their room before they are fetched, and never while they hold some."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from typing import cast

import pytest

from reference_impl.shinsei_kanri import importing
from reference_impl.shinsei_kanri.download_client import DownloadClient, PackageTrouble
from reference_impl.shinsei_kanri.fetching import Room
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.records import Content, Listed
from tests.reference_impl.shinsei_kanri.packages import listed

ROOM, LARGE = 60_000, 2_000


class Watched(Room):
    """Tells what is taken and given."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(ROOM)
        self._told = told

    def take(self, size: int) -> None:
        super().take(size)
        self._told.append(f"take {size}")

    def give(self, size: int) -> None:
        super().give(size)
        self._told.append(f"give {size}")


class World:
    """ダウンロード機能 and ③-2 in one; tells what is fetched and opened."""

    def __init__(self, body: bytes, *, digest: str = "") -> None:
        self.told: list[str] = []
        self._body, self._digest = body, digest or hashlib.sha256(body).hexdigest()

    def get_package(self, _: Listed) -> tuple[bytes, str]:
        self.told.append("fetch")
        return self._body, self._digest

    def open(self, _: Listed, body: Content) -> str:
        assert body == self._body
        self.told.append("open")
        return "arrived"

    def run(self) -> tuple[object, int]:
        row = replace(listed(self._body), size=len(self._body))
        return importing.fetched(cast(DownloadClient, self), cast(Intake, self), row, Watched(self.told))


def package(content: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.pdf", content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ROOM_BYTES", ROOM)
    monkeypatch.setattr(importing, "LARGE_BYTES", LARGE)


def test_small_package_is_fetched_first_and_takes_what_it_needs() -> None:
    body = package(b"x" * 500)
    world = World(body)
    assert world.run() == ("arrived", len(body) + 500)
    assert world.told == ["take 0", "fetch", f"take {len(body) + 500}", "open"]


def test_large_package_takes_its_room_first() -> None:
    body = package(b"x" * 5_000)
    world = World(body)
    assert world.run() == ("arrived", 3 * len(body))
    assert world.told == [f"take {3 * len(body)}", "fetch", "open"]


def test_package_that_unpacks_to_more_gives_its_room_back_and_comes_again_alone() -> None:
    body = package(bytes(3_000_000), zipfile.ZIP_DEFLATED)
    assert LARGE < len(body) < ROOM / 3
    world = World(body)
    assert world.run() == ("arrived", ROOM)
    reserved = 3 * len(body)
    assert world.told == [f"take {reserved}", "fetch", f"give {reserved}", f"take {ROOM}", "fetch", "open"]


def test_package_that_cannot_be_verified_leaves_no_room_taken() -> None:
    body = package(b"x" * 5_000)
    world = World(body, digest="0" * 64)
    with pytest.raises(PackageTrouble):
        world.run()
    assert world.told[-1] == f"give {3 * len(body)}"
