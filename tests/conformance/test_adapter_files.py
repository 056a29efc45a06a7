"""The files adapter on folders that a test fills: what it reads, what it writes, and what it makes of hostile files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.adapters import tables
from conformance.adapters.base import AdapterProblem, ProductUnreachable
from conformance.adapters.files import FilesAdapter
from conformance.adapters.settings import FilesChoice
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape
from conformance.outcomes import Unverified
from conformance.record import seen_of
from interface_spec.control import IdentifyPerson, Ingestion, JobState, Method, Review, ReviewChange, Role

LIST = {
    "receipt_no": "受付番号",
    "procedure_id": {"const": "K01"},
    "ingestion": {"column": "状態", "values": {"1": "stored", "9": "quarantined"}},
    "review": {"column": "審査", "values": {"未": "unreviewed", "中": "reviewing"}},
    "handover": {"const": "none"},
    "received_at": {"column": "受付", "format": "%Y/%m/%d %H:%M", "zone": "+09:00"},
    "arrived_at": {"column": "受付", "format": "%Y/%m/%d %H:%M", "zone": "+09:00"},
}
HEAD = "受付番号,状態,審査,受付"
ROW = "R1,1,未,2026/01/02 03:04"


def choice(**more: object) -> FilesChoice:
    exports = {"applications": {"file": "ichiran.csv", "columns": LIST}}
    given = {"outbox": "out", "inbox": "in", "settle_seconds": 0, "export": exports} | more
    return FilesChoice.model_validate(given)


@pytest.fixture
def tape() -> AdapterTape:
    return AdapterTape(Redactor([]))


@pytest.fixture
def make(tmp_path: Path, tape: AdapterTape) -> Callable[..., FilesAdapter]:
    for name in ("out", "in"):
        (tmp_path / name).mkdir()

    def made(settings: FilesChoice, seconds: float = 5) -> FilesAdapter:
        return FilesAdapter(settings, tmp_path, ("製品", "1"), tape.note, call_timeout=seconds, job_timeout=seconds)

    return made


def write(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> None:
    (folder / "out" / name).write_bytes("\r\n".join(lines).encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_a_list_is_read_by_its_own_column_names(
    tmp_path: Path, make: Callable[..., FilesAdapter], encoding: str
) -> None:
    write(tmp_path, "ichiran.csv", HEAD, ROW, encoding=encoding)
    (one,) = make(choice(encoding=encoding)).applications()
    assert (one.receipt_no, one.procedure_id, one.ingestion, one.review) == (
        "R1", "K01", Ingestion.STORED, Review.UNREVIEWED,
    )  # fmt: skip
    assert one.received_at.isoformat() == "2026-01-02T03:04:00+09:00"


def test_json_rows_are_read_the_same_way(tmp_path: Path, make: Callable[..., FilesAdapter]) -> None:
    rows = [dict(zip(HEAD.split(","), ROW.split(","), strict=True))]
    write(tmp_path, "ichiran.csv", json.dumps(rows, ensure_ascii=False))
    (one,) = make(choice(format="json")).applications()
    assert one.receipt_no == "R1"


def test_every_table_of_an_application(tmp_path: Path, make: Callable[..., FilesAdapter]) -> None:
    write(tmp_path, "ichiran.csv", HEAD, ROW)
    write(tmp_path, "items.csv", "no,id,v", 'R1,shimei," 髙橋\r\n花子 "', "R2,shimei,他人")
    write(tmp_path, "files.csv", "no,n,name,path", "R1,1,a.pdf,dir/a.pdf")
    (tmp_path / "out" / "dir").mkdir()
    (tmp_path / "out" / "dir" / "a.pdf").write_bytes(b"\x00\xff")
    write(tmp_path, "persons.csv", "no,role,state,method,why", "R1,signer,staff,,二人いる;住所が違う")
    write(tmp_path, "cand.csv", "no,role,nr,name", "R1,signer,7,高橋花子")
    found = make(choice(export={
        "applications": {"file": "ichiran.csv", "columns": LIST},
        "items": {"file": "items.csv", "columns": {"receipt_no": "no", "item_id": "id", "value": "v"}},
        "attachments": {"file": "files.csv", "columns": {"receipt_no": "no", "seq": "n", "file_name": "name", "path": "path"}},
        "persons": {"file": "persons.csv", "columns": {"receipt_no": "no", "role": "role", "state": "state", "method": "method", "reasons": {"column": "why", "separator": ";"}}},
        "candidates": {"file": "cand.csv", "columns": {"receipt_no": "no", "role": "role", "atena_no": "nr", "name": "name"}},
    }))  # fmt: skip
    detail = found.application("R1")
    assert detail is not None
    assert [(one.item_id, one.value, one.occurrence) for one in detail.items] == [("shimei", " 髙橋\r\n花子 ", 1)]
    assert [(one.size, one.sha256[:8]) for one in detail.attachments] == [(2, "06eb7d6a")]
    assert found.attachment("R1", 1) == (200, b"\x00\xff")
    assert found.attachment("R1", 2) == (404, b"")
    (person,) = detail.persons
    assert (person.method, person.reasons, [one.atena_no for one in person.candidates]) == (None, ["二人いる", "住所が違う"], ["7"])  # fmt: skip
    assert found.application("R2") is None
    assert found.unseen == {"clock", "core_errors", "history", "quarantine_reason"}


def test_what_is_not_exported_is_unverified_when_a_check_asks(
    tmp_path: Path, make: Callable[..., FilesAdapter]
) -> None:
    write(tmp_path, "ichiran.csv", HEAD, ROW)
    adapter = make(choice())
    detail = adapter.application("R1")
    assert detail is not None
    seen = seen_of(detail, adapter.unseen)
    assert seen.review is Review.UNREVIEWED
    for name in ("items", "persons", "quarantine_reason", "attachments"):
        with pytest.raises(Unverified, match=name):
            getattr(seen, name)
    with pytest.raises(AttributeError):
        _ = seen.no_such_thing  # type: ignore[attr-defined]


REVIEW = {
    "file": "shinsa_{number}.csv",
    "answer": "kekka_{number}.csv",
    "columns": {"receipt_no": "受付番号", "to": {"column": "審査", "values": {"中": "reviewing"}}, "reason": "理由"},
    "answer_columns": {"status": {"column": "結果", "values": {"OK": "200", "NG": "409"}}, "message": "内容"},
}


class Product(threading.Thread):
    """Answers every request file with one line, as a product's batch would."""

    def __init__(self, folder: Path, said: str) -> None:
        super().__init__(daemon=True)
        self.folder, self.said, self.got = folder, said, ""

    def run(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for path in (self.folder / "in").glob("[!.]*.csv"):
                self.got = path.read_text(encoding="utf-8")
                if self.said:
                    write(self.folder, path.name.replace("shinsa", "kekka"), "結果,内容", self.said)
                path.unlink()
                return
            time.sleep(0.01)


@pytest.mark.parametrize(("said", "status", "message"), [("OK,", 200, ""), ("NG,まだ早い", 409, "まだ早い")])
def test_a_change_is_asked_for_in_the_products_words(
    tmp_path: Path, make: Callable[..., FilesAdapter], tape: AdapterTape, said: str, status: int, message: str
) -> None:
    write(tmp_path, "ichiran.csv", HEAD, ROW)
    product = Product(tmp_path, said)
    product.start()
    done = make(choice(request={"review": REVIEW})).review("R1", ReviewChange(to=Review.REVIEWING, reason='要,"確認"'))
    product.join()
    assert product.got.splitlines() == ["受付番号,審査,理由", 'R1,中,"要,""確認"""']
    assert (done.status, done.message) == (status, message)
    assert (done.detail is not None) is (status == 200)
    assert tape.exchanges[0].seq == done.exchange
    assert tape.exchanges[0].request_body.splitlines() == product.got.splitlines()


def test_a_request_without_answer_is_done_when_its_file_is_taken(
    tmp_path: Path, make: Callable[..., FilesAdapter]
) -> None:
    product = Product(tmp_path, "")
    product.start()
    assert make(choice(request={"import": {"file": "go.csv"}})).import_now().state is JobState.DONE
    product.join()


def test_an_answer_that_does_not_come_ends_the_wait(tmp_path: Path, make: Callable[..., FilesAdapter]) -> None:
    adapter = make(choice(request={"import": {"file": "go.csv"}, "export": {"file": "ex.csv"}}), 0.1)
    with pytest.raises(AdapterProblem, match=r"go\.csv"):
        adapter.import_now()
    with pytest.raises(ProductUnreachable, match=r"ex\.csv"):
        adapter.health()


def test_what_is_not_declared_cannot_be_done(make: Callable[..., FilesAdapter]) -> None:
    adapter = make(choice())
    for act in (
        adapter.sync,
        lambda: adapter.identify("R1", IdentifyPerson(role=Role.SIGNER, atena_no="1", reason="x")),
    ):
        with pytest.raises(AdapterProblem, match=r"adapter\.files\.request"):
            act()
    assert Method.MANUAL.value == "manual"


@pytest.mark.parametrize(("lines", "said"), [
    ([HEAD, "R1,7,未,2026/01/02 03:04"], "「7」は values にありません"),
    ([HEAD, "R1,1,未,昨日"], "日時として読めません"),
    ([HEAD.replace("審査", "しんさ"), ROW], "列「審査」がありません"),
    ([HEAD, ROW + ",余分"], "見出しより多い列"),
    ([HEAD, "R1,1,未\x00,2026/01/02 03:04"], "values にありません"),
    ([HEAD, '"\x1b[2J\u202e",9,"\x1b]0;x\x07",2026/01/02 03:04'], "values にありません"),
])  # fmt: skip
def test_what_does_not_fit_is_one_sentence_without_steering(
    tmp_path: Path, make: Callable[..., FilesAdapter], lines: list[str], said: str
) -> None:
    write(tmp_path, "ichiran.csv", *lines)
    with pytest.raises(AdapterProblem, match=said) as caught:
        make(choice(), 0.1).applications()
    assert not any(ord(one) < 32 or one == "\u202e" for one in str(caught.value))


def test_a_file_of_another_encoding_is_named(tmp_path: Path, make: Callable[..., FilesAdapter]) -> None:
    write(tmp_path, "ichiran.csv", HEAD, ROW, encoding="cp932")
    with pytest.raises(AdapterProblem, match=r"adapter\.files\.encoding"):
        make(choice(), 0.1).applications()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, make: Callable[..., FilesAdapter]) -> None:
    (tmp_path / "secret.txt").write_text("秘密", encoding="utf-8")
    (tmp_path / "out" / "a").symlink_to(tmp_path / "secret.txt")
    for path in ("a", "../secret.txt", str(tmp_path / "secret.txt"), "no\x00name"):
        with pytest.raises(AdapterProblem):
            tables.read_bounded(tmp_path / "out" / path, tmp_path / "out", "x")


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, make: Callable[..., FilesAdapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LARGEST_FILE", 20)
    write(tmp_path, "ichiran.csv", HEAD, ROW)
    with pytest.raises(AdapterProblem, match="20 バイトを超え"):
        make(choice(), 0.1).applications()


@pytest.mark.parametrize(("more", "place"), [
    ({"export": {}}, "export.applications"),
    ({"export": {"applications": {"file": "x", "columns": {}}}}, "export.applications.columns.receipt_no"),
    ({"export": {"applicatons": {"file": "x", "columns": {}}}}, "applicatons"),
    ({"export": {"applications": {"file": "../x", "columns": LIST}}}, "フォルダーの中"),
    ({"request": {"review": {"file": "x"}}}, "request.review.columns.receipt_no"),
    ({"request": {"import": {"file": "x{no}"}}}, r"\{number\}"),
    ({"request": {"import": {"file": "x", "answer": "fixed.csv"}}}, "number"),
    ({"request": {"import": {"file": "x"}}, "inbox": ""}, "inbox"),
    ({"export": {"applications": {"file": "x", "columns": LIST | {"received_at": {"column": "y", "format": "%Y"}}}}}, "zone"),
])  # fmt: skip
def test_a_mistake_in_the_mapping_is_named(more: dict[str, object], place: str) -> None:
    with pytest.raises(ValueError, match=place):
        choice(**more)
