"""The python adapter: a vendor's class in a process of its own, friendly and hostile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.adapters import python as module
from conformance.adapters.base import AdapterProblem, ProductUnreachable
from conformance.adapters.python import PythonAdapter
from conformance.adapters.settings import PythonChoice
from conformance.engine import logs
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape
from interface_spec.control import JobState, Review, ReviewChange
from tests.testbed.cli_runs import descendants, still_there, until

GOOD = """
import beside
WHEN = "2026-01-01T00:00:00+09:00"
ONE = {"receipt_no": "R1", "procedure_id": "K01", "ingestion": "stored", "review": "unreviewed", "handover": "none",
       "received_at": WHEN, "arrived_at": WHEN, "imported_at": WHEN, "version": 1}
class Refused(Exception):
    status = 422
class Product:
    unseen = ("history", "nonsense")
    def __init__(self, settings):
        self.name = settings["name"]
    def health(self):
        print("言いたいこと")
        return {"status": "ok", "product": self.name, "version": beside.VERSION, "now": WHEN}
    def sync(self):
        return None
    def import_now(self):
        raise Refused("夜間のみ")
    def applications(self):
        return [ONE]
    def application(self, receipt_no):
        return ONE if receipt_no == "R1" else None
    def attachment(self, receipt_no, seq):
        return bytes(range(256)) if seq == 1 else None
    def review(self, receipt_no, change):
        if change["to"] != "reviewing":
            raise Refused("許されない")
        return dict(ONE, review="reviewing")
