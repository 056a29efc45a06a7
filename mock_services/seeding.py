"""Fills a world with one synthetic municipality: registers on every side that runs, and applications to fetch.

Through the same calls as the control API, so nothing gets in that a harness could not load.
"""

from __future__ import annotations

import mock_services.portal  # noqa: F401 - imports fixtures where its ring resolves
from fixtures.cases.model import Case
from fixtures.numbers import ATENA_DIGITS
from mock_services.juki_cs.system import JukiCsSystem
from mock_services.juki_cs.wire import ExchangeOrder, Issue, JukiPerson, Register
from mock_services.many import Many
from mock_services.models import ApplicationMeta, AtenaRecord, LinkRecord, TogoRecord
from mock_services.portal.people import People
from mock_services.togo.system import TogoSystem
from mock_services.wiring import JST
from mock_services.world import World

GYOMU = {"juki": "001"}
"""業務ID of the number space that is joined to 団体内統合宛名 (仮定)."""


def fill(world: World) -> int:
    """Fill every system that runs. Returns the number of applications: the named cases, then a population. RefusedError, FixtureError, SpecError."""
    config = world.config.fixtures
    if config is None:
        return 0
    people = People(
        config.seed, world.clock.now().astimezone(JST).date(), world.profile, dantai_code=world.config.dantai_code
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
        many = Many(people.population, world.profile, most - laid, world.clock.now().astimezone(JST), world.as_listed)
        world.applications.register(many)
    return most
