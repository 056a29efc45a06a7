"""The operator's desk: page and terminal take the same answers, refuse what does not fit, and never wait for ever."""

from __future__ import annotations

import http.client
import io
import os
import pty
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import html

from conformance.adapters import desk as desk_module
from conformance.adapters.base import Expected, OperatorAway, ProductUnreachable, Sheet
from conformance.adapters.desk import Desk, Refusal
from conformance.adapters.desk_page import Page
from conformance.adapters.desk_terminal import Terminal
from conformance.adapters.operator import OperatorAdapter
from conformance.adapters.questions import Answer, Choice, Field, Question
from conformance.adapters.settings import OperatorChoice
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape
from interface_spec.control import Ingestion, JobState, Method, Review, ReviewChange, Role
from tests.testbed.cli_runs import until
from tests.testbed.operator_client import PICTURE, read

YES = Choice("yes", "はい", "yes")
QUESTION = Question(
    "none:x", "<script>質問</script>\x1b[31m", "question",
    (Field("a", "選ぶ", "choose", choices=(YES,)), Field("t", "書く", "write", "text", required=False)),
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.close()


def asked(desk: Desk, question: Question = QUESTION, seconds: float = 20) -> tuple[threading.Thread, list[Answer]]:
    """Asks in a thread; the answer is in the list when the thread has ended."""
    got: list[Answer] = []
    thread = threading.Thread(target=lambda: got.append(desk.ask(question, seconds)))
    thread.start()
    assert until(lambda: desk.open is not None, 5)
    return thread, got


def test_nobody_answers_in_time(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(OperatorAway, match="答えがありません"):
        desk.ask(QUESTION, 0.05)
    assert '"answer": null' in (tmp_path / "operator.ndjson").read_text(encoding="utf-8")


def test_the_page_shows_and_takes_an_answer(desk: Desk, tmp_path: Path) -> None:
    page = Page(desk, 0)
    desk.windows.append(page)
    thread, got = asked(desk)
    with httpx.Client(trust_env=False) as client:
        shown = client.get(page.url)
        assert "<script" not in shown.text
        assert "\x1b" not in shown.text
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        form = read(shown.text)
        a, t = form.fields["a"], form.fields["t"]
        refused = client.post(page.url, data={"number": form.number, a: "maybe", t: '打った"<b>'}, files={"x": b""})
        assert refused.status_code == 409
        assert "打った&#34;&lt;b&gt;" in refused.text
        wrong_picture = client.post(page.url, data={"number": form.number, a: "yes"}, files={"picture": ("a.png", b"<svg>")})  # fmt: skip
        assert wrong_picture.status_code == 409
        taken = client.post(page.url, data={"number": form.number, a: "yes", "note": "メモ"}, files={"picture": ("画面.png", PICTURE)})  # fmt: skip
        assert taken.status_code == 303
        late = client.post(page.url, data={"number": form.number, a: "yes"}, files={"x": b""})
        assert late.status_code == 409
    thread.join()
    (answer,) = got
    assert (answer.values, answer.source, answer.note) == ({"a": "yes"}, "page", "メモ")
    (picture,) = answer.evidence
    assert (tmp_path / picture.path).read_bytes() == PICTURE
    assert picture.path.endswith(".png")


def test_the_page_is_for_its_owner_only(desk: Desk) -> None:
    page = Page(desk, 0)
    desk.windows.append(page)
    base = page.url.rpartition("/")[0].rpartition("/")[0]
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{base}/").status_code == 404
        assert client.get(f"{base}/guess/").status_code == 404
        assert client.get(page.url, headers={"Host": "evil.example"}).status_code == 404
        assert client.post(page.url, content=b"x" * 100).status_code == 400
    flood = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    flood.putrequest("POST", page.url.removeprefix(base))
    flood.putheader("Content-Length", "999999999999")
    flood.endheaders()
    assert flood.getresponse().status == 413
    flood.close()


def test_files_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "LARGEST_FILE", 100)
    monkeypatch.setattr(desk_module, "MOST_ATTACHED", 150)
    question = Question("q", "渡す", "hand over", (Field("f", "f", "f", "file"),))
    thread, got = asked(desk, question)
    opened = desk.open
    assert opened is not None
    for data, said in ((b"x" * 101, "バイトまで"), (None, "答えてください")):
        with pytest.raises(Refusal, match=said):
            desk.take(opened.number, {}, {"f": ("n", data)} if data else {}, [], source="page")
    desk.take(opened.number, {}, {"f": ("../../n", b"y" * 90)}, [], source="page")
    thread.join()
    assert Path(got[0].files["f"].path).parent == Path("attached")
    thread, got = asked(desk, question)
    opened = desk.open
    assert opened is not None
    with pytest.raises(Refusal, match="この実施で"):
        desk.take(opened.number, {}, {"f": ("n", b"z" * 90)}, [], source="page")
    desk.take(opened.number, {}, {"f": ("n", b"z")}, [], source="page")
    thread.join()


def test_the_terminal_takes_an_answer_line_by_line(desk: Desk, tmp_path: Path) -> None:
    keyboard, screen = pty.openpty()
    said = io.StringIO()
    desk.windows.append(Terminal(desk, screen, said, "http://127.0.0.1/"))
    (tmp_path / "shot.png").write_bytes(PICTURE)
    try:
        thread, got = asked(desk)
        os.write(keyboard, "x\n1\n書いた\n/no/such\n".encode())
        os.write(keyboard, f"{tmp_path}/shot.png\n".encode())
        thread.join(20)
        assert got[0].values == {"a": "yes", "t": "書いた"}
        assert got[0].source == "terminal"
        assert len(got[0].evidence) == 1
        assert "\x1b" not in said.getvalue()
        assert "もう一度" in said.getvalue()
    finally:
        desk.close()
        os.close(keyboard)
        os.close(screen)


def test_the_terminal_stops_asking_when_the_page_has_answered(desk: Desk) -> None:
    keyboard, screen = pty.openpty()
    terminal = Terminal(desk, screen, io.StringIO(), "")
    desk.windows.append(terminal)
    try:
        thread, got = asked(desk)
        opened = desk.open
        assert opened is not None
        desk.take(opened.number, {"a": "yes"}, {}, [], source="page")
        thread.join(20)
        assert got[0].source == "page"
    finally:
        desk.close()
        os.close(keyboard)
        os.close(screen)


class Scripted:
    """A window that answers at once, from a list of values by question key."""

    def __init__(self, desk: Desk, answers: dict[str, dict[str, str]]) -> None:
        self.desk, self.answers, self.asked = desk, answers, list[str]()

    def announce(self, sheet: Sheet) -> None:
        self.asked.append(f"sheet {sheet.number}")

    def open(self, question: Question, until: datetime) -> None:
        assert until > datetime.now(UTC)
        self.asked.append(question.key)
        opened = self.desk.open
        assert opened is not None
        self.desk.take(opened.number, self.answers[question.key], {}, [], source="page")

    def shut(self) -> None:
        self.asked.append("shut")

    def close(self) -> None:
        self.asked.append("close")


def test_answers_become_what_the_control_interface_says(desk: Desk) -> None:
    tape = AdapterTape(Redactor([]))
    adapter = OperatorAdapter(desk, OperatorChoice(), ("製品", "1"), lambda _: "jido_teate", tape.note)
    window = Scripted(desk, {
        "none:health": {"works": "yes"},
        "none:import": {"result": "failed", "message": "夜間のみ"},
        "none:list": {"R1.listed": "stored", "R1.review": "unreviewed", "R2.listed": "none", "R3.listed": "twice"},
        "none:show:R1": {"signer.state": "basic4", "signer.atena_no": "77", "subject.state": "staff", "subject.candidates": "1 2"},
        "none:review:R1:completed": {"result": "refused", "review": "unreviewed", "message": "まだ"},
    })  # fmt: skip
    desk.windows.append(window)
    adapter.begin(Sheet("none", 1, 2, "一", "one", tuple(Expected(name, "K01") for name in ("R1", "R2", "R3"))))
    assert adapter.health().status == "ok"
    assert adapter.import_now().state is JobState.FAILED
    assert [one.receipt_no for one in adapter.applications()] == ["R1", "R3", "R3"]
    detail = adapter.application("R1")
    assert detail is not None
    signer, subject = detail.persons
    assert (signer.role, signer.method, signer.atena_no) == (Role.SIGNER, Method.BASIC4, "77")
    assert [one.atena_no for one in subject.candidates] == ["1", "2"]
    assert adapter.application("R2") is None
    assert detail.ingestion is Ingestion.STORED
    refused = adapter.review("R1", ReviewChange(to=Review.COMPLETED))
    assert (refused.status, refused.message, refused.detail) == (409, "まだ", None)
    assert tape.exchanges[-1].seq == refused.exchange
    assert adapter.unseen == {"clock", "history", "items", "attachments"}
    assert window.asked[0] == "sheet 1"


def test_a_product_that_does_not_work_is_lost(desk: Desk) -> None:
    adapter = OperatorAdapter(desk, OperatorChoice(), ("製品", "1"), lambda _: "", AdapterTape(Redactor([])).note)
    desk.windows.append(Scripted(desk, {"start:health": {"works": "no"}}))
    with pytest.raises(ProductUnreachable):
        adapter.health()


def test_each_answer_of_a_table_has_its_own_name_and_the_time_left_is_seen(desk: Desk) -> None:
    rows = [Field(f"{row}.review", "審査状況", "review", "text", row=row) for row in ("R1", "R2")]
    thread, _ = asked(
        desk, Question("none:list", "一覧を見て答えてください", "see the list", tuple(rows)), seconds=1800
    )
    page = Page(desk, 0)
    try:
        form: Any = html.fromstring(page.render())
        names = {one.get("for"): " ".join(one.text_content().split()) for one in form.iter("label")}
        controls = [one for one in form.iter("input") if one.get("data-name")]
        assert [names[one.get("id")] for one in controls] == ["R1 審査状況", "R2 審査状況"]
        assert not [one for one in form.iter("label") if "hidden" in one.attrib], "hidden is undone by a style of ours"
        (bar,) = form.xpath("//div[@class='left']/i")
        assert 1700 < int(bar.get("style").removeprefix("animation-duration: ").removesuffix("s")) <= 1800
        waiting = desk.open
        assert waiting is not None
        desk.take(waiting.number, {"R1.review": "x", "R2.review": "y"}, {}, [], source="page")
    finally:
        page.close()
        thread.join()
