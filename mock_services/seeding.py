"""Fills a world with one synthetic municipality: registers on every side that runs, and applications to fetch.

Through the same calls as the control API, so nothing gets in that a harness could not load. A world that runs is filled
anew by filling another one aside (`filled_aside`), which it then takes over in one step.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import mock_services.portal  # noqa: F401 - imports fixtures where its ring resolves
from fixtures.cases.model import Case
from fixtures.errors import FixtureError
from fixtures.numbers import ATENA_DIGITS, checked_dantai_code
from interface_spec.errors import SpecError
from mock_services.clock import WorldClock
from mock_services.config import FixturesConfig, WorldConfig
from mock_services.errors import RefusedError
from mock_services.juki_cs.system import JukiCsSystem
from mock_services.juki_cs.wire import ExchangeOrder, Issue, JukiPerson, Register
from mock_services.many import Many
from mock_services.models import ApplicationMeta, AtenaRecord, LinkRecord, SeedOrder, TogoRecord
from mock_services.portal.people import People
from mock_services.togo.system import TogoSystem
from mock_services.wiring import JST
from mock_services.world import World

GYOMU = {"juki": "001"}
"""業務ID of the number space that is joined to 団体内統合宛名 (仮定)."""


FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Years by the world's clock for which a running world can be filled (仮定)."""


def fill(world: World) -> int:
    """Fill every system that runs. Returns the number of applications: the named cases, then a population.

    The clock stands meanwhile, so that the world is the same however long this takes. RefusedError, FixtureError, SpecError.
    """
    config = world.config.fixtures
    if config is None:
        return 0
    with world.clock.standing(world.config.start_clock):
        return _fill(world, config)


def wanted(order: SeedOrder, config: WorldConfig, now: datetime) -> WorldConfig:
    """The configuration of the world that ``order`` asks for; ``now``: the clock as it is. RefusedError naming the field."""
    town = config.dantai_code if order.dantai_code is None else order.dantai_code
    neighbours = {one.dantai_code for one in config.download.other_accounts}
    neighbours |= set(config.juki_cs.other_towns) if config.juki_cs is not None else set()
    if town != config.dantai_code and town in neighbours:
        raise RefusedError(f"dantai_code: {town} はこの世界の隣の団体です / {town} is a neighbour town of this world")
    moment = now if order.start_clock is None else order.start_clock
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise RefusedError(
            f"start_clock: {FIRST_YEAR} 年から {LAST_YEAR} 年までにします（省いたときは世界の時計） / "
            f"a year from {FIRST_YEAR} to {LAST_YEAR} (none: the world's clock)"
        )
    try:
        checked_dantai_code(town)
    except FixtureError as error:
        raise RefusedError(f"dantai_code: {error}") from None
    portal = config.portal.model_copy(update={"people_seed": order.seed}) if config.portal is not None else None
    return config.model_copy(
        update={
            "dantai_code": town,
            "start_clock": moment,
            "fixtures": FixturesConfig(seed=order.seed, applications=order.applications),
            "portal": portal,
        }
    )


def filled_aside(world: World, order: SeedOrder) -> World:
    """Another world of the same systems and profile, filled as ``order`` says, without a socket; for any thread.

    RefusedError when it cannot be filled; ``world`` is only read.
    """
    config = wanted(order, world.config, world.clock.now())
    with TemporaryDirectory(prefix="shinsei-seed-") as folder:
        own = config.model_copy(update={"run_dir": Path(folder)})
        try:
            aside = World(own, world.profile, WorldClock(config.start_clock))
            with closing(aside.recorder):
                fill(aside)
                aside.applications.of_town(own.dantai_code)  # who is still on the way is known from then on
        except (FixtureError, SpecError) as error:
            raise RefusedError(f"seed: {error}") from None
    return aside


def _fill(world: World, config: FixturesConfig) -> int:
    people = People(
        config.seed,
        world.config.start_clock.astimezone(JST).date(),
        world.profile,
        dantai_code=world.config.dantai_code,
    )
    for core in world.atena:
        if core in people.core_systems():
            world.put_atena(core, [AtenaRecord(**vars(row)) for row in people.atena(core)])
    _links(world, people)
    togo = world.systems.get("togo")
    if isinstance(togo, TogoSystem):
        togo.put(_togo(people))
    return _applications(world, people, config.applications)


def _links(world: World, people: People) -> None:
    system = world.systems.get("juki_cs")
    if not isinstance(system, JukiCsSystem):
        world.put_links([LinkRecord(**vars(row)) for row in people.links()])
        return
    registered = people.registered()
    town = world.config.dantai_code
    unknown = [one.juminhyo_code for one, _, _ in registered]
    system.happen([Register(event="register", dantai_code=town, persons=list(dict.fromkeys(unknown)))])
    system.put_codes([JukiPerson(juminhyo_code=one.juminhyo_code, atena_no=number) for one, number, _ in registered])
    system.happen(
        [
            Issue(
                event="issue",
                dantai_code=town,
                juminhyo_code=one.juminhyo_code,
                serial=card.serial_text,
                valid_from=card.valid_from,
                valid_to=card.valid_to,
                state=card.state,
            )
            for one, _, cards in registered
            for card in cards
        ]
    )
    system.exchange(ExchangeOrder(wanted="full"))


def _togo(people: People) -> list[TogoRecord]:
    """Every resident by the 住記 number; one in fifty has no 団体内統合宛名番号 yet."""
    return [
        TogoRecord(
            gyomu_id=GYOMU["juki"],
            atena_no=number,
            togo_atena_no="" if one.index % 50 == 49 else str(one.index + 1).zfill(ATENA_DIGITS),
        )
        for one, number, _ in people.registered()
    ]


def _applications(world: World, people: People, most: int) -> int:
    laid = 0
    for name in people.case_names():
        if laid == most:
            break
        case: Case = people.case(name)
        if case.truth.fate != "stored":
            continue
        meta = ApplicationMeta(
            receipt_no=case.receipt_no,
            procedure_id=case.procedure_id,
            dantai_code=case.dantai_code,
            received_at=case.received_at,
            arrived_at=case.arrived_at,
        )
        world.load_application(meta, case.zip_bytes)
        laid += 1
    if laid < most:
        many = Many(
            people.population, world.profile, most - laid, world.config.start_clock.astimezone(JST), world.as_listed
        )
        world.applications.register(many)
    return most
