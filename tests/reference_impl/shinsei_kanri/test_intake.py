"""Quarantine and the ways out of it; the original ZIP stays whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection, Engine, update

from interface_spec.control import Ingestion
from interface_spec.procedures import load_procedures
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import NotFoundError, RefusedError
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.judging import Judge
from reference_impl.shinsei_kanri.scanner import ClamAv, Scanner, ScannerTrouble, parse_address
from reference_impl.shinsei_kanri.storage import applications, database, tables
from reference_impl.shinsei_kanri.unpack import archive
from reference_impl.shinsei_kanri.unpack import package as unpacking
from tests.reference_impl.shinsei_kanri.clamd import EICAR, clamd
from tests.reference_impl.shinsei_kanri.packages import PROFILE, RECEIPT, Builder, attachments_xml, listed
from tests.reference_impl.shinsei_kanri.test_jobs import Log

GOOD = Builder().bytes()
INFECTED = (
    Builder()
    .replace("attachments/01_copy.pdf", b"%PDF-" + EICAR)
    .replace("attachments.xml", attachments_xml(b"%PDF-" + EICAR))
    .bytes()
)


class Down:
    def check(self) -> None:
        raise ScannerTrouble("検査できません / down")

    def scan(self, body: bytes | memoryview) -> str:
        raise ScannerTrouble(f"{len(body)} バイトを検査できません / down")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


def made(engine: Engine, scanner: Scanner | None = None) -> Intake:
    procedures = load_procedures()
    judge = Judge(engine, PROFILE, procedures, {}, None)
    return Intake(engine, Clock(), Log().journal, PROFILE, procedures, judge, scanner)


def keep(engine: Engine, body: bytes, scanner: Scanner | None = None) -> str:
    told: dict[str, str] = {}

    def note(_: Connection, outcomes: Mapping[str, str]) -> None:
        told.update(outcomes)

    intake = made(engine, scanner)
    intake.keep([intake.open(listed(body), body)], note)
    return told[RECEIPT]


def state(engine: Engine) -> tuple[str, str, int]:
    with engine.connect() as connection:
        row = applications.header(connection, RECEIPT)
        assert row is not None
        return row.ingestion, row.quarantine_kind, row.version


def package(engine: Engine) -> bytes | None:
    with engine.connect() as connection:
        body = applications.package(connection, RECEIPT)
    return None if body is None else bytes(body)


def history(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [(one.actor, one.reason) for one in applications.history(connection, RECEIPT)]


def test_original_of_a_stored_application_is_kept_and_once(engine: Engine) -> None:
    assert [keep(engine, GOOD), keep(engine, GOOD), keep(engine, b"bad")] == ["stored", "known", "known"]
    assert package(engine) == GOOD
    with pytest.raises(RefusedError, match="隔離されていません"):
        made(engine).again(RECEIPT, "山田", "もう一度")
    with pytest.raises(NotFoundError):
        made(engine).again("nobody", "山田", "もう一度")


def test_retry_succeeds_when_the_rules_have_changed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as stricter:
        stricter.setattr(unpacking, "bounds", lambda _: archive.Bounds(10, 10, 10))
        assert keep(engine, GOOD) == "quarantined"
        assert not made(engine).again(RECEIPT, "山田", "念のため")
    assert state(engine)[:2] == (Ingestion.QUARANTINED, "package")
    with pytest.raises(RefusedError, match="理由"):
        made(engine).again(RECEIPT, "山田", " ")
    with pytest.raises(RefusedError, match="解除"):
        made(engine).again(RECEIPT, "山田", "出す", release=True)
    assert made(engine).again(RECEIPT, "山田", "上限を直した")
    assert state(engine) == (Ingestion.STORED, "", 3)
    assert package(engine) == GOOD
    assert history(engine)[1:] == [("山田", "念のため"), ("山田", "上限を直した")]
    with engine.connect() as connection:
        assert len(applications.attachments(connection, RECEIPT)) == 1
        assert len(applications.persons(connection, RECEIPT)) == 1


def test_kept_package_that_changed_is_not_opened(engine: Engine) -> None:
    assert keep(engine, b"bad") == "quarantined"
    with engine.begin() as connection:
        connection.execute(update(tables.packages).values(body=GOOD))
    with pytest.raises(RefusedError, match="SHA-256"):
        made(engine).again(RECEIPT, "山田", "もう一度")


def test_found_malware_is_quarantined_and_released_only_with_a_reason(engine: Engine) -> None:
    with clamd() as address:
        scanner = ClamAv(parse_address(address))
        assert keep(engine, INFECTED, scanner) == "quarantined"
        assert state(engine)[1] == "malware"
        assert not made(engine, scanner).again(RECEIPT, "山田", "もう一度")
        assert state(engine)[:2] == (Ingestion.QUARANTINED, "malware")
        assert made(engine, scanner).again(RECEIPT, "山田", "誤検知と確認", release=True)
    assert state(engine)[:2] == (Ingestion.STORED, "")


def test_scanner_that_is_down_lets_nothing_pass(engine: Engine) -> None:
    with pytest.raises(ScannerTrouble):
        keep(engine, GOOD, Down())
    with pytest.raises(ScannerTrouble):
        made(engine, Down()).check_scanner()
    made(engine).check_scanner()
    with engine.connect() as connection:
        assert applications.header(connection, RECEIPT) is None
