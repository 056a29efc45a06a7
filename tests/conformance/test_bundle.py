"""The evidence bundle: made once, verified anywhere, and every touch is named."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from openpyxl import load_workbook

from conformance.events import Event, RegistersGiven, RunFinished, RunStarted
from conformance.evidence.bundle import BundleProblem, load_signer, make_bundle, make_signer
from conformance.evidence.manifest import MANIFEST, SIGNATURE, suite_digest
from conformance.evidence.verify import verify
from conformance.firewall.judge import judge
from conformance.firewall.picture import topology_svg
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.plan import PlannedInput
from conformance.reporters.papers.write import keep_connections
from conformance.reporters.write import write_reports
from conformance.verdicts import Exit, Raw
from interface_spec.policy import POLICIES
from shinsei_testbed import module_command
from testbed.cli import main
from testbed.cli.report_app import how_far
from tests.conformance.factory import AT, plan_of, planned, stream, write_events
from tests.conformance.sample_runs import RUNS, hostile
from tests.conformance.test_reporters import compare as golden
from tests.firewall.data import baseline, perfect_record

Change = Callable[[str, bytes], tuple[str, bytes] | None]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "none.json").write_text("{}", encoding="utf-8")
    write_events(folder / "events.ndjson", stream(plan_of(planned()), {"AM-9.1-01a": Raw.PASS}))
    return folder


@pytest.fixture
def bundle(run_dir: Path, tmp_path: Path) -> Path:
    target = tmp_path / "bundle.zip"
    results = write_reports(run_dir).results
    make_bundle(run_dir, results, target, key=tmp_path / "key", certificate=tmp_path / "cert.pem")
    return target


def rewritten(bundle: Path, change: Change, extra: dict[str, bytes] | None = None) -> Path:
    touched = bundle.with_name("touched.zip")
    with zipfile.ZipFile(bundle) as before, zipfile.ZipFile(touched, "w") as after:
        for info in before.infolist():
            kept = change(info.filename, before.read(info))
            if kept is not None:
                after.writestr(*kept)
        for name, body in (extra or {}).items():
            after.writestr(name, body)
    return touched


def test_an_untouched_bundle_is_intact_but_its_signer_unknown_without_trust(bundle: Path) -> None:
    found = verify(bundle)
    assert found.intact
    assert not found.trusted


def test_trust_is_the_certificate_and_no_other(bundle: Path, tmp_path: Path) -> None:
    assert verify(bundle, tmp_path / "cert.pem").trusted
    make_signer(tmp_path / "other.key", tmp_path / "other.pem")
    other = verify(bundle, tmp_path / "other.pem")
    assert not other.intact
    assert [one.file for one in other.findings] == ["signer.pem"]


@pytest.mark.parametrize("name", ["events.ndjson", "results.json", "report.html", "junit.xml", "records/none.json"])
def test_the_touched_file_is_named(bundle: Path, name: str) -> None:
    touched = rewritten(bundle, lambda one, body: (one, body + b" " if one == name else body))
    found = verify(touched)
    assert not found.intact
    assert [one.file for one in found.findings] == [name]


def test_a_removed_and_an_added_file_are_named(bundle: Path) -> None:
    removed = verify(rewritten(bundle, lambda one, body: None if one == "report.html" else (one, body)))
    assert [one.file for one in removed.findings] == ["report.html"]
    added = verify(rewritten(bundle, lambda one, body: (one, body), {"certificate.pdf": b"%PDF-"}))
    assert [one.file for one in added.findings] == ["certificate.pdf"]


def test_a_changed_manifest_breaks_the_signature(bundle: Path) -> None:
    def another_seed(name: str, body: bytes) -> tuple[str, bytes]:
        return name, body.replace(b'"seed": 7', b'"seed": 8') if name == MANIFEST else body

    assert [one.file for one in verify(rewritten(bundle, another_seed)).findings] == [MANIFEST]


def test_a_signer_cannot_print_a_better_result_than_the_events(run_dir: Path, tmp_path: Path) -> None:
    results = write_reports(run_dir).results
    stated = json.loads((run_dir / "results.json").read_text(encoding="utf-8"))
    stated["checks"][0]["verdict"] = "FAIL"
    (run_dir / "results.json").write_text(json.dumps(stated), encoding="utf-8")
    target = tmp_path / "forged.zip"
    make_bundle(run_dir, results, target, key=tmp_path / "k", certificate=tmp_path / "c.pem")
    assert [one.file for one in verify(target).findings] == ["results.json"]


def test_a_signer_cannot_state_a_better_exit_code_or_another_suite_than_the_run(run_dir: Path, tmp_path: Path) -> None:
    words = {"key": tmp_path / "k", "certificate": tmp_path / "c.pem"}
    results = write_reports(run_dir).results
    better = replace(results, finished=False)
    make_bundle(run_dir, better, tmp_path / "exit.zip", **words)
    assert [one.file for one in verify(tmp_path / "exit.zip").findings] == [MANIFEST]
    assert results.plan is not None
    other = replace(results, plan=results.plan.model_copy(update={"suite_sha256": "0" * 64}))
    (run_dir / "events.ndjson").unlink()
    plan = results.plan.model_copy(update={"suite_sha256": suite_digest()})
    write_events(run_dir / "events.ndjson", stream(plan, {"AM-9.1-01a": Raw.PASS}))
    make_bundle(run_dir, other, tmp_path / "suite.zip", **words)
    assert [one.file for one in verify(tmp_path / "suite.zip").findings] == [MANIFEST]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a\\b", "C:/evil"])
def test_a_hostile_name_is_refused_before_anything_is_read(bundle: Path, name: str) -> None:
    found = verify(rewritten(bundle, lambda one, body: (one, body), {name: b"x"}))
    assert found.manifest is None
    assert not found.intact


def test_what_is_no_bundle_is_a_finding_not_a_crash(tmp_path: Path) -> None:
    junk = tmp_path / "junk.zip"
    junk.write_bytes(b"PK\x03\x04 nothing")
    assert not verify(junk).intact


def test_the_key_is_for_its_owner_only_and_must_fit_the_certificate(tmp_path: Path) -> None:
    make_signer(tmp_path / "a.key", tmp_path / "a.pem")
    make_signer(tmp_path / "b.key", tmp_path / "b.pem")
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    with pytest.raises(BundleProblem, match=r"b\.pem"):
        load_signer(tmp_path / "a.key", tmp_path / "b.pem")


def test_a_run_without_reports_has_no_bundle(run_dir: Path, tmp_path: Path) -> None:
    results = write_reports(run_dir).results
    (run_dir / "report.html").unlink()
    with pytest.raises(BundleProblem, match=r"report\.html"):
        make_bundle(run_dir, results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c")


class TestForgedPapers:
    """A vendor signs its own bundle: what is printed in it must be what its events give."""

    def forged(self, run_dir: Path, tmp_path: Path, events: list[Event], touch: Callable[[Path], None]) -> list[str]:
        (run_dir / "events.ndjson").unlink()
        write_events(run_dir / "events.ndjson", events)
        results = write_reports(run_dir).results
        if results.plan is not None:
            (run_dir / "plan.json").write_text(results.plan.model_dump_json(indent=1), encoding="utf-8")
        touch(run_dir)
        target = tmp_path / "forged.zip"
        make_bundle(run_dir, results, target, key=tmp_path / "k", certificate=tmp_path / "c.pem")
        return [one.file for one in verify(target).findings]

    @pytest.mark.parametrize(
        "name", ["report.html", "report.en.html", "papers/katazuke.html", "papers/setsuzoku-jokyo.html"]
    )
    def test_a_page_that_says_something_else(self, name: str, run_dir: Path, tmp_path: Path) -> None:
        def better(folder: Path) -> None:
            path = folder / name
            path.write_text(path.read_text(encoding="utf-8").replace("</main>", "<p>適合</p></main>"), encoding="utf-8")

        assert self.forged(run_dir, tmp_path, failing(), better) == [name]

    def test_a_table_that_says_something_else(self, run_dir: Path, tmp_path: Path) -> None:
        def better(folder: Path) -> None:
            book = load_workbook(folder / "tekigohyo.xlsx")
            for row in book["機能要件適合表"].iter_rows(min_row=2):
                row[4].value = "適合"
            book.save(folder / "tekigohyo.xlsx")

        assert self.forged(run_dir, tmp_path, failing(), better) == ["tekigohyo.xlsx"]

    @pytest.mark.parametrize(
        ("name", "before", "after"),
        [
            ("junit.xml", "<failure", "<skipped"),
            ("junit.xml", "<testsuites", "<!DOCTYPE x [<!ENTITY e 'e'>]><testsuites"),
            ("results.json", '"exit_code": 1', '"exit_code": 0'),
            ("results.json", '"reasons": []', '"reasons": ["よし"]'),
            ("plan.json", '"vendor":', '"vendor ":'),
            ("plan.json", "{", "nothing"),
        ],
    )
    def test_a_file_for_programs_that_says_something_else(
        self, name: str, before: str, after: str, run_dir: Path, tmp_path: Path
    ) -> None:
        def better(folder: Path) -> None:
            path = folder / name
            text = path.read_text(encoding="utf-8")
            assert before in text
            path.write_text(
                text.replace(before, after, 1).replace("</failure>", "</skipped>", int(after == "<skipped")),
                encoding="utf-8",
            )

        assert self.forged(run_dir, tmp_path, failing(), better) == [name]

    def test_the_municipalitys_entries_are_part_of_what_is_printed(self, run_dir: Path, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").write_text('K02.status = "しない"\nK02.reason = "紙のみ"\n', encoding="utf-8")
        keep_connections(tmp_path / "mine.toml", run_dir)
        assert self.forged(run_dir, tmp_path, failing(), untouched) == []
        assert "紙のみ" in (run_dir / "papers" / "setsuzoku-jokyo.html").read_text(encoding="utf-8")

        def other(folder: Path) -> None:
            path = folder / "papers" / "setsuzoku.toml"
            path.write_text(path.read_text(encoding="utf-8").replace("紙のみ", "検討中"), encoding="utf-8")

        tails = (".en.html", ".html", ".xlsx")
        names = sorted(f"papers/setsuzoku-jokyo{tail}" for tail in tails)
        assert sorted(self.forged(run_dir, tmp_path, failing(), other)) == names

    def test_a_register_of_test_persons_that_was_changed(self, run_dir: Path, tmp_path: Path) -> None:
        data = "台帳,番号\n".encode()
        given = RegistersGiven(
            at=AT, links=1, persons={}, file="test-registers.csv", sha256=hashlib.sha256(data).hexdigest()
        )
        events = failing()
        events.insert(1, given)
        for content, expected in ((data, []), (data + b"x", ["test-registers.csv"])):

            def lay(folder: Path, content: bytes = content) -> None:
                (folder / "test-registers.csv").write_bytes(content)

            assert self.forged(run_dir, tmp_path, events, lay) == expected

    def test_what_no_event_gives_is_named(self, run_dir: Path, tmp_path: Path) -> None:
        (run_dir / "attached").mkdir()
        (run_dir / "attached" / "gamen.png").write_bytes(b"\x89PNG")
        (run_dir / "operator.ndjson").write_text("{}\n", encoding="utf-8")
        results = write_reports(run_dir).results
        (run_dir / "papers" / "shosho.html").write_text("<h1>適合証明書</h1>", encoding="utf-8")
        target = tmp_path / "b.zip"
        make_bundle(run_dir, results, target, key=tmp_path / "k", certificate=tmp_path / "c.pem")
        found = verify(target)
        assert found.reprinted
        assert {"attached/gamen.png", "operator.ndjson", "papers/shosho.html"} <= set(found.unproven)
        assert not {"report.html", "junit.xml", "plan.json", "papers/katazuke.xlsx"} & set(found.unproven)

    @pytest.mark.parametrize("tail", [".html", ".xlsx"])
    def test_a_certificate_of_an_incomplete_run(self, tail: str, run_dir: Path, tmp_path: Path) -> None:
        def add(folder: Path) -> None:
            (folder / "papers" / f"shiken-seisekisho{tail}").write_bytes(b"<h1>OK</h1>")

        name = f"papers/shiken-seisekisho{tail}"
        assert self.forged(run_dir, tmp_path, RUNS["all-verdicts"](), add) == [name]

    @pytest.mark.parametrize("name", sorted(RUNS.keys() - {"trouble"}))
    def test_what_was_printed_from_the_events_is_no_forgery(self, name: str, run_dir: Path, tmp_path: Path) -> None:
        assert self.forged(run_dir, tmp_path, RUNS[name](), untouched) == []

    def test_a_hostile_products_words_are_no_forgery(self, run_dir: Path, tmp_path: Path) -> None:
        assert self.forged(run_dir, tmp_path, hostile(), untouched) == []


class TestLab:
    """The verdicts of a network role follow from what the lab saw; that is in the bundle and judged again."""

    def found(self, run_dir: Path, tmp_path: Path, touch: Callable[[Path], None]) -> list[str]:
        policy, record = baseline(), perfect_record(baseline())
        text = (POLICIES / "baseline.toml").read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        plan = make_lab_plan(
            run_id="r",
            declared=Declared(policy, "fw"),
            product=policy.product.model_dump(),
            reference_date=AT.date(),
        ).model_copy(
            update={
                "suite_sha256": suite_digest(),
                "inputs": (PlannedInput(option="--policy", name="baseline", sha256=digest),),
            }
        )
        (run_dir / "lab.json").write_text(record.model_dump_json(exclude_defaults=True), encoding="utf-8")
        (run_dir / "policy.toml").write_text(text, encoding="utf-8")
        (run_dir / "topology.svg").write_text(topology_svg(policy, record), encoding="utf-8")
        (run_dir / "events.ndjson").unlink()
        ended = judge(plan, policy, record, lambda: AT)
        write_events(run_dir / "events.ndjson", [RunStarted(at=AT, plan=plan), *ended, RunFinished(at=AT, seconds=1)])
        results = write_reports(run_dir).results
        touch(run_dir)
        target = tmp_path / "lab.zip"
        make_bundle(run_dir, results, target, key=tmp_path / "k", certificate=tmp_path / "c.pem")
        return [one.file for one in verify(target, module_command=module_command).findings]

    @pytest.mark.parametrize("name", ["lab.json", "policy.toml"])
    def test_verdicts_without_the_record_are_told(self, run_dir: Path, tmp_path: Path, name: str) -> None:
        assert name in self.found(run_dir, tmp_path, lambda folder: (folder / name).unlink())

    def test_the_record_gives_the_verdicts(self, run_dir: Path, tmp_path: Path) -> None:
        assert self.found(run_dir, tmp_path, untouched) == []

    def test_a_record_that_gives_others_is_told(self, run_dir: Path, tmp_path: Path) -> None:
        def empty(folder: Path) -> None:
            (folder / "lab.json").write_text('{"policy":"baseline"}', encoding="utf-8")

        assert set(self.found(run_dir, tmp_path, empty)) == {"lab.json", "topology.svg"}

    def test_another_policy_is_told(self, run_dir: Path, tmp_path: Path) -> None:
        def changed(folder: Path) -> None:
            path = folder / "policy.toml"
            path.write_text(path.read_text(encoding="utf-8") + "\n# x\n", encoding="utf-8")

        assert self.found(run_dir, tmp_path, changed) == ["lab.json"]

    def test_another_picture_is_told(self, run_dir: Path, tmp_path: Path) -> None:
        def changed(folder: Path) -> None:
            (folder / "topology.svg").write_bytes(b"<svg/>")

        assert "topology.svg" in self.found(run_dir, tmp_path, changed)


def failing() -> list[Event]:
    return stream(plan_of(planned()), {"AM-9.1-01a": Raw.NONCONFORMITY})


def untouched(_folder: Path) -> None:
    """Leaves the papers as they were printed."""


@pytest.mark.parametrize("name", ["manifest.json", "signer.pem", "events.ndjson", "results.json", "report.html"])
def test_a_file_whose_stream_is_spoiled_is_named_and_nothing_is_raised(bundle: Path, name: str) -> None:
    with zipfile.ZipFile(bundle) as before:
        info = before.getinfo(name)
    assert info.compress_type == zipfile.ZIP_DEFLATED
    data = bytearray(bundle.read_bytes())
    start = info.header_offset + 30 + len(name.encode())
    data[start : start + 8] = b"\xff" * 8
    bundle.write_bytes(data)
    found = verify(bundle)
    assert not found.intact
    assert found.findings
    told = {one.file for one in found.findings}
    assert told & ({name, SIGNATURE} if name == "signer.pem" else {name})


def patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """``data`` with ``value`` in the first entry that begins with ``mark`` (local or central header)."""
    at = data.index(mark) + offset
    return data[:at] + value + data[at + len(value) :]


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _data: b"",
    "no zip": lambda _data: b"%PDF-1.7",
    "cut short": lambda data: data[: len(data) // 2],
    "only the end": lambda data: data[data.rindex(b"PK\x05\x06") :],
    "encrypted": lambda data: patched(data, CENTRAL, 8, b"\x01\x00"),
    "strongly encrypted": lambda data: patched(data, CENTRAL, 8, b"\x41\x00"),
    "patched data": lambda data: patched(data, CENTRAL, 8, b"\x20\x00"),
    "bzip2": lambda data: patched(data, CENTRAL, 10, b"\x0c\x00"),
    "lzma": lambda data: patched(data, CENTRAL, 10, b"\x0e\x00"),
    "unknown method": lambda data: patched(data, CENTRAL, 10, b"\x63\x00"),
    "ZIP of the future": lambda data: patched(data, CENTRAL, 6, b"\xff\x00"),
    "name that is no text": lambda data: patched(patched(data, CENTRAL, 8, b"\x00\x08"), CENTRAL, 46, b"\xff"),
    "another name inside": lambda data: patched(data, LOCAL, 30, b"M"),
    "no header": lambda data: patched(data, LOCAL, 0, b"XXXX"),
    "offset outside": lambda data: patched(data, CENTRAL, 42, b"\xf0\xff\xff\x7f"),
    "wrong checksum": lambda data: patched(data, CENTRAL, 16, b"\x00\x00\x00\x00"),
    "wrong size": lambda data: patched(data, CENTRAL, 24, b"\x01\x00\x00\x00"),
    "huge size": lambda data: patched(data, CENTRAL, 24, b"\xff\xff\xff\xfe"),
}


@pytest.mark.parametrize("kind", SPOILS)
def test_a_spoiled_bundle_of_every_kind_is_told_and_nothing_is_raised(bundle: Path, kind: str) -> None:
    bundle.write_bytes(SPOILS[kind](bundle.read_bytes()))
    found = verify(bundle)
    assert not found.intact
    assert found.findings
    assert "/" not in found.findings[0].file


def test_bundles_spoiled_at_random_are_told_or_hold_what_they_held(bundle: Path) -> None:
    """Bytes that no reader looks at (dates, comments) may differ; then every file is still what it was."""
    whole, random = bundle.read_bytes(), Random(5)  # noqa: S311
    with zipfile.ZipFile(bundle) as zipped:
        before = {name: zipped.read(name) for name in zipped.namelist()}
    central = whole.index(CENTRAL)
    told = 0
    for number in range(240):
        data = bytearray(whole)
        first = central if number % 2 else 0
        for _ in range(random.randint(1, 4)):
            data[random.randrange(first, len(data))] = random.randrange(256)
        bundle.write_bytes(data if number % 3 else data[: random.randrange(len(data))])
        found = verify(bundle)
        told += not found.intact
        if found.intact:
            with zipfile.ZipFile(bundle) as zipped:
                assert {name: zipped.read(name) for name in zipped.namelist()} == before
    assert told > 120


@pytest.mark.parametrize("error", [RuntimeError, ValueError, OSError, KeyError])
@pytest.mark.parametrize("place", ["fold", "forged", "unmet", "_files"])
def test_a_mistake_of_ours_is_not_called_tampering(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    def broken(*_: object) -> None:
        raise error("our own bug")

    monkeypatch.setattr(f"conformance.evidence.verify.{place}", broken)
    with pytest.raises(error, match="our own bug"):
        verify(bundle)
    if place == "forged":  # this plan is none of the suite's: the command stops before it prints again
        return
    monkeypatch.setattr("sys.argv", ["shinsei", "report", "verify", str(bundle)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == Exit.HARNESS


def test_tampering_is_exit_1_also_when_the_file_is_no_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["shinsei", "report", "verify", str(bundle)])
    for kind in ("empty", "encrypted", "bzip2", "offset outside", "wrong checksum"):
        whole = bundle.read_bytes()
        bundle.write_bytes(SPOILS[kind](whole))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == Exit.NOT_CONFORMANT, kind
        bundle.write_bytes(whole)


@pytest.mark.parametrize("name", [one for one in RUNS if one != "trouble"])
def test_names_and_manifest(name: str, tmp_path: Path) -> None:
    """What stands in a bundle of failures, errors, 未検証, 要確認, of a run that was cut short, under the manifest's words."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_events(folder / "events.ndjson", RUNS[name]())
    results = write_reports(folder).results
    make_bundle(folder, results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c.pem")
    with zipfile.ZipFile(tmp_path / "b.zip") as packed:
        names, manifest = packed.namelist(), json.loads(packed.read(MANIFEST))
        signature = packed.read(SIGNATURE)
    for one in manifest["files"]:
        assert len(one.pop("sha256")) == 64
        assert one.pop("size") > 0
    manifest["files"] = [one["name"] for one in manifest["files"]]
    assert set(names) - set(manifest["files"]) == {MANIFEST, SIGNATURE, "signer.pem"}
    assert datetime.fromisoformat(manifest.pop("made_at")).tzinfo
    assert len(signature) == 64
    assert manifest.pop("suite_sha256") == suite_digest()
    text = json.dumps({"names": sorted(names), "manifest": manifest}, ensure_ascii=False, indent=1)
    golden(f"bundle/{name}.json", text + "\n")


def test_a_run_without_a_plan_has_no_bundle(tmp_path: Path) -> None:
    write_events(tmp_path / "events.ndjson", RUNS["trouble"]())
    results = write_reports(tmp_path).results
    with pytest.raises(BundleProblem):
        make_bundle(tmp_path, results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c.pem")


@pytest.mark.parametrize("rejudged", [False, True])
def test_verify_says_what_it_does_not_show(bundle: Path, rejudged: bool) -> None:
    found = replace(verify(bundle), rejudged=rejudged)
    told = " ".join(how_far(found, rerun=False))
    for words in ("分からないこと: 記録そのものが本物かどうか", "強い確認は --rerun", "The strong check is --rerun"):
        assert words in told
    again = " ".join(how_far(found, rerun=True))
    assert "分からないこと" not in again
    assert "実施し直した判定と比べました" in again
