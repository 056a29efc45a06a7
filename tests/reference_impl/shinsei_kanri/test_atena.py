"""宛名情報 of a core system: the whole table is taken over when it has changed, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, delete, func, select

from reference_impl.shinsei_kanri import atena
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.inner_client import InnerClient, InnerTrouble
from reference_impl.shinsei_kanri.operations import state
from reference_impl.shinsei_kanri.storage import database, people, tables
from tests.reference_impl.shinsei_kanri.packages import PROFILE

NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
CORE = "jido_teate"
HEAD = "業務宛名番号,住民宛名番号,氏名,氏名カナ,生年月日,性別,住所,住民状態"


class Core:
    """A core system with so many people; ``writes`` counts how often its table was written into the copy."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.count, self.stated, self.writes = engine, 3, "3", 0

    def answer(self, _: httpx.Request) -> httpx.Response:
        states = PROFILE.codes["resident_state"].values
        lines = [
            f"J{number},R{number},氏名{number},,2000-01-01,{PROFILE.codes['gender_municipal'].values['male'].wire},"
            f"住所{number},{next(iter(states.values())).wire}"
            for number in range(self.count)
        ]
        body = "".join(f"{line}\r\n" for line in [HEAD, *lines])
        headers = {"Content-Type": "text/csv; charset=utf-8", "X-Total-Count": self.stated}
        return httpx.Response(200, headers=headers, content=body.encode())

    def sync(self, now: datetime) -> int:
        client = InnerClient("atena", "http://core.test", "key", PROFILE)
        client.close()
        client._http = httpx.Client(base_url="http://core.test", transport=httpx.MockTransport(self.answer))
        with closing(client):
            return atena.sync(client, self.engine, CORE, now)

    def copied(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(tables.atena)).scalar_one()


@pytest.fixture
def core(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    core, replace = Core(engine), people.replace_atena

    def counted(*arguments: object) -> None:
        core.writes += 1
        replace(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(people, "replace_atena", counted)
    yield core
    engine.dispose()


def test_same_answer_is_not_taken_over_again_but_the_copy_is_fresh(core: Core) -> None:
    later = NOW + timedelta(days=1)
    assert [core.sync(NOW), core.sync(later)] == [3, 3]
    assert (core.writes, core.copied()) == (1, 3)
    with core.engine.connect() as connection:
        (register,) = state.registers(connection, [atena.source(CORE)], later)
    assert register.age == timedelta(0)


def test_changed_answer_and_damaged_copy_are_taken_over(core: Core) -> None:
    core.sync(NOW)
    core.count, core.stated = 4, "4"
    assert (core.sync(NOW), core.writes, core.copied()) == (4, 2, 4)
    with core.engine.begin() as connection:
        connection.execute(delete(tables.atena).where(tables.atena.c.atena_no == "J0"))
    assert (core.sync(NOW), core.writes, core.copied()) == (4, 3, 4)


def test_same_rows_under_another_count_are_refused(core: Core) -> None:
    core.sync(NOW)
    core.stated = "9"
    with pytest.raises(InnerTrouble, match="件数は 9"):
        core.sync(NOW)
    assert (core.writes, core.copied()) == (1, 3)


def test_same_answer_read_by_another_version_is_taken_over(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    core.sync(NOW)
    monkeypatch.setattr("reference_impl.shinsei_kanri.inner_client.VERSION", "another")
    core.sync(NOW)
    assert core.writes == 2