"""

Make = Callable[..., PythonAdapter]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[PythonAdapter] = []
    (tmp_path / "beside.py").write_text("VERSION = '9'\n", encoding="utf-8")

    def build(source: str, *, seconds: float = 20, **more: str) -> PythonAdapter:
        (tmp_path / "am.py").write_text(source, encoding="utf-8")
        made.append(
            PythonAdapter(
                PythonChoice(file="am.py", **more),
                tmp_path,
                {"name": "製品"},
                {"PATH": "/usr/bin:/bin"},
                AdapterTape(Redactor([])).note,
                tmp_path / "adapter.log",
                call_timeout=seconds,
                job_timeout=seconds,
            )
        )
        return made[-1]

    yield build
    for one in made:
        one.close()


def hostile(*lines: str) -> str:
    body = "\n        ".join(lines)
    return f"import os, sys, time, subprocess\nclass Product:\n    def __init__(self, s): pass\n    def sync(self): return None\n    def health(self):\n        {body}\n"


def test_the_class_is_asked(make: Make, tmp_path: Path) -> None:
    adapter = make(GOOD)
    assert adapter.unseen == {"history"}
    assert (adapter.health().product, adapter.health().version) == ("製品", "9")
    assert adapter.sync().state is JobState.DONE
    job = adapter.import_now()
    assert (job.state, job.message) == (JobState.FAILED, "夜間のみ")
    assert [one.receipt_no for one in adapter.applications()] == ["R1"]
    assert adapter.application("R2") is None
    assert adapter.attachment("R1", 1) == (200, bytes(range(256)))
    assert adapter.attachment("R1", 2) == (404, b"")
    done = adapter.review("R1", ReviewChange(to=Review.REVIEWING))
    assert done.detail is not None
    assert done.detail.review is Review.REVIEWING
    refused = adapter.review("R1", ReviewChange(to=Review.COMPLETED))
    assert (refused.status, refused.message, refused.detail) == (422, "許されない", None)
    assert until(lambda: "言いたいこと" in (tmp_path / "adapter.log").read_text(encoding="utf-8"), 10)


def test_a_method_that_is_missing_cannot_be_done(make: Make) -> None:
    with pytest.raises(AdapterProblem, match="import_now が無く"):
        make(hostile("return None")).import_now()


@pytest.mark.parametrize(("lines", "said"), [
    (["time.sleep(60)"], "待っても答えません"),
    (["os._exit(7)"], "終了コード 7"),
    (["os.kill(os.getpid(), 11)"], "終了コード -11"),
    (["raise RuntimeError('\\x1b[31m赤\\u202e')"], "RuntimeError"),
    (["return {'status': 'ok'}"], "制御インターフェースと違います"),
    (["return object()"], "no JSON"),
    (["a = []", "a.append(a)", "return a"], "no JSON"),
    (["for fd in range(3, 12):", "    try: os.write(fd, b'{\"id\": 99, \"result\": 1}\\n')", "    except OSError: pass", "time.sleep(60)"], "別の呼出し"),
    (["for fd in range(3, 12):", "    try: os.write(fd, b'['*100000 + b'\\n')", "    except OSError: pass", "time.sleep(60)"], "形式が違います"),
    (["for fd in range(3, 12):", "    try: os.write(fd, b'{\"id\": 2, \"refused\": {\"status\": \"x\"}}\\n')", "    except OSError: pass", "time.sleep(60)"], "形式が違います"),
])  # fmt: skip
def test_whatever_the_class_does_is_one_sentence(make: Make, lines: list[str], said: str) -> None:
    adapter = make(hostile(*lines), seconds=2 if "sleep(60)" in lines[-1] else 20)
    with pytest.raises(AdapterProblem, match=said) as caught:
        adapter.health()
    assert not any(ord(one) < 32 or one == "\u202e" for one in str(caught.value))
    assert adapter.sync().state is JobState.DONE  # the next call has a new process when it needs one


def test_an_answer_that_never_ends_is_cut(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ANSWER", 100_000)
    with pytest.raises(AdapterProblem, match="100000 バイトを超えた"):
        make(hostile("return 'x' * 10_000_000")).health()


def test_what_it_prints_does_not_fill_the_disk(make: Make, tmp_path: Path) -> None:
    adapter = make(hostile("for _ in range(30): print('x' * 1_000_000)", "return 1"))
    with pytest.raises(AdapterProblem):
        adapter.health()
    adapter.close()
    log = (tmp_path / "adapter.log").read_bytes()
    assert len(log) < logs.LARGEST_LOG + 1000
    assert log.endswith(logs.cut_note(logs.LARGEST_LOG))


def test_nothing_of_it_is_left(make: Make) -> None:
    adapter = make(hostile("subprocess.Popen(['sleep', '60'])", "time.sleep(60)"), seconds=1)
    before = descendants(os.getpid())
    with pytest.raises(AdapterProblem):
        adapter.health()
    assert until(lambda: set(still_there(descendants(os.getpid()))) <= set(before.values()), 10)


@pytest.mark.parametrize(("source", "said"), [
    ("syntax error here", "SyntaxError"),
    ("class Prodct: pass", "Product"),
    ("import os; os._exit(3)", "終了コード 3"),
    ("raise SystemExit(4)", "終了コード 4"),
])  # fmt: skip
def test_a_class_that_cannot_be_loaded_is_named(make: Make, source: str, said: str) -> None:
    with pytest.raises((ProductUnreachable, AdapterProblem), match=said):
        make(source).health()


def test_a_file_or_interpreter_that_is_not_there(make: Make, tmp_path: Path) -> None:
    adapter = make(GOOD)
    (tmp_path / "am.py").unlink()
    with pytest.raises(ProductUnreachable, match=r"adapter\.python\.file"):
        adapter.health()
    with pytest.raises(ProductUnreachable, match=r"adapter\.python\.interpreter"):
        make(GOOD, interpreter="/no/such/python").health()


def test_a_class_that_ends_its_process_again_and_again_is_given_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STARTS", 2)
    adapter = make(hostile("os._exit(1)"))
    for _ in range(2):
        with pytest.raises(AdapterProblem):
            adapter.health()
    with pytest.raises(ProductUnreachable, match="2 回"):
        adapter.health()


def test_it_runs_under_the_interpreter_that_is_named(make: Make) -> None:
    assert make(GOOD, interpreter=sys.executable).health().product == "製品"
