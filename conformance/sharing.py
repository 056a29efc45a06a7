"""Which imports of a product several rounds share, and what is sent besides so that they can (docs/adr/0016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from conformance.catalogue import Window
from fixtures.outline import further

FILLERS = 8
"""Applications a procedure that are there to be left over when a disturbance begins: as many as a product may fetch at once."""
PLAIN = ("k01-plain", "c01-self")
"""Cases of which they are made: a product may go by procedure."""


def coinciding(windows: Sequence[Window], rounds: Set[str]) -> list[Window]:
    """The windows as far as they concern ``rounds``; one in which none of them takes in is left out."""
    found = []
    for window in windows:
        takes = tuple(one for one in window.takes if one.partition(":")[0] in rounds)
        if takes:
            found.append(Window(takes=takes, last=window.last if window.last in rounds else ""))
    return found


def filling(windows: Sequence[Window], cases: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Round whose disturbance comes last in a window → names of the applications that fill the window's end.

    They stand at both ends of the list, since a product may read it either way; not so in the first window, since what
    arrives late after it has to be older than all that came. ``cases``: of the rounds played.
    """
    plain = [one for one in PLAIN if any(one in names for names in cases.values())]
    return {
        window.last: [
            further(case, edge, number * 100 + one)
            for case in plain
            for edge in (("first", "last") if number > 1 else ("last",))
            for one in range(FILLERS)
        ]
        for number, window in enumerate(windows, 1)
        if window.last in cases
    }


def editions(windows: Sequence[Window]) -> dict[str, str]:
    """Round whose disturbance comes last → what its cases' names end with: its applications stand behind all others.

    So they are still to come when the disturbance begins, also where several are fetched at once.
    """
    return {one.last: further("", "last", number * 100 + 50) for number, one in enumerate(windows, 1) if one.last}
