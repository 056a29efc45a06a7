"""The process that runs the check bodies: only typed ends are verdicts, everything else is our own error, nothing vanishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.record import Exchange
from conformance.verdicts import Exit, Verdict
from tests.conformance.tiny_suite import TinySuite, record

ENDS: dict[str, tuple[str, Verdict]] = {
    "AM-9.1-01a": ("return None", Verdict.PASS),
    "AM-9.1-02a": ("fail('違う', 'differs', expected='1', actual='2')", Verdict.FAIL),
    "AM-9.1-03a": ("same('値', 'value', expected='あ', actual='い\\u200b')", Verdict.FAIL),
    "AM-9.1-04a": ("raise unverified('前提がない', 'no prerequisite')", Verdict.UNVERIFIED),
    "AM-9.1-05a": ("raise ReviewNeeded(Finding('人が見る', 'a person looks'))", Verdict.REVIEW),
    "AM-9.1-06a": ("run.done('import:first')", Verdict.UNVERIFIED),
    "AM-9.1-10a": ("run.case('k01-undeclared')", Verdict.ERROR),
    "AM-9.1-11a": ("assert 1 == 2", Verdict.ERROR),
    "AM-9.1-12a": ("pytest.skip('not today')", Verdict.ERROR),
    "AM-9.1-13a": ("pytest.xfail('known')", Verdict.ERROR),
    "AM-9.1-14a": ("pytest.fail('plain')", Verdict.ERROR),
    "AM-9.1-15a": ("sys.exit(0)", Verdict.ERROR),
    "AM-9.1-16a": ("raise ValueError('\\u2028 </script> \\x1b')", Verdict.ERROR),
    "AM-9.1-17a": ("request.addfinalizer(lambda: 1 / 0)", Verdict.ERROR),
    "AM-9.1-18a": ("request.addfinalizer(lambda: 1 / 0)\nfail('違う', 'differs')", Verdict.ERROR),
    "AM-9.1-19a": ("request.getfixturevalue('no_such_fixture')", Verdict.ERROR),
    "AM-9.1-20a": ("request.applymarker(pytest.mark.xfail)\nfail('違う', 'differs')", Verdict.FAIL),
    "AM-9.1-21a": ("recurse = lambda f: f(f)\nrecurse(recurse)", Verdict.ERROR),
}  # fmt: skip


def verdicts(suite: TinySuite, *words: str) -> dict[str, Verdict]:
    _, ended = suite.run(*words)
    return {one.planned.id: one.verdict for one in suite.fold(ended).checks if one.planned.id != "AM-9.1-99a"}


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one", "parallel"])
def test_every_way_to_end(tmp_path: Path, words: tuple[str, ...]) -> None:
    suite = TinySuite(tmp_path, {name: body for name, (body, _) in ENDS.items()})
    code, ended = suite.run(*words)
    results = suite.fold(ended)
    assert code == 1
    assert suite.finished() == [len(ENDS)]
    assert {one.planned.id: one.verdict for one in results.checks[:-1]} == {
        name: verdict for name, (_, verdict) in ENDS.items()
    }
    assert results.exit() is Exit.HARNESS
    found = {one.planned.id: one.findings for one in results.checks}
    assert (found["AM-9.1-02a"][0].expected, found["AM-9.1-02a"][0].actual) == ("1", "2")
    assert found["AM-9.1-03a"][0].actual == "い⟨U+200B⟩"
    assert found["AM-9.1-11a"][0].actual.startswith("AssertionError")
    assert "製品の不適合ではない" in found["AM-9.1-12a"][0].ja


def test_a_removed_body_is_unverified(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return", "AM-9.1-02a": "return"})
    module = tmp_path / "tiny" / "c9_1_tiny.py"
    module.write_text(module.read_text(encoding="utf-8").replace('@check("AM-9.1-02a")', ""), encoding="utf-8")
    assert verdicts(suite) == {"AM-9.1-01a": Verdict.PASS, "AM-9.1-02a": Verdict.UNVERIFIED}


def test_an_empty_suite_passes_nothing(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return"})
    (tmp_path / "tiny" / "c9_1_tiny.py").write_text("", encoding="utf-8")
    code, ended = suite.run()
    assert (code, ended) == (0, [])
    assert suite.fold(ended).exit() is Exit.INCOMPLETE


def test_a_check_that_is_not_planned_is_foreign(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return", "AM-9.1-50a": "return"}, foreign=("AM-9.1-50a",))
    _, ended = suite.run()
    results = suite.fold(ended)
    assert results.foreign == ("AM-9.1-50a",)
    assert results.exit() is Exit.HARNESS


def test_functions_without_a_mark_are_not_run(tmp_path: Path) -> None:
    bare = "def test_me(): raise SystemExit(9)\nclass TestMe:\n    def test_it(self): raise SystemExit(9)\n"
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return"}, bare=bare)
    code, ended = suite.run()
    assert (code, [one.check for one in ended]) == (0, ["AM-9.1-01a"])


def test_a_round_without_a_record_is_unverified_not_passed(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return"})
    suite.forget_records()
    _, ended = suite.run()
    (only,) = ended
    assert only.phase == "setup"
    assert suite.fold(ended).checks[0].verdict is Verdict.UNVERIFIED
    assert "none" in suite.fold(ended).checks[0].reason_ja


def test_a_module_that_does_not_load_is_no_verdict(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "return"}, bare="raise RuntimeError('broken module')\n")
    code, ended = suite.run()
    assert code not in (0, 1) or not ended
    assert suite.fold(ended).exit() is Exit.INCOMPLETE


def test_a_dead_worker_is_our_error_for_its_check_only(tmp_path: Path) -> None:
    bodies = {"AM-9.1-01a": "return", "AM-9.1-02a": "os._exit(7)", "AM-9.1-03a": "return"}
    suite = TinySuite(tmp_path, bodies)
    _, ended = suite.run("-n", "2")
    results = suite.fold(ended)
    assert {one.planned.id: one.verdict for one in results.checks[:-1]} == {
        "AM-9.1-01a": Verdict.PASS,
        "AM-9.1-02a": Verdict.ERROR,
        "AM-9.1-03a": Verdict.PASS,
    }
    assert [one.phase for one in ended if one.check == "AM-9.1-02a"] == ["worker"]
    assert results.exit() is Exit.HARNESS


def test_a_process_that_dies_alone_leaves_the_rest_unverified(tmp_path: Path) -> None:
    bodies = {"AM-9.1-01a": "return", "AM-9.1-02a": "os._exit(0)", "AM-9.1-03a": "return"}
    suite = TinySuite(tmp_path, bodies)
    code, ended = suite.run()
    assert (code, suite.finished()) == (0, [])  # nothing but the missing last word tells it from a good end
    assert {one.planned.id: one.verdict for one in suite.fold(ended).checks[:-1]} == {
        "AM-9.1-01a": Verdict.PASS,
        "AM-9.1-02a": Verdict.UNVERIFIED,
        "AM-9.1-03a": Verdict.UNVERIFIED,
    }


def test_stop_at_the_first_finding_leaves_the_rest_unverified(tmp_path: Path) -> None:
    bodies = {"AM-9.1-01a": "return", "AM-9.1-02a": "fail('違う', 'differs')", "AM-9.1-03a": "return"}
    found = verdicts(TinySuite(tmp_path, bodies), "-x")
    assert found == {"AM-9.1-01a": Verdict.PASS, "AM-9.1-02a": Verdict.FAIL, "AM-9.1-03a": Verdict.UNVERIFIED}


def test_findings_carry_their_exchanges_and_have_bounds(tmp_path: Path) -> None:
    bodies = {"AM-9.1-01a": "fail('あ' * 9000, 'x', actual='い' * 99999, exchanges=[*range(1, 20), 777])"}
    suite = TinySuite(tmp_path, bodies)
    exchanges = tuple(
        Exchange(
            seq=number, at="t", system="download", operation="list", peer="p", method="GET", target=f"/{number}",
            request_headers={"a": "b"}, request_body="", request_bytes=0, status=200, response_headers={},
            response_body="行\u2028\u0085区切り" + "x" * 9000, response_bytes=9, fault="",
        )
        for number in range(1, 20)
    )  # fmt: skip
    suite.write_record(record().model_copy(update={"exchanges": exchanges}))
    _, (only,) = suite.run()
    assert only.finding is not None
    assert len(only.finding.ja) == 4000
    assert len(only.finding.actual) == 4000
    assert [one.seq for one in only.finding.evidence] == [1, 2, 3, 4, 5, 6]
    assert only.finding.evidence[0].request == "GET /1\na: b"
    assert "\u2028" in only.finding.evidence[0].response
    assert len(only.finding.evidence[0].response) < 4100
