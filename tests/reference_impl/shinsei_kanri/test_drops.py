"""Hand-over by files: complete or not there, each application in one drop, the lists taken in as a whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from interface_spec.control import Handover, IdentifyPerson, Review, ReviewChange, Role
from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import handover as rules
from reference_impl.shinsei_kanri import intake, views
from reference_impl.shinsei_kanri.clock import JST, Clock
from reference_impl.shinsei_kanri.desk import Desk, RefusedError
from reference_impl.shinsei_kanri.drops import files
from reference_impl.shinsei_kanri.drops.files import DropTrouble
from reference_impl.shinsei_kanri.drops.handover import DropExchange
from reference_impl.shinsei_kanri.judging import Judge
from reference_impl.shinsei_kanri.storage import applications, database
from tests.reference_impl.shinsei_kanri.packages import PROFILE, Builder, application_xml, listed
from tests.reference_impl.shinsei_kanri.test_jobs import Log

NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
CORE = "jido_teate"


class Bench:
    def __init__(self, engine: Engine, root: Path, profile: Profile = PROFILE) -> None:
        procedures = load_procedures()
        self.engine, self.root, self.profile = engine, root, profile
        self.clock = Clock(NOW)
        self.desk = Desk(engine, self.clock, procedures)
        judge = Judge(engine, profile, procedures, {}, None)
        self.intake = intake.Intake(engine, self.clock, Log().journal, PROFILE, procedures, judge, None)
        self.exchange = DropExchange(root, (CORE,), engine, self.clock, Log().journal, profile, procedures, self.desk)

    def complete(self, receipt_no: str) -> None:
        """Taken in, and reviewed up to 審査完了."""
        builder = Builder()
        builder.entries = {name.replace("R0001", receipt_no): body for name, body in builder.entries.items()}
        builder.entries[f"{receipt_no}/application.xml"] = application_xml(receiptNo=receipt_no).encode()
        body = builder.bytes()
        arrived = self.intake.open(replace(listed(body), receipt_no=receipt_no), body)
        self.intake.keep([arrived], lambda _, __: None)
        self.desk.identify(receipt_no, IdentifyPerson(role=Role.SIGNER, atena_no=None, reason="住登外"))
        self.review(receipt_no, Review.REVIEWING)
        self.review(receipt_no, Review.COMPLETED)

    def review(self, receipt_no: str, to: Review) -> None:
        self.desk.change_review(receipt_no, ReviewChange(to=to))

    def state(self, receipt_no: str) -> tuple[Handover, list[str]]:
        with self.engine.connect() as connection:
            found = views.detail(connection, receipt_no)
        assert found is not None
        return found.handover, found.core_errors

    def run(self) -> Mapping[str, int]:
        return self.exchange.run(1)[0]

    @property
    def out(self) -> Path:
        return self.root / f"renkei/{CORE}"

    def manifests(self) -> list[dict[str, Any]]:
        return [json.loads(one.read_text("utf-8")) for one in sorted(self.out.glob("*.manifest.json"))]

    def answer(
        self, number: int, answers: int, updates: list[list[str]], errors: list[list[str]], **spoil: Any
    ) -> None:
        folder = self.root / f"kekka/{CORE}"
        folder.mkdir(parents=True, exist_ok=True)
        stamp = f"{CORE}_20261123100000_{number:08d}"
        heads = {"koshin_kekka": ["受付番号", "手続ID", "業務宛名番号", "更新結果", "更新日時"]}
        heads["error"] = ["受付番号", "手続ID", "エラー項目", "繰返し番号", "整合性チェック", "エラー理由"]
        named = []
        for name, rows in (("koshin_kekka", updates), ("error", errors)):
            text = io.StringIO()
            csv.writer(text).writerows([heads[name], *rows])
            body = text.getvalue().encode()
            (folder / f"{name}_{stamp}.csv").write_bytes(body)
            row = {"fileMei": f"{name}_{stamp}.csv", "kensu": len(rows), "byteSu": len(body)}
            named.append(row | {"sha256": hashlib.sha256(body).hexdigest()} | spoil.get(name, {}))
        head = {"shubetsu": "4", "renban": number, "sakuseiNichiji": "2026-11-23T10:00:00+0900"}
        head |= {"kikanSystemId": CORE, "kotaeruRenban": answers, "files": named} | spoil.get("head", {})
        (folder / f"kekka_{stamp}.manifest.json").write_text(json.dumps(head), encoding="utf-8")


def update(receipt_no: str, result: str = "1") -> list[str]:
    return [receipt_no, "K01", "1", result, "2026-11-23T10:00:00+0900"]


def error(receipt_no: str, item: str, reason: str) -> list[str]:
    return [receipt_no, "K01", item, "", "2", reason]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def bench(engine: Engine, tmp_path: Path) -> Bench:
    return Bench(engine, tmp_path)


def test_drop_is_complete_and_each_application_is_in_one(bench: Bench) -> None:
    bench.complete("R1")
    bench.complete("R2")
    assert bench.run()["handed_over"] == 2
    bench.complete("R3")
    assert bench.run()["handed_over"] == 1
    assert bench.run()["handed_over"] == 0
    first, second = bench.manifests()
    assert (first["shubetsu"], first["renban"], first["shinseiKensu"], second["renban"]) == ("3", 1, 2, 2)
    for file in first["files"]:
        body = (bench.out / file["fileMei"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file["byteSu"], file["sha256"])
    text = next(bench.out.glob("shinsei_*_00000001.csv")).read_text("utf-8")
    assert [row["受付番号"] for row in csv.DictReader(io.StringIO(text))] == ["R1", "R2"]
    assert (bench.out / "tenpu/R1/01_copy.pdf").read_bytes().startswith(b"%PDF")
    assert not list(bench.root.rglob("*.tmp"))
    assert bench.state("R1") == (Handover.WAITING, [])


def test_lists_are_taken_in_once(bench: Bench) -> None:
    bench.complete("R1")
    bench.complete("R2")
    bench.run()
    bench.answer(1, 1, [update("R1"), update("R2", "2")], [error("R2", "name", "桁が違う"), error("R2", "", "重複")])
    assert bench.run()["answers"] == 2
    assert bench.run()["answers"] == 0
    assert bench.state("R1") == (Handover.DELIVERED, [])
    assert bench.state("R2") == (Handover.ERROR, ["name: 桁が違う", "重複"])
    bench.review("R2", Review.REVIEWING)
    bench.review("R2", Review.COMPLETED)
    assert bench.run()["handed_over"] == 1
    bench.answer(2, 2, [update("R2")], [])
    assert bench.run()["answers"] == 1
    assert bench.state("R2")[0] is Handover.DELIVERED


def test_handed_over_and_not_answered_stays_as_it_is(bench: Bench) -> None:
    bench.complete("R1")
    bench.run()
    with pytest.raises(RefusedError, match="答えを待っている"):
        bench.review("R1", Review.REVIEWING)


@pytest.mark.parametrize(
    "spoil",
    [
        {"error": {"kensu": 7}},
        {"koshin_kekka": {"byteSu": 1}},
        {"koshin_kekka": {"sha256": "0" * 64}},
        {"koshin_kekka": {"fileMei": "../../etc/passwd"}},
        {"head": {"kikanSystemId": "kaigo"}},
        {"head": {"shubetsu": "3"}},
        {"head": {"kotaeruRenban": 9}},
        {"head": {"files": "x"}},
        {"head": {"renban": "x"}},
    ],
    ids=str,
)
def test_answer_with_one_thing_wrong_is_not_taken_at_all(bench: Bench, spoil: dict[str, Any]) -> None:
    bench.complete("R1")
    bench.run()
    bench.answer(1, 1, [update("R1")], [], **spoil)
    with pytest.raises(DropTrouble, match=" / "):
        bench.run()
    assert bench.state("R1") == (Handover.WAITING, [])
    bench.answer(1, 1, [update("R1")], [])
    assert bench.run()["answers"] == 1


def test_answer_that_contradicts_itself_or_names_a_stranger(bench: Bench) -> None:
    bench.complete("R1")
    bench.run()
    for updates, errors in (
        ([update("R1")], [error("R1", "", "x")]),
        ([update("R1"), update("R1", "2")], []),
        ([update("R1"), update("R9")], []),
    ):
        bench.answer(1, 1, updates, errors)
        with pytest.raises(DropTrouble):
            bench.run()
        assert bench.state("R1") == (Handover.WAITING, [])


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_killed_while_writing_goes_on_with_the_same_bytes(
    bench: Bench, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after each file: the next run ends what was begun, with the same number and no application twice."""
    bench.complete("R1")
    left = [after]
    put = files.Folder.put

    def dies(self: files.Folder, name: str, body: bytes | memoryview, records: int) -> files.Written:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return put(self, name, body, records)

    with monkeypatch.context() as killing:
        killing.setattr(files.Folder, "put", dies)
        with pytest.raises(KeyboardInterrupt):
            bench.run()
    assert bench.manifests() == []
    bench.complete("R2")
    bench.clock = Clock(NOW + timedelta(hours=1))
    bench.run()
    assert [(one["renban"], one["shinseiKensu"]) for one in bench.manifests()] == [(1, 1), (2, 1)]


def test_rest_offers_nothing_that_a_drop_carries(bench: Bench) -> None:
    bench.complete("R1")
    bench.run()
    with bench.engine.connect() as connection:
        status = applications.status(connection, "R1")
    assert status is not None
    assert not rules.offered(status, {"K01"})


def test_folder_that_cannot_be_written_and_names_that_cannot_be(engine: Engine, tmp_path: Path) -> None:
    bench = Bench(engine, tmp_path)
    bench.complete("R1")
    (tmp_path / "renkei").write_text("a file", encoding="utf-8")
    with pytest.raises(DropTrouble, match="書けません"):
        bench.run()
    long = files.safe_name("長" * 255 + ".pdf")
    assert long.endswith(".pdf")
    assert len(long.encode()) <= files.NAME_BYTES
    assert files.safe_name('a/b\\c:"d".txt') == "a_b_c__d_.txt"
