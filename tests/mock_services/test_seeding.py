"""A world filled with the synthetic municipality: the same people on every side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mock_services.seeding import fill
from mock_services.togo.system import TogoSystem
from tests.mock_services.support import InProcess, in_process, window

TOGO = {"clients": [{"client_id": "A" * 32, "secret": "s" * 40}]}


def filled(folder: Path, **sections: Any) -> InProcess:
    folder.mkdir()
    world = in_process(folder, fixtures={"seed": 3, "applications": 5}, **sections)
    assert fill(world.world) == 5
    return world


def test_the_links_are_the_same_whether_they_come_by_the_cs_or_not(tmp_path: Path) -> None:
    plain, by_cs = filled(tmp_path / "a"), filled(tmp_path / "b", juki_cs={})
    links = plain.world.links.full()
    assert len(links) > 100
    assert by_cs.world.links.full() == links
    for one in (plain, by_cs):
        one.world.recorder.close()


def test_every_side_knows_the_same_people(tmp_path: Path) -> None:
    world = filled(tmp_path / "a", togo=TOGO)
    togo = world.world.systems["togo"]
    assert isinstance(togo, TogoSystem)
    numbers = {one.atena_no for one in togo.store.full()}
    assert {one.atena_no for one in world.world.links.full()} <= numbers
    assert {one.juki_atena_no for one in world.world.atena["kaigo"].full() if one.state == "resident"} <= numbers
    assert any(one.togo_atena_no == "" for one in togo.store.full())
    body = world.logged_in().get("/api/v1/applications", params=window(receivedFrom="2026-10-01T00:00:00+0900")).json()
    assert body["total"] == 5
    world.world.recorder.close()


def test_a_world_without_the_section_stays_empty(tmp_path: Path) -> None:
    world = in_process(tmp_path)
    assert (fill(world.world), world.world.links.full()) == (0, [])
    world.world.recorder.close()


@pytest.mark.parametrize("most", [0, 2])
def test_no_more_applications_than_asked_for(tmp_path: Path, most: int) -> None:
    world = in_process(tmp_path, fixtures={"applications": most})
    assert fill(world.world) == most
    world.world.recorder.close()
