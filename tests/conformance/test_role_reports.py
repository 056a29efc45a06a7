"""Reports of every role are complete: picture, assumptions, dialects and challenge in each format; packages as a run."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook
from rich.console import Console

from conformance.catalogue import load_catalogue
from conformance.evidence.bundle import make_bundle
from conformance.evidence.verify import verify
from conformance.package_run import judged, package_plan, write_run
from conformance.plan import Plan
from conformance.reporters.html import report_html
from conformance.reporters.pictures import PARTS, part_of, picture_of
from conformance.reporters.terminal import Progress
from conformance.reporters.write import write_reports
from conformance.results import Results, fold
from conformance.suites.package.findings import load_rules
from conformance.suites.package.validate import Validator
from conformance.verdicts import Exit, Raw, Verdict
from fixtures.world import World
from interface_spec.profile import load_profile
from tests.conformance.factory import plan_of, planned, stream, write_events
from tests.conformance.test_challenge import ISSUED
from tests.testbed.cli_runs import shinsei

DIALECT = "download: cursor-paging"


@pytest.mark.parametrize("role", ["relay", "package"])
def test_every_check_has_its_place_in_the_picture(role: str) -> None:
    names = list(load_rules()) if role == "package" else list(load_catalogue(role).checks)
    assert {name for name in names if not part_of(role, name)} == set()
    assert {part_of(role, name) for name in names} == set(PARTS[role])


def test_the_longest_prefix_wins() -> None:
    assert part_of("relay", "RLY-S62-02a") == "others"
    assert part_of("relay", "RLY-S62-02m") == "log"
    assert part_of("relay", "AM-3.1-01a") == ""


def test_a_part_takes_the_gravest_verdict_of_deciding_checks() -> None:
    plan = plan_of(
        planned("RLY-S62-02a", function=""),
        planned("RLY-S62-02b", function=""),
        planned("RLY-1.3-02a", function="", deciding=False),
    ).model_copy(update={"role": "relay"})
    results = fold(stream(plan, {"RLY-S62-02a": Raw.PASS, "RLY-1.3-02a": Raw.NONCONFORMITY}))
    assert picture_of("relay", results.checks) == {"others": "UNVERIFIED"}
    page = report_html(results)
    assert "連携サーバの中継と拒否の判定" in page


def spoken() -> Plan:
    plan = plan_of(planned("AM-9.1-01a"), planned("AM-9.5-10a", function="3.5", verdict="contract"))
    profile = plan.profile.model_copy(update={"dialects": (DIALECT,), "overlay": "our.toml"})
    return plan.model_copy(update={"profile": profile, "challenge": ISSUED, "suite_sha256": "cd" * 32})


def test_dialect_overlay_and_challenge_are_named_in_every_format(tmp_path: Path) -> None:
    events = stream(spoken(), {"AM-9.1-01a": Raw.PASS, "AM-9.5-10a": Raw.PASS})
    write_events(tmp_path / "events.ndjson", events)
    found = write_reports(tmp_path)
    screen = io.StringIO()
    progress = Progress(Console(file=screen, width=200))
    for event in events:
        progress(event)
    book = load_workbook(found.xlsx)
    texts = {
        "terminal": screen.getvalue(),
        "html": found.html.read_text(encoding="utf-8"),
        "english": (tmp_path / "report.en.html").read_text(encoding="utf-8"),
        "json": found.json.read_text(encoding="utf-8"),
        "junit": found.junit.read_text(encoding="utf-8"),
        "xlsx": "\n".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row),
    }
    for name, text in texts.items():
        for words in (DIALECT, "our.toml", ISSUED.nonce):
            assert words in text, (name, words)
    for path in (tmp_path / "papers").glob("*.html"):
        assert DIALECT in path.read_text(encoding="utf-8"), path.name


@pytest.fixture(scope="module")
def good() -> bytes:
    """A package as the portal writes it."""
    return World(seed=1, reference_date=date(2026, 1, 15)).case("k01-plain").zip_bytes


class TestPackage:
    def run_of(self, tmp_path: Path, packages: dict[str, bytes]) -> Results:
        profile = load_profile()
        files = []
        for name, data in packages.items():
            path = tmp_path / name
            path.write_bytes(data)
            files.append(judged(path, Validator(profile).validate_file(path)))
        plan = package_plan("20260115-package", profile, "", files, date(2026, 1, 15))
        write_run(plan, files, tmp_path / "run")
        return write_reports(tmp_path / "run").results

    def test_a_good_package_is_conformant_to_the_contract_only(self, tmp_path: Path, good: bytes) -> None:
        results = self.run_of(tmp_path, {"a.zip": good})
        assert results.exit() is Exit.CONFORMANT
        assert results.clause is None
        assert {one.planned.id for one in results.checks} == set(load_rules())
        assert {one.verdict for one in results.checks} == {Verdict.PASS}
        assert results.plan is not None
        assert results.plan.profile.assumptions
        assert {place.partition(".")[0] for place, _, _ in results.plan.profile.assumptions} <= {
            "package", "codes", "limits", "timings",
        }  # fmt: skip

    def test_what_was_not_read_is_unverified_and_never_kept(self, tmp_path: Path, good: bytes) -> None:
        results = self.run_of(tmp_path, {"a.zip": good, "b.zip": good[:-30]})
        verdicts = {one.planned.id: one.verdict for one in results.checks}
        assert verdicts["PKG-ZIP-END"] is Verdict.FAIL
        assert verdicts["PKG-NAME-PARENT"] is Verdict.PASS
        assert verdicts["PKG-DOC-SYNTAX"] is Verdict.UNVERIFIED
        assert verdicts["PKG-ZIP-CRC"] is Verdict.UNVERIFIED
        assert results.exit() is Exit.NOT_CONFORMANT
        page = report_html(results)
        assert "申請ZIPの部分ごとの判定" in page
        assert "shinsei validate b.zip" in page

    def test_its_bundle_is_verified_like_any_other(self, tmp_path: Path, good: bytes) -> None:
        results = self.run_of(tmp_path, {"a.zip": good})
        make_bundle(tmp_path / "run", results, tmp_path / "b.zip", key=tmp_path / "k", certificate=tmp_path / "c")
        assert verify(tmp_path / "b.zip").findings == ()

    def test_the_command_writes_the_reports(self, tmp_path: Path, good: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(good)
        done = shinsei("validate", "a.zip", "--report", "out", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["conforming"] is True
        (run,) = (tmp_path / "out").iterdir()
        assert {"report.html", "report.en.html", "results.json", "junit.xml", "tekigohyo.xlsx", "papers"} <= {
            path.name for path in run.iterdir()
        }
        (tmp_path / "file").write_text("", encoding="utf-8")
        refused = shinsei("validate", "a.zip", "--report", "file", cwd=tmp_path)
        assert (refused.returncode, "--report" in refused.stderr) == (2, True)
