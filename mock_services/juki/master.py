"""既存住基: 住民票コードマスタ, certificates as the CS told them, the link table and its history. No files, no HTTP.

住民票コード stands in here and in the exchange with the CS only: a `LinkRecord` has no place for it, nor for a 個人番号.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from mock_services.clock import WorldClock
from mock_services.models import LinkRecord


@dataclass(frozen=True)
class Holding:
    """One certificate as the CS told it."""

    serial: str
    juminhyo_code: str
    valid_from: date
    valid_to: date
    state: str
    reason: str


@dataclass(frozen=True)
class Past:
    """One line of the link table's history; ``until`` None = in force."""

    serial: str
    atena_no: str
    state: str
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class LinkChanges:
    """What has to change in 番号紐付情報."""

    upserts: tuple[LinkRecord, ...]
    deletes: tuple[str, ...]


class JukiMaster:
    """State of one town's 既存住基 behind its link surface."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._atena: dict[str, str] = {}
        self._held: dict[str, Holding] = {}
        self._history: list[Past] = []

    def take_over(self, filled: JukiMaster) -> None:
        """What ``filled`` knows in the place of what we knew."""
        self._atena, self._held, self._history = filled._atena, filled._held, filled._history

    def put_codes(self, codes: dict[str, str]) -> LinkChanges:
        """Add people (住民票コード → 宛名番号), or give one another 宛名番号. Returns what changes in the links."""
        before = self._links()
        self._atena |= codes
        return self._changed(before)

    def take_full(self, holdings: Iterable[Holding]) -> LinkChanges:
        """The CS told everything: what it did not name is gone."""
        before = self._links()
        self._held = {one.serial: one for one in holdings}
        return self._changed(before)

    def take_changes(self, changes: Iterable[tuple[Literal["upsert", "delete"], Holding]]) -> LinkChanges:
        """The CS told differences, in order. A deletion of what we never had changes nothing."""
        before = self._links()
        for kind, one in changes:
            if kind == "upsert":
                self._held[one.serial] = one
            else:
                self._held.pop(one.serial, None)
        return self._changed(before)

    def take_persons(self, holdings: Iterable[Holding]) -> LinkChanges:
        """The CS told the certificates of single persons: added or updated, nothing else is touched."""
        return self.take_changes([("upsert", one) for one in holdings])

    def unresolved(self) -> list[str]:
        """Serials whose 住民票コード the master does not know: they are in no link until it does."""
        return sorted(one.serial for one in self._held.values() if one.juminhyo_code not in self._atena)

    def history(self, serial: str) -> list[Past]:
        return [one for one in self._history if one.serial == serial]

    def _links(self) -> dict[str, LinkRecord]:
        return {
            one.serial: LinkRecord(
                serial=one.serial,
                atena_no=self._atena[one.juminhyo_code],
                valid_from=one.valid_from,
                valid_to=one.valid_to,
                state=one.state,
            )
            for one in self._held.values()
            if one.juminhyo_code in self._atena
        }

    def _changed(self, before: dict[str, LinkRecord]) -> LinkChanges:
        after, now = self._links(), self._clock.now()
        upserts = tuple(row for serial, row in after.items() if before.get(serial) != row)
        deletes = tuple(serial for serial in before if serial not in after)
        touched = {row.serial for row in upserts} | set(deletes)
        self._history = [
            Past(one.serial, one.atena_no, one.state, one.reason, one.since, now)
            if one.serial in touched and one.until is None
            else one
            for one in self._history
        ]
        self._history += [
            Past(row.serial, row.atena_no, row.state, self._held[row.serial].reason, now) for row in upserts
        ]
        return LinkChanges(upserts, deletes)
