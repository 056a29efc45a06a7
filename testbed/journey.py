"""A way through the product, word by word, against a model of what must then be true: the body of property-based tests.

``send`` lays one application ready, ``import`` synchronises and takes in, ``review`` lets staff go on, ``cancel`` lets an
applicant take one back, ``pull`` lets the core system collect, ``restart`` ends the product as a power cut would and starts
it again. ``renew`` gives the next applicant a new card (the application still bears the old serial), ``move`` changes the
next applicant's address in the core system's person data. After every word, what is visible is whole and not behind what was
confirmed, and nobody is taken for somebody else; after ``import`` everything that was sent is there, and whoever has not
moved is identified, by serial or, with a new card, by the four items (who has moved: the right person, or staff).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path

from fixtures.cases.model import AtenaRow, Case, LinkRow
from fixtures.world import World
from interface_spec.control import ApplicationDetail, PersonState, Role
from mock_services.control import AtenaRecord, LinkRecord, WorldClient
from testbed.crash import Actors, Ledger, Violation, check_whole, load, settle
from testbed.crash_processes import CORE, Child, WorldProcess, start_product, start_world
from testbed.postgres import EmbeddedServer

WORDS = ("send", "import", "review", "cancel", "pull", "restart", "renew", "move")
PLAIN = "k01-plain"


class _Town:
    """The model of the registers: who has a new card or another address than the application says."""

    def __init__(self, seed: int) -> None:
        self._world = World(seed=seed, reference_date=date(2026, 11, 23))
        self._sent, self._rows = 0, list(self._world.atena(CORE))
        self._links: list[LinkRow] = list(self._world.links())
        self.renewed: set[str] = set()
        self.moved: set[str] = set()

    def first(self) -> Case:
        return self._world.case(PLAIN)

    def open(self, client: WorldClient) -> None:
        client.put_links([LinkRecord(**vars(row)) for row in self._links])
        self._lay(client)

    def upcoming(self) -> Case:
        """The application that is sent next."""
        number = self._sent % self._world.repeats(PLAIN) + 1
        edition = self._sent // self._world.repeats(PLAIN)
        name = PLAIN if number == 1 else f"{PLAIN}#{number}"
        return self._world.case(name + (f"~{edition + 1}" if edition else ""))

    def send(self, client: WorldClient, ledger: Ledger) -> None:
        load(client, ledger, [self.upcoming()])
        self._sent += 1

    def renew(self, client: WorldClient) -> None:
        who = self._who()
        if who not in self.renewed:
            self.renewed.add(who)
            old = [row for row in self._links if row.atena_no == who]
            client.delete_links([row.serial for row in old])
            fresh = [replace(row, serial=f"{int(row.serial, 16) ^ (1 << 40):X}") for row in old]
            client.put_links([LinkRecord(**asdict(row)) for row in fresh])

    def move(self, client: WorldClient) -> None:
        who = self._who()
        if who not in self.moved:
            self.moved.add(who)
            self._rows = [self._elsewhere(row) if row.juki_atena_no == who else row for row in self._rows]
            self._lay(client)

    def _who(self) -> str:
        """住民の宛名番号 of the next applicant."""
        signer = self.upcoming().truth.signer
        assert signer is not None  # noqa: S101 - a plain application is signed
        return signer.juki_atena_no

    @staticmethod
    def _elsewhere(row: AtenaRow) -> AtenaRow:
        return replace(row, address=row.address + "（転居先）")

    def _lay(self, client: WorldClient) -> None:
        client.put_atena(CORE, [AtenaRecord(**vars(row)) for row in self._rows])


class _Way:
    """One life of a product on its way."""

    def __init__(self, actors: Actors, ledger: Ledger, town: _Town, taken: set[str]) -> None:
        self._actors, self._ledger, self._town, self._taken = actors, ledger, town, taken

    def go(self, word: str) -> None:
        match word:
            case "import":
                self._actors.run_sync()
                self._actors.run_import()
                self._all_there()
            case "review":
                self._actors.review_all()
            case "cancel":
                self._actors.withdraw()
            case "pull":
                self._actors.pull()
        for one in self._actors.details():
            check_whole(one, self._ledger, frozenset(self._ledger.acknowledged))
            self._right_person(one, taken_in_now=False)

    def _all_there(self) -> None:
        there = {one.receipt_no: one for one in self._actors.details()}
        for receipt_no in sorted(self._ledger.cases.keys() - there.keys()):
            self._ledger.broken(f"{receipt_no}: sent before the import and not there")
        for receipt_no in sorted(there.keys() & self._ledger.cases.keys() - self._taken):
            self._taken.add(receipt_no)
            self._right_person(there[receipt_no], taken_in_now=True)

    def _right_person(self, one: ApplicationDetail, *, taken_in_now: bool) -> None:
        case = self._ledger.cases.get(one.receipt_no)
        signer = case.truth.signer if case is not None else None
        if signer is None:
            return
        person = next((each for each in one.persons if each.role is Role.SIGNER), None)
        if person is not None and person.atena_no not in (None, "", signer.numbers[CORE]):
            self._ledger.broken(f"{one.receipt_no}: taken for somebody else")
        known = signer.juki_atena_no not in self._town.moved
        if taken_in_now and known and (person is None or person.state is not PersonState.IDENTIFIED):
            self._ledger.broken(f"{one.receipt_no}: the applicant is known and was not identified")


def journey(words: Sequence[str], seed: int, mutant: str, server: EmbeddedServer, folder: Path) -> list[str]:
    """Every promise that was broken on the way, in one sentence each (empty: none). ValueError for an unknown word."""
    if unknown := [one for one in words if one not in WORDS]:
        raise ValueError(f"{unknown[0]}: 言葉は {', '.join(WORDS)} です / unknown word")
    folder.mkdir(parents=True, exist_ok=True)
    town, ledger, taken = _Town(seed), Ledger(), set[str]()
    first = town.first()
    now = first.received_at + timedelta(hours=1)
    database = server.create_database(f"journey_{folder.name}".replace("-", "_")[:60])
    with start_world(folder, first.dantai_code, now) as world:
        town.open(world.client)
        lives = _lives(words)
        for number, life in enumerate(lives, 1):
            with (
                start_product(folder, world, database, now, mutant=mutant) as product,
                _acting(product, world, ledger) as actors,
            ):
                way = _Way(actors, ledger, town, taken)
                for word in life:
                    match word:
                        case "send":
                            town.send(world.client, ledger)
                        case "renew":
                            town.renew(world.client)
                        case "move":
                            town.move(world.client)
                        case _:
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
