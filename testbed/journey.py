"""A way through the product, word by word, against a model of what must then be true: the body of property-based tests.

``send`` lays one application ready, ``import`` takes in, ``review`` lets staff go on, ``pull`` lets the core system collect,
``restart`` ends the product as a power cut would and starts it again. After every word, what is visible is whole and not
behind what was confirmed; after ``import`` everything that was sent is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from testbed.crash import Actors, Ledger, Violation, cases, check_whole, load, settle
from testbed.crash_processes import Child, WorldProcess, start_product, start_world
from testbed.postgres import EmbeddedServer

WORDS = ("send", "import", "review", "pull", "restart")


class _Way:
    """One life of a product on its way."""

    def __init__(self, actors: Actors, ledger: Ledger) -> None:
        self._actors, self._ledger = actors, ledger

    def go(self, word: str) -> None:
        match word:
            case "import":
                self._actors.run_import()
                there = {one.receipt_no for one in self._actors.details()}
                for receipt_no in sorted(self._ledger.cases.keys() - there):
                    self._ledger.broken(f"{receipt_no}: sent before the import and not there")
            case "review":
                self._actors.review_all()
            case "pull":
                self._actors.pull()
        for one in self._actors.details():
            check_whole(one, self._ledger, frozenset(self._ledger.acknowledged))


def journey(words: Sequence[str], seed: int, mutant: str, server: EmbeddedServer, folder: Path) -> list[str]:
    """Every promise that was broken on the way, in one sentence each (empty: none). ValueError for an unknown word."""
    if unknown := [one for one in words if one not in WORDS]:
        raise ValueError(f"{unknown[0]}: 言葉は {', '.join(WORDS)} です / unknown word")
    folder.mkdir(parents=True, exist_ok=True)
    supply, ledger = cases(seed), Ledger()
    first = next(supply)
    now = first.received_at + timedelta(hours=1)
    database = server.create_database(f"journey_{folder.name}".replace("-", "_")[:60])
    waiting = iter([first])
    with start_world(folder, first.dantai_code, now) as world:
        lives = _lives(words)
        for number, life in enumerate(lives, 1):
            with (
                start_product(folder, world, database, now, mutant=mutant) as product,
                _acting(product, world, ledger) as actors,
            ):
                way = _Way(actors, ledger)
                for word in life:
                    if word == "send":
                        load(world.client, ledger, [next(waiting, None) or next(supply)])
                    else:
                        way.go(word)
                if number < len(lives):
                    product.kill()
                elif not ledger.violations:
                    try:
                        settle(actors, ledger)
                    except Violation as violation:
                        ledger.broken(str(violation))
    return ledger.violations


def _lives(words: Sequence[str]) -> list[list[str]]:
    """The words between two restarts."""
    lives: list[list[str]] = [[]]
    for word in words:
        if word == "restart":
            lives.append([])
        else:
            lives[-1].append(word)
    return lives


@contextmanager
def _acting(product: Child, world: WorldProcess, ledger: Ledger) -> Iterator[Actors]:
    actors = Actors(product, world.client, ledger)
    try:
        yield actors
    finally:
        actors.close()
