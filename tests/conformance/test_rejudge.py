"""`report verify` derives plan and verdicts of a bundle again: a signer cannot write itself a better run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue
from conformance.engine.registers import REGISTERS_FILE
from conformance.events import CheckEnded, Event, RegistersGiven, RunFinished, RunStarted
from conformance.evidence.bundle import make_bundle
from conformance.evidence.manifest import suite_digest
from conformance.evidence.opened import opened
from conformance.evidence.rejudge import NotJudged, otherwise
from conformance.evidence.replan import not_of_the_suite, unknown_words
from conformance.evidence.verify import Verification, verify
from conformance.plan import Plan
from conformance.planner import make_plan
from conformance.reporters.write import write_reports
from conformance.results import fold
from conformance.verdicts import Raw
from interface_spec.profile import load_profile
from shinsei_testbed import module_command
from tests.conformance.factory import AT, plan_of, planned, write_events
from tests.conformance.targets import target_of

Change = Callable[[Plan], Plan]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "t").mkdir()
    return make_plan(
        run_id="r",
        target=target_of(tmp_path / "t"),
        profile=load_profile("baseline"),
        world_version="1",
        reference_date=AT.date(),
        today=AT.date(),
    ).model_copy(update={"suite_sha256": suite_digest()})


def bundled(folder: Path, plan: Plan, ended: list[CheckEnded], extra: Callable[[Path], None] | None = None) -> Path:
    """A bundle, whole and signed, of a run that ended like that."""
    run_dir = folder / "run"
    run_dir.mkdir()
    events: list[Event] = [RunStarted(at=AT, plan=plan), *ended, RunFinished(at=AT, seconds=1)]
    write_events(run_dir / "events.ndjson", events)
    (run_dir / "plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    results = write_reports(run_dir).results
    if extra is not None:
        extra(run_dir)
    target = folder / "b.zip"
    make_bundle(run_dir, results, target, key=folder / "k", certificate=folder / "c.pem")
    return target


def passed(plan: Plan) -> list[CheckEnded]:
    return [CheckEnded(at=AT, check=one.id, phase="call", raw=Raw.PASS) for one in plan.checks if one.status == "run"]


def verified(file: Path) -> Verification:
    return verify(file, module_command=module_command)


class TestRecords:
    def test_verdicts_that_no_record_gives_are_named_check_by_check(self, plan: Plan, tmp_path: Path) -> None:
        found = verified(bundled(tmp_path, plan, passed(plan)))
        unseen = {one.id for one in load_catalogue("am").checks.values() if one.needs == "screen"}
        expected = [one.id for one in plan.checks if one.id not in unseen]
        assert [one.file for one in found.findings] == ["events.ndjson"] * len(expected)
        for name, one in zip(expected, found.findings, strict=True):
            assert name in one.ja
            assert name in one.en

    def test_what_the_records_do_give_is_accepted(self, plan: Plan, tmp_path: Path) -> None:
        """Nothing was recorded: everything is 未検証, and an events file that says so is true."""
        (tmp_path / "first").mkdir()
        first = bundled(tmp_path / "first", plan, [])
        with opened(first) as bundle:
            again = fold([RunStarted(at=AT, plan=plan)])
            assert otherwise(bundle, again, plan, module_command) == []
        said = {"ja": "ラウンド「none」が実施されていない", "en": "round 'none' was not carried out"}
        raw = {"raw": "unverified", "finding": said}
        ended = [CheckEnded.model_validate(one.model_dump() | raw) for one in passed(plan)[-1:]]
        (tmp_path / "second").mkdir()
        found = verified(bundled(tmp_path / "second", plan, ended))
        assert found.findings == ()
        assert found.rejudged
        assert found.reprinted

    def test_a_milder_finding_is_told(self, plan: Plan, tmp_path: Path) -> None:
        raw = {"raw": "unverified", "finding": {"ja": "停電のため確認していない", "en": "power cut"}}
        ended = [CheckEnded.model_validate(one.model_dump() | raw) for one in passed(plan)[:1]]
        found = verified(bundled(tmp_path, plan, ended))
        assert [one.file for one in found.findings] == ["events.ndjson"]
        assert ended[0].check in found.findings[0].ja

    @pytest.mark.parametrize("body", [b"{}", b"nothing", b"\xff\xfe", b"[" * 100_000])
    def test_a_record_that_is_none_gives_no_verdict(self, plan: Plan, tmp_path: Path, body: bytes) -> None:
        def lay(run_dir: Path) -> None:
            (run_dir / "records").mkdir()
            (run_dir / "records" / "none.json").write_bytes(body)

        found = verified(bundled(tmp_path, plan, passed(plan), lay))
        assert not found.intact
        assert {one.file for one in found.findings} == {"events.ndjson"}

    def test_bodies_that_do_not_come_to_their_end_are_no_proof(self, plan: Plan, tmp_path: Path) -> None:
        file = bundled(tmp_path, plan, passed(plan))

        def dies(module: str, *words: str) -> list[str]:
            return module_command(module, "conformance.suites.nothing", *words[1:])

        found = verify(file, module_command=dies)
        assert [one.file for one in found.findings] == ["records/"]
        assert not found.rejudged
        with opened(file) as bundle, pytest.raises(NotJudged):
            otherwise(bundle, fold([RunStarted(at=AT, plan=plan), *passed(plan)]), plan, dies)

    def test_without_a_way_to_start_the_bodies_nothing_is_claimed(self, plan: Plan, tmp_path: Path) -> None:
        found = verify(bundled(tmp_path, plan, passed(plan)))
        assert found.intact
        assert not found.rejudged


def without(check: str) -> Change:
    return lambda plan: plan.model_copy(update={"checks": tuple(one for one in plan.checks if one.id != check)})


def touched(check: str, **update: object) -> Change:
    def change(plan: Plan) -> Plan:
        checks = tuple(one.model_copy(update=update) if one.id == check else one for one in plan.checks)
        return plan.model_copy(update={"checks": checks})

    return change


def lowered(requirement: str) -> Change:
    def change(plan: Plan) -> Plan:
        lower = plan.requirements[requirement].model_copy(update={"level": "推奨"})
        checks = tuple(
            one.model_copy(update={"mandatory": False}) if one.requirement == requirement else one
            for one in plan.checks
        )
        return plan.model_copy(update={"requirements": plan.requirements | {requirement: lower}, "checks": checks})

    return change


def levelled(word: str) -> Change:
    def change(plan: Plan) -> Plan:
        named = {name: one.model_copy(update={"level": word}) for name, one in plan.requirements.items()}
        return plan.model_copy(update={"requirements": named})

    return change


class TestPlan:
    def test_a_plan_of_ours_is_one(self, plan: Plan) -> None:
        assert list(unknown_words(plan)) == []
        assert not_of_the_suite(plan) == []

    @pytest.mark.parametrize(
        "old",
        [
            'procedures = ["K01", "C01"]',
            'patterns = ["i", "iii"]',
            'screen = "http://127.0.0.1:9001/screen/{receipt_no}"',
            "methods = {",
        ],
    )
    def test_what_a_product_may_declare_is_no_forgery(self, tmp_path: Path, old: str) -> None:
        new = {"proc": 'procedures = ["K01"]', "patt": 'patterns = ["i"]', "scre": "", "meth": "methods = {"}[old[:4]]
        made = make_plan(
            run_id="r",
            target=target_of(tmp_path, old, new),
            profile=load_profile("baseline"),
            world_version="1",
            reference_date=AT.date(),
            select=("AM-3.1",),
            today=AT.date(),
        )
        assert not_of_the_suite(made) == []

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            (without("AM-3.1-01a"), "AM-3.1-01a"),
            (touched("AM-3.1-01a", mandatory=False), "mandatory"),
            (touched("AM-3.1-01a", deciding=False), "deciding"),
            (touched("AM-3.1-01a", headline=""), "headline"),
            (touched("AM-3.1-01a", requirement="AM-3.1-02"), "requirement"),
            (touched("AM-3.1-01a", cases=()), "cases"),
            (touched("AM-3.1-01a", round="latency"), "round"),
            (touched("AM-3.1-01a", ja="緩い検査"), "ja"),
            (touched("AM-3.1-01a", id="AM-3.1-77a"), "AM-3.1-77a"),
            (touched("AM-3.1-01a", status="na", reason_ja="宣言なし"), "AM-3.1-01a"),
            (lowered("AM-3.1-01"), "AM-3.1-01"),
            (lambda plan: plan.model_copy(update={"attestations": ()}), "AM-S62-02"),
        ],
    )
    def test_a_plan_that_asks_for_less_is_told(self, plan: Plan, tmp_path: Path, change: Change, word: str) -> None:
        changed = change(plan)
        found = verified(bundled(tmp_path, changed, passed(changed)))
        assert {one.file for one in found.findings} == {"events.ndjson"}
        assert any(word in one.ja and word in one.en for one in found.findings), found.findings

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            (lambda plan: plan.model_copy(update={"role": "kami"}), "kami"),
            (lambda plan: plan.model_copy(update={"methods": {"K01": "v"}}), "v"),
            (touched("AM-9.1-01a", function="9.9"), "9.9"),
            (lambda plan: plan.model_copy(update={"requirements": {}}), "AM-9.1-01"),
            (levelled("絶対"), "絶対"),
            (lambda plan: plan.model_copy(update={"checks": plan.checks * 2}), "AM-9.1-01a"),
        ],
    )
    def test_words_that_no_report_can_print_are_told_not_stumbled_over(
        self, tmp_path: Path, change: Change, word: str
    ) -> None:
        made = plan_of(planned())
        file = bundled(tmp_path, made, [CheckEnded(at=AT, check="AM-9.1-01a", phase="call", raw=Raw.PASS)])
        hostile = resigned(file, tmp_path, change(made))
        found = verify(hostile)
        assert {one.file for one in found.findings} == {"events.ndjson"}
        assert any(word in one.ja for one in found.findings)


def resigned(file: Path, folder: Path, plan: Plan) -> Path:
    """The bundle with another plan in its events, signed again as its signer could."""
    run_dir = folder / "run"
    events: list[Event] = [RunStarted(at=AT, plan=plan), RunFinished(at=AT, seconds=1)]
    (run_dir / "events.ndjson").unlink()
    write_events(run_dir / "events.ndjson", events)
    make_bundle(run_dir, fold(events), file, key=folder / "k", certificate=folder / "c.pem")
    return file


class TestStated:
    """results.json of a bundle that another edition of the suite made: the published rules still have to give it."""

    @pytest.mark.parametrize(
        ("part", "better"),
        [
            ("checks", []),
            ("verdicts", {}),
            ("headlines", [{"level": "uketsuke", "procedure": "", "verdict": "CONFORMANT", "note": ""}]),
            ("attestations", [{}]),
            ("finished", False),
            ("interrupted", "SIGTERM"),
            ("troubles", [{}]),
            ("exit_code", 0),
        ],
    )
    def test_every_part_that_the_events_do_not_give_is_named(self, tmp_path: Path, part: str, better: object) -> None:
        def touch(run_dir: Path) -> None:
            path = run_dir / "results.json"
            stated = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps(stated | {part: better}), encoding="utf-8")

        made = plan_of(planned(headline="uketsuke")).model_copy(update={"suite_sha256": "0" * 64})
        ended = [CheckEnded(at=AT, check="AM-9.1-01a", phase="call", raw=Raw.NONCONFORMITY)]
        found = verify(bundled(tmp_path, made, ended, touch))
        assert not found.reprinted
        assert [one.file for one in found.findings] == ["results.json"]
        assert part in found.findings[0].ja

    def test_results_that_are_no_results(self, tmp_path: Path) -> None:
        made = plan_of(planned()).model_copy(update={"suite_sha256": "0" * 64})
        for number, body in enumerate((b"[]", b"{", b"[" * 100_000, b"\xff")):
            folder = tmp_path / str(number)
            folder.mkdir()

            def touch(run_dir: Path, body: bytes = body) -> None:
                (run_dir / "results.json").write_bytes(body)

            found = verify(bundled(folder, made, [], touch))
            assert [one.file for one in found.findings] == ["results.json"]


def test_a_register_cannot_take_the_place_of_a_report(plan: Plan, tmp_path: Path) -> None:
    """The digest that the events state of the register of test persons proves that file, whatever name they give."""
    page = b"<h1>OK</h1>"
    given = RegistersGiven(at=AT, links=1, persons={}, file="report.html", sha256=hashlib.sha256(page).hexdigest())
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    made = plan_of(planned()).model_copy(update={"suite_sha256": suite_digest()})
    write_events(run_dir / "events.ndjson", [RunStarted(at=AT, plan=made), given, RunFinished(at=AT, seconds=1)])
    results = write_reports(run_dir).results
    (run_dir / "report.html").write_bytes(page)
    make_bundle(run_dir, results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c.pem")
    assert [one.file for one in verify(tmp_path / "b.zip").findings] == ["report.html"]
    assert REGISTERS_FILE != "report.html"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", "9999-12-31T23:59:59+00:00"),  # in Japan it would be the year 10000
        ("at", "0001-01-01T00:00:00+14:00"),
        ("at", "2026-01-15T01:02:03"),  # of no time zone: no challenge could be compared with it
        ("seconds", float("nan")),
        ("seconds", float("inf")),
    ],
)
def test_numbers_and_moments_that_no_paper_can_print_are_told(tmp_path: Path, field: str, value: object) -> None:
    file = bundled(tmp_path, plan_of(planned()), [])
    events = tmp_path / "run" / "events.ndjson"
    first, *rest, last = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    for one in (first, last):
        if field in one:
            one[field] = value
    events.write_text("".join(json.dumps(one) + "\n" for one in (first, *rest, last)), encoding="utf-8")
    results = fold([RunStarted(at=AT, plan=plan_of(planned())), RunFinished(at=AT, seconds=1)])
    make_bundle(tmp_path / "run", results, file, key=tmp_path / "k", certificate=tmp_path / "c.pem")
    assert [one.file for one in verify(file).findings] == ["events.ndjson"]
