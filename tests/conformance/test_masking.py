"""What a product's answers may show of real people is masked; what the run needs stays; nothing fills the evidence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from conformance.engine import tape as tape_module
from conformance.engine.logs import cut_note, keep_log
from conformance.engine.masking import Masker, hide_late, hide_screens, mask
from conformance.engine.processes import Children, Guard
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape
from conformance.engine.warnings import about_calls, about_strangers, about_the_run
from conformance.record import Exchange, Record
from mock_services.control import StrangeCalls

OURS, FOREIGN = "261123AAAA", "250401ZZZZ"
MINE = ["髙橋 花子", "タカハシ　ハナコ", "東京都千代田区１丁目", "1990-01-02", "123456789", "0000000000123", OURS]
REAL = {"name": "山田太郎", "address": "大阪市北区2-3", "birth_date": "1955-05-05", "mynumber": "234567890123"}


@pytest.fixture
def masker() -> Masker:
    return Masker(MINE, [OURS])


def application(receipt: str, **more: object) -> dict[str, object]:
    return {"receipt_no": receipt, "review": "unreviewed", "received_at": "2026-01-01T00:00:00+09:00", **more}


def test_an_application_of_this_run_keeps_what_the_town_knows(masker: Masker) -> None:
    body = json.dumps(
        application(OURS, persons=[{"name": "髙橋　花子", "atena_no": "0000000000123", "reasons": ["住所が違う"]}])
    )
    assert json.loads(masker.body(body)) == json.loads(body)
    assert masker.masked == 0


def test_a_real_person_among_the_candidates_is_masked(masker: Masker) -> None:
    shown = masker.body(json.dumps(application(OURS, persons=[{"candidates": [REAL]}]), ensure_ascii=False))
    assert not [value for value in REAL.values() if value in shown]
    assert OURS in shown
    assert mask("山田太郎") in shown


def test_an_application_that_is_not_of_this_run_is_masked_whole(masker: Masker) -> None:
    items = [{"item_id": "shimei", "label": "氏名", "value": "山田太郎"}, {"item_id": "biko", "value": "持病について"}]
    given = {
        "total": 2,
        "items": [application(OURS), application(FOREIGN, items=items, account=12345678901, free="自由")],
    }
    shown = masker.body(json.dumps(given, ensure_ascii=False))
    for secret in ("山田太郎", "持病", "12345678901", "自由", FOREIGN):
        assert secret not in shown
    assert '"review": "unreviewed"' in shown
    assert OURS in shown


@pytest.mark.parametrize(("text", "kept"), [
    ("個人番号 2345-6789-0123 です", False), ("no 234567890123", False), ("2345 6789 0123", False),
    ("上限 20000000 バイト", True), ("2026-01-02 12:00:00", True), ("登録済み 123456789", True), ("R2: 12345", True),
])  # fmt: skip
def test_long_numbers_in_free_text(masker: Masker, text: str, kept: bool) -> None:
    assert (masker.text(text) == text) is kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("窓口の田中 一郎様へ連絡済み", False),
        ("隣の山田太郎さんと取り違え", False),
        ("髙橋 花子様の申請", True),
        ("申請様式が違う", True),
        ("製品仕様による", True),
        ("氏名が一致しない", True),
        ("候補: 氏名「鈴木 次郎」", False),
        ("住所：大阪市北区2-3 が異なる", False),
        ("氏名: 髙橋花子", True),
        ("カナは（ヤマダ　タロウ）", False),
        ("タカハシ ハナコ で照合", True),
        ("ファイルの転送エラー", True),
        ("請求者の氏名（フリガナ）", True),
        ("生年月日=1955-05-05", False),
        ("生年月日=1990-01-02", True),
        ("シリアル番号と基本4情報が同じ住民を指す", True),
    ],
)
def test_names_in_free_text(masker: Masker, text: str, kept: bool) -> None:
    assert (masker.text(text) == text) is kept


def test_whoever_was_masked_once_is_masked_wherever_he_stands(masker: Masker) -> None:
    said = "担当 山田　太郎 が大阪市北区2-3 を確認 1955-05-05 生、男性"
    assert masker.text(said) == said
    masker.body(json.dumps(application(OURS, persons=[{"candidates": [REAL | {"gender": "男性"}]}])))
    shown = masker.text(said)
    for secret in ("山田", "大阪市", "1955-05-05"):
        assert secret not in shown
    assert "男性" in shown
    assert masker.again('{"at": "1955-05-05"}') != masker.again('{"at": "1955-05-06"}')


def test_what_was_written_before_is_masked_afterwards(masker: Masker, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    path = tmp_path / "records" / "none.json"
    path.write_text(json.dumps({"reason": "山田 太郎", "key": "髙橋 花子"}, ensure_ascii=False), encoding="utf-8")
    hide_late(tmp_path, masker)
    assert "山田" in path.read_text(encoding="utf-8")
    masker.personal("山田太郎")
    hide_late(tmp_path, masker)
    assert json.loads(path.read_text(encoding="utf-8")) == {"reason": mask("山田 太郎"), "key": "髙橋 花子"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("髙橋 花子", True),
        ("髙橋 花", True),
        ("ＴＡＫＡＨＡＳＨＩ", False),
        ("はい", True),
        ("01", True),
        ("佐藤三郎", False),
        ("東京都千代田区１丁目", True),
        ("札幌市北区", False),
        ("髙橋 花子 234567890123", False),
    ],
)
def test_an_items_value_is_ours_or_like_ours_or_masked(value: str, kept: bool) -> None:
    masker = Masker(MINE, [OURS], {"shimei": {"髙橋 花子"}})
    assert (masker.item("shimei", value) == value) is kept
    body = json.dumps(application(OURS, items=[{"item_id": "shimei", "value": value}]), ensure_ascii=False)
    assert (value in masker.body(body)) is kept
    handed = json.dumps({"receiptNo": OURS, "items": [{"id": "shimei", "value": value}]}, ensure_ascii=False)
    assert (value in masker.body(handed)) is kept


def test_two_masked_values_of_one_run_can_be_told_apart() -> None:
    masker = Masker(MINE, [OURS], {"shimei": {"髙橋 花子"}})
    assert masker.item("shimei", "佐藤三郎") == masker.item("shimei", "佐藤三郎") != masker.item("shimei", "鈴木次郎")
    assert masker.item("shimei", "佐藤三郎") != Masker(MINE, [OURS]).item("shimei", "佐藤三郎")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 3000 + "1" + "}" * 3000, "\x00\xff", "1", '"x"', ""])
def test_hostile_bodies_do_no_harm(masker: Masker, body: str) -> None:
    assert isinstance(masker.body(body), str)


def test_the_tape_masks_and_says_when_it_is_full(masker: Masker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_module, "MOST_BYTES", 1000)
    tape = AdapterTape(Redactor([]), masker)
    for _ in range(5):
        body = json.dumps(application(FOREIGN, name="山田太郎", note="あ" * 300), ensure_ascii=False).encode()
        request = httpx.Request("GET", "http://p/control/v1/applications")
        tape.take(request, httpx.Response(200, headers=[("X", "h" * 100_000)] * 300, request=request), body)
    assert len(tape.exchanges) == 5
    assert tape.cut > 0
    assert tape.exchanges[-1].response_body == tape_module.CUT
    assert tape.exchanges[-1].response_bytes == len(body)
    kept = "".join(one.model_dump_json() for one in tape.exchanges)
    assert "山田太郎" not in kept
    assert len(kept) < 50_000


def test_screens_leave_the_records_once_they_are_judged(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    path = tmp_path / "records" / "none.json"
    path.write_text(
        json.dumps({"snapshots": {"first": {"screens": {"R1": {"status": 200, "text": "隣の人 山田太郎"}}}}})
    )
    hide_screens(tmp_path)
    assert "山田太郎" not in path.read_text(encoding="utf-8")
    assert "8字" in path.read_text(encoding="utf-8")


FLOOD = "import sys\nfor _ in range(200): sys.stdout.write('x' * 100_000)\nsys.stdout.flush()"


def test_a_product_that_floods_its_log_is_cut(tmp_path: Path) -> None:
    with Guard(tmp_path, [], []) as guard, Children(tmp_path, guard) as children:
        children.start("product", [sys.executable, "-I", "-S", "-c", FLOOD])
        while children.ended("product") is None:
            pass
    log = (tmp_path / "product.log").read_bytes()
    assert log.endswith(cut_note(4 * 1024 * 1024))
    assert len(log) < 4 * 1024 * 1024 + 200


def test_what_is_within_the_bound_is_whole(tmp_path: Path) -> None:
    done = subprocess.Popen(["/bin/echo", "語"], stdout=subprocess.PIPE)
    with done:
        assert done.stdout is not None
        keep_log(done.stdout, tmp_path / "x.log")
    assert (tmp_path / "x.log").read_text(encoding="utf-8") == "語\n"


def calls(statuses: list[int]) -> list[Exchange]:
    return [
        Exchange(
            seq=number, at="", system="download", operation="", peer="", method="GET", target="", request_headers={},
            request_body="", request_bytes=0, status=status, response_headers={}, response_body="", response_bytes=0, fault="",
        )
        for number, status in enumerate(statuses)
    ]  # fmt: skip


def test_a_share_of_refusals_is_a_warning_about_the_run() -> None:
    ((ja, en),) = about_calls(calls([401] * 19 + [200]))
    assert "95 %" in ja
    assert "認証情報" in ja
    assert "credentials" in en
    assert list(about_calls(calls([401] * 9))) == []
    assert list(about_calls(calls([401] * 10 + [200] * 10))) == []


def record_of(receipt: str, *targets: str) -> Record:
    asked = [
        call.model_copy(update={"operation": "get", "target": target, "status": 404})
        for call, target in zip(calls([404] * len(targets)), targets, strict=True)
    ]
    case = {
        "name": "k01-plain", "ja": "", "receipt_no": receipt, "procedure_id": "K01", "core_system": "jido_teate",
        "received_at": "2026-01-15T00:00:00Z", "arrived_at": "2026-01-15T00:00:00Z", "fate": "stored", "reason_ja": "",
        "zip_bytes": 1, "zip_sha256": "", "items": (), "attachments": (), "signer": None, "subject": None,
    }  # fmt: skip
    return Record.model_validate(
        {
            "round": "none", "relay_address": "", "download_fqdn": "", "cases": {"k01-plain": case}, "steps": (),
            "snapshots": {}, "pulls": {}, "reviews": (), "exchanges": asked, "relay_log": (), "alive": True,
        }
    )  # fmt: skip


def test_calls_for_applications_of_another_run_are_told() -> None:
    ours = record_of("R/1", "/zip?no=R%2F1", "/applications/R%2F1")
    assert list(about_strangers([ours])) == []
    ((ja, en),) = about_strangers([ours, record_of("R2", "/applications/R2", "/applications/OLD", "/zip?no=OLD")])
    assert "2 件" in ja
    assert "2 calls" in en


def strange(system: str, operation: str, cause: str, count: int) -> StrangeCalls:
    at = "2026-01-15T00:00:00Z"
    return StrangeCalls.model_validate(
        {"system": system, "operation": operation, "peer": "127.0.0.9", "cause": cause, "aside": cause != "none",
         "count": count, "bytes": 0, "first": at, "last": at}
    )  # fmt: skip


def test_calls_with_credentials_of_another_run_are_a_warning_with_their_figures(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    record = record_of("R0001").model_copy(update={"exchanges": ()})
    (tmp_path / "records" / "none.json").write_text(record.model_dump_json(), encoding="utf-8")
    tape, masker = AdapterTape(Redactor([])), Masker([], [])
    seen = [
        strange("download", "login", "account", 5),
        strange("juki", "full", "key", 2),
        strange("juki", "", "none", 3),
    ]
    aside, bare = about_the_run(tmp_path, tape, masker, seen)
    for words in ("7 件", "download login、127.0.0.9 から 5 件、09:00:00", "アカウント", "APIキー"):
        assert words in aside.ja
    assert "7 calls match no part of this run" in aside.en
    assert [one.count for one in aside.calls] == [5, 2]
    assert "3 件" in bare.ja
    assert "契約に無い呼出し" in bare.ja
    assert [one.cause for one in bare.calls] == ["none"]
    (silent,) = about_the_run(tmp_path, tape, masker, [])
    assert "一度も無い" in silent.ja
