"""Reports: the size of a full `am` run's bundle, and how long a browser takes to open a report of 200 checks.

The browser's time is that of a fresh headless Chromium from its start to the loaded page, so it holds the start of the
browser too; an empty page opened in turn with it says how much of it that is.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.measure import Result, alternating
from conformance.catalogue import load_catalogue
from conformance.events import CheckEnded, Event, Evidence, FoundThis, RunFinished, RunStarted
from conformance.plan import Plan, PlannedCheck, PlannedRequirement, ProfileNote
from conformance.reporters.html import report_html
from conformance.results import fold
from conformance.verdicts import Raw
from interface_spec.profile import load_profile
from interface_spec.requirements import load_requirements
from shinsei_testbed import module_command

BUNDLE_GOAL = 20_000_000
OPEN_GOAL = 2.0
CHECKS = 200
EXCHANGES = 3
BODY = 3000
AT = datetime(2026, 1, 15, tzinfo=UTC)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def run() -> list[Result]:
    """Both measurements."""
    with tempfile.TemporaryDirectory() as folder:
        return [_bundle(Path(folder)), *_opening(Path(folder))]


def _bundle(folder: Path) -> Result:
    """One whole run of the bundled product, packed as a user packs it."""
    subprocess.run(
        module_command("testbed.cli.run", "check", "am", "--out", "out"), cwd=folder, check=True, capture_output=True
    )
    (run_dir,) = (folder / "out").iterdir()
    words = ("report", "bundle", str(run_dir), "--out", "bundle.zip")
    subprocess.run(module_command("testbed.cli.run", *words), cwd=folder, check=True, capture_output=True)
    size = (folder / "bundle.zip").stat().st_size
    return Result(
        name="bundle",
        ja="証跡の大きさ（役割 am の全実施）",
        value=size / 1e6,
        unit="MB",
        bound=BUNDLE_GOAL / 1e6,
        bound_ja="上限（MB）",
        ratio=size / BUNDLE_GOAL,
        goal="≤ 1",
        met=size <= BUNDLE_GOAL,
    )


def _opening(folder: Path) -> list[Result]:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("chromium: ありません（apt-get install chromium） / no Chromium to open the report with")
    report, empty = folder / "report.html", folder / "empty.html"
    report.write_text(report_html(fold(_events())), encoding="utf-8")
    empty.write_text("<!DOCTYPE html><title>x</title><p>x</p>", encoding="utf-8")

    def opened(page: Path) -> None:
        words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        done = subprocess.run(
            [browser, *words, "--dump-dom", page.as_uri()], check=True, capture_output=True, timeout=60
        )
        assert done.stdout.rstrip().endswith(b"</html>")

    opened(empty)  # the first start of a browser makes its profile
    took, nothing = alternating(lambda: opened(report), lambda: opened(empty), 5)
    size = report.stat().st_size / 1e6
    return [
        Result(
            name="report-opens",
            ja=f"報告書（検査 {CHECKS} 件、{size:.1f} MB）をブラウザーで開くまで（空のページは {nothing:.2g} 秒）",
            value=took,
            unit="秒",
            bound=OPEN_GOAL,
            bound_ja="上限（秒）",
            ratio=took / OPEN_GOAL,
            goal="≤ 1",
            met=took <= OPEN_GOAL,
        ),
    ]


def _events() -> list[Event]:
    """A run of 200 checks of which every second one failed with its exchanges, under the real catalogue's words."""
    catalogue, requirements, profile = load_catalogue("am"), load_requirements(), load_profile()
    known = list(catalogue.checks.values())
    checks = []
    for number in range(CHECKS):
        one = known[number % len(known)]
        requirement = requirements[one.requirement]
        checks.append(
            PlannedCheck(
                id=f"{one.id}{number}",
                ja=one.ja,
                en=one.en,
                requirement=requirement.id,
                also=(),
                mandatory=True,
                deciding=True,
                verdict=requirement.verdict,
                headline=requirement.headline,
                function=requirement.function,
                round="none",
                cases=one.cases,
                procedures=("K01",),
                status="run",
            )
        )
    cited = {one.requirement for one in checks}
    plan = Plan(
        run_id="20260115-000000-am-0000",
        role="am",
        suite_version="0",
        world_version="0",
        seed=1,
        reference_date=date(2026, 1, 15),
        adapter="http",
        product={"name": "製品", "version": "1", "vendor": "製造者"},
        profile=ProfileNote(
            id=profile.profile.id,
            edition=profile.profile.edition,
            ja=profile.profile.ja,
            en=profile.profile.en,
            assumptions=tuple((one.place, one.what, one.provenance) for one in profile.assumptions()),
        ),
        deciding_sets=("tejunsho-1.0",),
        requirements={
            name: PlannedRequirement(
                **{key: getattr(requirements[name], key) for key in PlannedRequirement.model_fields}
            )
            for name in cited
        },
        checks=tuple(checks),
        attestations=(),
        rounds=(),
    )
    events: list[Event] = [RunStarted(at=AT, plan=plan)]
    for number, planned in enumerate(checks):
        raw, finding = (Raw.NONCONFORMITY, _finding()) if number % 2 else (Raw.PASS, None)
        events.append(CheckEnded(at=AT, check=planned.id, phase="call", raw=raw, seconds=0.1, finding=finding))
    return [*events, RunFinished(at=AT, seconds=10)]


def _finding() -> FoundThis:
    exchange = Evidence(
        seq=1,
        at=AT.isoformat(),
        system="download",
        operation="list",
        peer="127.0.30.1",
        request="GET /申請?page=1\nauthorization: Bearer ［秘匿］",
        response="200\n\n" + "受付番号 " * (BODY // 5),
    )
    return FoundThis(
        ja="一覧に二度現れる申請が二度格納されている",
        en="stored twice",
        case="k01-plain",
        expected="1",
        actual="2",
        evidence=[exchange] * EXCHANGES,
    )
