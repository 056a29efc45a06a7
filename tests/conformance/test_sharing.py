"""Imports that several rounds share: the data, what fills a window, and the wait for a product on its own schedule."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from conformance.adapters.base import Adapter
from conformance.adapters.polling import PollingAdapter
from conformance.catalogue import Catalogue, Window, load_catalogue
from conformance.sharing import FILLERS, coinciding, filling
from conformance.target import load_target
from fixtures.outline import AGAIN, further
from fixtures.world import World
from interface_spec.control import ApplicationSummary, Handover, Ingestion, Review
from interface_spec.profile import load_profile
from tests.conformance.targets import GOOD, write_target
from tests.conformance.test_doctor import plan_for

INTERVAL = 600.0


def changed(windows: list[Window]) -> dict[str, Any]:
    whole = load_catalogue("am")
    return whole.model_dump() | {"windows": [one.model_dump() for one in windows]}


def test_every_import_of_every_round_stands_in_one_window() -> None:
    windows = list(load_catalogue("am").windows)
    assert len(windows) == 6
    assert Catalogue.model_validate(changed(windows)).windows == tuple(windows)
    with pytest.raises(ValidationError, match="ラウンド aftercare の取込みは"):
        Catalogue.model_validate(changed([*windows[:-1], Window(takes=windows[-1].takes[:-1])]))
    with pytest.raises(ValidationError, match="ラウンド none の取込みは"):
        Catalogue.model_validate(changed([windows[1], windows[0], *windows[2:]]))
    with pytest.raises(ValidationError, match="1 番目"):
        Catalogue.model_validate(changed([windows[0].model_copy(update={"last": "paging"}), *windows[1:]]))


def test_a_part_of_the_rounds_needs_a_part_of_the_windows() -> None:
    windows = load_catalogue("am").windows
    assert len(coinciding(windows, {"none"})) == 2
    (first, second) = coinciding(windows, {"tls-wrong-host"})
    assert (first.takes, first.last) == (("tls-wrong-host:disturbed",), "tls-wrong-host")
    assert (second.takes, second.last) == (("tls-wrong-host:recovered",), "")


def test_a_window_is_filled_at_its_end() -> None:
    windows = load_catalogue("am").windows
    cases = {"none": ("k01-plain", "c01-self"), "tls-untrusted": ("k01-plain#13",), "tls-expired": ("k01-plain#15",)}
    found = filling(windows, cases)
    assert found.keys() == {"tls-untrusted", "tls-expired"}
    assert len(found["tls-untrusted"]) == 2 * FILLERS
    assert len(found["tls-expired"]) == 4 * FILLERS
    assert len({one for names in found.values() for one in names}) == 6 * FILLERS
    assert not any("c01" in one for one in filling(windows, {**cases, "none": ("k01-plain",)})["tls-untrusted"])


def test_further_applications_are_others_at_their_place() -> None:
    town = World(seed=3, reference_date=date(2026, 11, 23), profile=load_profile("baseline"))
    names = ["k01-plain", "k01-plain" + AGAIN, further("k01-plain", "first", 201), further("k01-plain", "last", 201)]
    cases = [town.case(one) for one in names]
    assert len({one.receipt_no for one in cases}) == len({one.sha256 for one in cases}) == 4
    assert cases[0].received_at == cases[1].received_at
    every = [town.case(name).received_at for name in town.case_names()]
    every += [
        town.case(f"{name}#{town.repeats(name)}").received_at for name in town.case_names() if town.repeats(name) > 1
    ]
    assert cases[2].received_at < min(every)
    assert max(every) < cases[3].received_at
    with pytest.raises(KeyError):
        town.case("k01-plain~middle-1")


class Watched:
    """A product that begins at ``begins``, works until ``ends``, and shows what it was given at ``shows`` (seconds)."""

    def __init__(self, begins: float, ends: float, shows: float = 0) -> None:
        self.now, self.begins, self.ends, self.shows = 0.0, begins, ends, shows
        self.told: list[float] = []
        self.looked = 0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def moves(self) -> object:
        return 0 if self.now < self.begins else min(self.now, self.ends)

    def delivered(self) -> set[str]:
        return {"R1"}

    def applications(self) -> list[ApplicationSummary]:
        self.looked += 1
        moment = datetime(2026, 11, 23, tzinfo=UTC)
        shown = ApplicationSummary(
            receipt_no="R1",
            procedure_id="K01",
            ingestion=Ingestion.STORED,
            review=Review.UNREVIEWED,
            handover=Handover.NONE,
            received_at=moment,
            arrived_at=moment,
            imported_at=moment,
            version=1,
        )
        return [shown] if self.now >= self.shows else []

    def taken_in(self, *, looks: bool = True, watched: bool = True) -> float:
        """How long it is waited for."""
        watch = self if watched else None
        polling = PollingAdapter(cast(Adapter, self), INTERVAL, self.wait, self.told.append, watch, looks=looks)
        assert polling.import_now().state == "done"
        return self.now


def test_an_import_that_is_seen_is_over_when_the_product_is_quiet() -> None:
    assert 240 + 30 <= Watched(begins=200, ends=240).taken_in() <= 240 + 42


def test_what_was_given_has_to_be_shown() -> None:
    assert 400 <= Watched(begins=200, ends=240, shows=400).taken_in() <= 412


def test_a_product_that_never_shows_it_is_left_before_it_begins_again() -> None:
    assert 200 + 480 <= Watched(begins=200, ends=240, shows=10_000).taken_in() <= 200 + 492


def test_a_product_that_is_never_quiet_is_left_too() -> None:
    assert Watched(begins=100, ends=10_000).taken_in() <= 100 + 492


def test_when_nothing_is_seen_one_interval_and_a_margin_are_waited() -> None:
    product = Watched(begins=10_000, ends=10_000)
    assert product.taken_in() == pytest.approx(720)
    assert product.told == sorted(product.told, reverse=True)
    assert Watched(begins=200, ends=240).taken_in(watched=False) == pytest.approx(720)


def test_a_person_is_not_asked_for_the_list_while_waiting() -> None:
    product = Watched(begins=200, ends=240, shows=10_000)
    assert product.taken_in(looks=False) <= 240 + 42
    assert product.looked == 0


def test_imports_are_shared_where_the_product_has_its_own_schedule(tmp_path: Path) -> None:
    target = load_target(write_target(tmp_path, GOOD))
    assert not plan_for(target).shared
    polled = target.model_copy(update={"adapter": target.adapter.model_copy(update={"trigger": "poll"})})
    assert plan_for(polled).shared
    for word, shares in (("alone", False), ("shared", True)):
        run = target.run.model_copy(update={"imports": word})
        assert plan_for(polled.model_copy(update={"run": run})).shared is shares
        assert plan_for(target.model_copy(update={"run": run})).shared is shares
