"""A shard of ``make faults``: one fault of every kind, on a different call each time."""

from __future__ import annotations

from pathlib import Path

from mock_services.fault_kinds import FAULTS
from testbed.fault_walk import CALLS, Strike, strikes, walk
from testbed.postgres import EmbeddedServer


def shard() -> list[Strike]:
    """One strike a kind; which call it hits goes round."""
    by_kind: dict[str, list[Strike]] = {}
    for one in strikes():
        by_kind.setdefault(one.name, []).append(one)
    return [found[number % len(found)] for number, found in enumerate(by_kind.values())]


def uncounted() -> list[Strike]:
    """Fewer rows than the answer counts, in every table that the product takes over."""
    return [one for one in strikes() if one.name == "missing-rows" and one.system != "download"]


def test_every_kind_strikes_every_call_that_it_can() -> None:
    found = strikes()
    assert {one.name for one in found} == {kind.name for kind in FAULTS.values() if kind.where != "file"}
    assert {one.operation for one in found} == CALLS
    assert {one.system for one in found} == {"download", "juki", "core:jido_teate", "togo"}
    assert {(one.system, one.operation) for one in uncounted()} >= {
        ("juki", "full"),
        ("juki", "diff"),
        ("core:jido_teate", "full"),
    }


def test_product_recovers_or_reports_and_is_never_wrong(server: EmbeddedServer, tmp_path: Path) -> None:
    struck: list[str] = []
    chosen = [*shard(), *uncounted()]
    broken = walk(chosen, server, tmp_path, lambda strike, _: struck.append(strike.name))
    assert broken == []
    assert set(struck) == {one.name for one in strikes()}
    assert len(struck) == len(chosen)
