"""Several applications in one transaction: the same decisions as one by one, and one of them cannot spoil the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, TextClause, func, select

from interface_spec.control import Ingestion, PersonState, Role
from interface_spec.procedures import load_procedures
from reference_impl.shinsei_kanri import importing
from reference_impl.shinsei_kanri.clock import JST, Clock
from reference_impl.shinsei_kanri.importing import Importer
from reference_impl.shinsei_kanri.intake import Arrived, Intake
from reference_impl.shinsei_kanri.judging import NOTHING_ASKED, Judge, Question
from reference_impl.shinsei_kanri.records import Application, Basic4, Decision, Listed, Typed, Verification
from reference_impl.shinsei_kanri.storage import applications, database, people, runs, tables
from tests.reference_impl.shinsei_kanri.packages import PROFILE, Builder, listed, unpack
from tests.reference_impl.shinsei_kanri.people import CORE, HANAKO, TARO, link
from tests.reference_impl.shinsei_kanri.test_jobs import Log

NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
BODY = Builder().bytes()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    with engine.begin() as connection:
        people.replace_links(connection, [link(0xA1, "R1"), link(0xA2, "R2"), link(0xA3, "R1"), link(0xA3, "R2")])
        people.replace_atena(connection, CORE, [HANAKO, TARO])
    yield engine
    engine.dispose()


def judge(engine: Engine) -> Judge:
    return Judge(engine, PROFILE, load_procedures(), {}, None)


def question(serial: int | None, basic4: Basic4, result: str = "valid") -> Question:
    return Question((), Verification(result, "", NOW, serial, basic4), "K01", NOTHING_ASKED)


def test_decided_together_is_decided_as_one_by_one(engine: Engine) -> None:
    questions = [
        question(0xA1, HANAKO.basic4),
        question(0xA2, TARO.basic4),
        question(0xA3, TARO.basic4),  # two residents behind one serial
        question(0xFF, TARO.basic4),  # unknown serial, known person
        question(0xFF, replace(TARO.basic4, name="高橋 花子")),  # nobody, but somebody alike
        question(0xA1, TARO.basic4),  # serial and 基本4情報 contradict each other
        question(None, HANAKO.basic4, "revoked"),
        question(None, Basic4()),
        question(0xA1, HANAKO.basic4),
    ]
    with engine.connect() as connection:
        together = judge(engine).decide(connection, questions)
        alone = [judge(engine).decide(connection, [one])[0] for one in questions]
    assert together == alone
    states = [signer.state for (signer, *_) in together]
    known, staff = PersonState.IDENTIFIED, PersonState.STAFF
    assert states == [known, known, staff, known, staff, staff, staff, staff, known]
    assert any(signer.candidates for (signer, *_) in together)


def test_as_many_statements_for_many_as_for_one(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    find = people.find_people

    def counted(connection: Connection, statement: TextClause, questions: Any) -> Any:
        asked.append(len(questions))
        return find(connection, statement, questions)

    monkeypatch.setattr(people, "find_people", counted)
    with engine.connect() as connection:
        judge(engine).decide(connection, [question(0xFF, replace(TARO.basic4, name=f"誰 {n}")) for n in range(30)])
    assert asked == [30, 30]  # exactly like, and then alike


def application(receipt_no: str) -> tuple[Listed, Application]:
    return replace(listed(BODY), receipt_no=receipt_no), replace(unpack(BODY), receipt_no=receipt_no)


def opened(receipt_no: str, person: Decision) -> applications.Opened:
    row, content = application(receipt_no)
    return applications.Opened(row, content, [Typed()] * len(content.items), [person], BODY)


def test_the_same_person_is_noticed_and_the_unknown_are_nobodys_double(engine: Engine) -> None:
    known = Decision(Role.SIGNER, CORE, PersonState.IDENTIFIED, atena_no="J1")
    unknown = Decision(Role.SIGNER, CORE, PersonState.STAFF)
    with engine.begin() as connection:
        ready = [opened("R1", known), opened("R2", unknown), opened("R3", known), opened("R4", unknown)]
        assert applications.store(connection, ready, NOW) == {"R1", "R2", "R3", "R4"}
        assert applications.store(connection, [*ready, opened("R5", known)], NOW) == {"R5"}
        assert applications.same_person(connection, ["R1", "R2"]) == {"R1": ["R3", "R5"]}


class Supply:
    """Answers as ダウンロード機能 does."""

    def get_package(self, _: Listed) -> tuple[bytes, str]:
        return BODY, hashlib.sha256(BODY).hexdigest()

    def close(self) -> None:
        return None


class Spoiled(Intake):
    """Opens packages under the number of the list; the one named ``BAD`` cannot be written down."""

    def open(self, row: Listed, body: bytes | memoryview) -> Arrived:
        _, content = application(row.receipt_no)
        if row.receipt_no == "BAD":
            content = replace(content, items=(content.items[0]._replace(value="a\0b"),))
        return Arrived(row, body, content)


def test_one_that_cannot_be_written_keeps_none_of_its_portion_out(engine: Engine) -> None:
    log, procedures = Log(), load_procedures()
    intake = Spoiled(engine, Clock(), log.journal, PROFILE, procedures, judge(engine), None)
    supply: Any = Supply()
    importer = Importer(engine, Clock(), log.journal, intake, procedures, "132012", 7, lambda: supply)
    rows = [replace(listed(BODY), receipt_no=name) for name in ("R1", "BAD", "R2", "R3")]
    with engine.begin() as connection:
        job, _ = runs.open_run(connection, "import", NOW)
        run_id = int(job.job_id.rpartition("-")[2])
        runs.plan(connection, run_id, {}, [], importing.batches(rows))
    result = importer.take_batch(run_id, 0)
    assert result is not None
    assert (result[0]["stored"], result[0]["failed"]) == (3, 1)
    assert "BAD: " in result[1]
    with engine.connect() as connection:
        header = select(tables.applications.c.receipt_no).where(tables.applications.c.ingestion == Ingestion.STORED)
        assert sorted(connection.execute(header).scalars()) == ["R1", "R2", "R3"]
        assert connection.execute(select(func.count()).select_from(tables.packages)).scalar_one() == 3


def test_batches_are_shared_out_whatever_their_number() -> None:
    rows = [replace(listed(BODY), receipt_no=str(number)) for number in range(1000)]

    def sizes(count: int) -> Sequence[int]:
        return [len(batch) for batch in importing.batches(rows[:count])]

    assert (sizes(0), sizes(7), sizes(32)) == ([], [7], [10, 10, 10, 2])
    assert (sizes(200), sizes(1000)) == ([50] * 4, [200] * 5)


def test_outcomes_are_told_within_the_transaction(engine: Engine) -> None:
    intake = Intake(engine, Clock(), Log().journal, PROFILE, load_procedures(), judge(engine), None)
    told: dict[str, str] = {}

    def note(connection: Connection, outcomes: Mapping[str, str]) -> None:
        told.update(outcomes)
        assert len(applications.known_receipts(connection, outcomes)) == 2
        raise ValueError("no")

    good = intake.open(listed(BODY), BODY)
    bad = intake.open(replace(listed(b"bad"), receipt_no="R2"), b"bad")
    with pytest.raises(ValueError, match="no"):
        intake.keep([good, bad], note)
    assert told == {"R0001": "stored", "R2": "quarantined"}
    with engine.connect() as connection:
        assert applications.known_receipts(connection, told) == set()
