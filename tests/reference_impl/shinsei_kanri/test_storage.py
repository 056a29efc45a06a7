"""Storage against a real PostgreSQL: once or not at all, exactly as sent, safe for several at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DataError

from interface_spec.control import Ingestion, PersonState, Role
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.records import Application, Basic4, Decision, Typed
from reference_impl.shinsei_kanri.storage import applications, database, people, tables
from tests.reference_impl.shinsei_kanri.packages import Builder, form_xml, listed, unpack
from tests.reference_impl.shinsei_kanri.people import CORE, HANAKO, TARO, link

NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
PERSON = Decision(Role.SIGNER, CORE, PersonState.IDENTIFIED, atena_no="J1")
BODY = Builder().replace("form.xml", form_xml("髙&#13;&#10;𠮷　", "")).bytes()
TYPED = [Typed("integer", number=10**20), Typed("date", day=date(2026, 4, 1))]


def store(connection: Connection, application: Application) -> bool:
    """Whether it was new."""
    opened = applications.Opened(listed(BODY), application, TYPED, [PERSON], BODY)
    return applications.store(connection, [opened], NOW) == {application.receipt_no}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


def test_schema_created_by_several_at_once(database_url: str) -> None:
    engines = [database.connect(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(database.create_schema, engines)) == [None] * 4
    with engines[0].connect() as connection:
        assert applications.headers(connection, 0, 10) == (0, [])
    for engine in engines:
        engine.dispose()


def test_application_is_stored_once_and_comes_back_exactly(engine: Engine) -> None:
    application = unpack(BODY)
    outcomes = []
    for _ in range(2):
        with engine.begin() as connection:
            outcomes.append(store(connection, application))
    assert outcomes == [True, False]
    with engine.connect() as connection:
        items, verification = applications.content(connection, application.receipt_no)
        assert items == application.items
        assert applications.typed_items(connection, application.receipt_no) == tuple(TYPED)
        assert verification == application.verification
        assert applications.attachment(connection, application.receipt_no, 1) == application.attachments[0]
        assert applications.persons(connection, application.receipt_no) == (PERSON,)
        assert len(applications.history(connection, application.receipt_no)) == 1


def test_stored_by_two_at_once_stands_once(engine: Engine) -> None:
    application = unpack(BODY)

    def once(_: int) -> bool:
        with engine.begin() as connection:
            return store(connection, application)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(once, range(8))) == [False] * 7 + [True]


def test_failure_in_between_leaves_nothing(engine: Engine) -> None:
    application = unpack(BODY)
    spoiled = replace(application, items=(application.items[0]._replace(value="a\0b"), application.items[1]))
    with pytest.raises(DataError, match="NUL"), engine.begin() as connection:
        store(connection, spoiled)
    with engine.connect() as connection:
        assert applications.known_receipts(connection, [application.receipt_no]) == set()


def test_quarantine_keeps_the_package_and_its_reason(engine: Engine) -> None:
    with engine.begin() as connection:
        assert applications.quarantine(connection, listed(b"bad"), b"bad", "壊れています", NOW)
    with engine.begin() as connection:
        assert not applications.quarantine(connection, listed(b"bad"), b"bad", "壊れています", NOW)
    with engine.connect() as connection:
        row = applications.header(connection, "R0001")
        assert row is not None
        assert (row.ingestion, row.quarantine_reason) == (Ingestion.QUARANTINED, "壊れています")
        assert row.package_sha256 == listed(b"bad").sha256
        assert connection.execute(select(tables.packages.c.body)).scalar_one() == b"bad"


def test_links_are_replaced_changed_and_deleted(engine: Engine) -> None:
    with engine.begin() as connection:
        people.replace_links(connection, [link(0xAB, "R1"), link(0x10, "R2")])
        people.put_link(connection, link(0xAB, "R3", "revoked"))
        people.delete_link(connection, 0x10)
        directory = people.SqlDirectory(connection)
        assert list(directory.links(0xAB)) == [link(0xAB, "R3", "revoked")]
        assert list(directory.links(0x10)) == []
        people.replace_links(connection, [])
        assert connection.execute(select(func.count()).select_from(tables.links)).scalar_one() == 0


def test_atena_of_one_core_system_never_touches_another(engine: Engine) -> None:
    with engine.begin() as connection:
        people.replace_atena(connection, CORE, [HANAKO, TARO])
        people.replace_atena(connection, "kaigo", [replace(TARO, atena_no="J1", juki_atena_no="R2")])
        people.replace_atena(connection, CORE, [HANAKO])
        directory = people.SqlDirectory(connection)
        assert list(directory.by_number(CORE, "J1")) == [HANAKO]
        assert list(directory.by_juki_number(CORE, "R2")) == []
        assert [one.name for one in directory.by_juki_number("kaigo", "R2")] == [TARO.name]
        assert list(directory.by_juki_number(CORE, "")) == []
        assert list(directory.by_basic4(CORE, HANAKO.basic4)) == [HANAKO]
        assert list(directory.by_basic4(CORE, replace(HANAKO.basic4, name="高橋　花子"))) == []


def test_similar_people_are_found_by_any_folded_part(engine: Engine) -> None:
    with engine.begin() as connection:
        people.replace_atena(connection, CORE, [HANAKO, TARO])
        directory = people.SqlDirectory(connection)
        assert list(directory.similar(CORE, Basic4(name="高橋 花子"))) == [HANAKO]
        assert list(directory.similar(CORE, Basic4(birth_date=date(1983, 9, 9)))) == [TARO]
        assert len(directory.similar(CORE, Basic4(address="架空県架空湊市港町1-2-3"))) == 2
        assert list(directory.similar(CORE, Basic4())) == []


def test_position_of_the_difference(engine: Engine) -> None:
    with engine.begin() as connection:
        assert people.position(connection, "link") is None
        people.set_position(connection, "link", 5, NOW)
        people.set_position(connection, "link", 9, NOW)
        assert people.position(connection, "link") == 9
