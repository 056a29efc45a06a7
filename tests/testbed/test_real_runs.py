"""The bundled product through the real command line: 適合, from anywhere, on any date, with nothing secret left behind."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import load_catalogue
from conformance.plan import Plan
from tests.foundation.wheels import Environment, build_wheel
from tests.testbed.cli_runs import environment, run_folder, shinsei
from tests.testbed.vendor_folder import hostile_shell, make_vendor_folder

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "vendors-control-token-42"
SECRETS = re.compile(
    rb"test-(?:download-secret|link-api-key|screen|(?:atena|handover)-api-key[.\w-]*)-(?:0000|[0-9a-f]{8})|reference-staff-0000|"
    + TOKEN.encode()
)


@dataclass(frozen=True)
class Run:
    """One run of the command line that ended."""

    code: int
    folder: Path
    data: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        return {one["id"]: one["verdict"] for one in self.data["checks"]}


def run_in(folder: Path, *words: str, env: dict[str, str] | None = None) -> Run:
    done = shinsei("check", "am", "--json", *words, cwd=folder, env=env)
    assert done.stdout.startswith("{"), done.stderr
    return Run(done.returncode, run_folder(folder / "out"), json.loads(done.stdout))


@pytest.fixture(scope="module")
def vendors_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole suite from a hostile folder and shell."""
    folder = make_vendor_folder(tmp_path_factory.mktemp("vendor") / "受託 会社")
    return run_in(folder, env={**hostile_shell(folder), "SHINSEI_REFERENCE_CONTROL_TOKEN": TOKEN})


@pytest.fixture(scope="module")
def dated_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole suite with another seed on a past date, its checks in two workers."""
    return run_in(tmp_path_factory.mktemp("dated"), "--seed", "7", "--date", "2026-01-15", "-n", "2")


@pytest.mark.slow
class TestVendorsFolder:
    def test_the_bundled_product_is_conformant(self, vendors_run: Run) -> None:
        assert vendors_run.data["troubles"] == []
        assert {name for name, verdict in vendors_run.verdicts.items() if verdict != "PASS"} == set()
        assert vendors_run.code == 0
        assert vendors_run.data["exit_code"] == 0
        assert [one["verdict"] for one in vendors_run.data["verdicts"].values()] == ["CONFORMANT", "CONFORMANT"]

    def test_every_check_of_the_catalogue_has_its_verdict(self, vendors_run: Run) -> None:
        assert list(vendors_run.verdicts) == list(load_catalogue("am").checks)
        assert vendors_run.data["foreign"] == []
        assert vendors_run.data["finished"] is True

    def test_reports_are_there_and_the_same(self, vendors_run: Run) -> None:
        folder = vendors_run.folder
        assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == vendors_run.data
        assert "適合" in (folder / "report.html").read_text(encoding="utf-8")
        assert (folder / "junit.xml").read_bytes().count(b"<testcase") == len(vendors_run.verdicts)

    def test_no_secret_is_left_in_any_file(self, vendors_run: Run) -> None:
        assert not (vendors_run.folder / "world.json").exists()
        login = base64.b64encode(b"shokuin:reference-staff-0000")
        for path in vendors_run.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not SECRETS.search(content), path.name
                assert login not in content, path.name
                assert not re.search(rb"(?i)bearer [A-Za-z0-9._-]{8}", content), path.name

    def test_what_may_be_private_is_its_owners_only(self, vendors_run: Run) -> None:
        for name in ("exchanges.jsonl", "bodies"):
            assert (vendors_run.folder / name).stat().st_mode & 0o077 == 0

    def test_the_report_can_be_made_again_by_anybody(self, vendors_run: Run) -> None:
        done = shinsei("report", "show", str(vendors_run.folder), "--json", cwd=vendors_run.folder.parent)
        assert done.returncode == 0
        assert json.loads(done.stdout) == vendors_run.data

    def test_a_run_installed_from_the_wheel_gives_the_same_verdict(self, vendors_run: Run, tmp_path: Path) -> None:
        """From a wheel in another environment, again in a hostile folder; one short round."""
        installed = Environment(tmp_path / "venv")
        installed.install(build_wheel(ROOT, tmp_path / "wheels"))
        folder = make_vendor_folder(tmp_path / "vendor")
        done = subprocess.run(
            [str(installed.shinsei), "check", "am", "-k", "AM-3.1-01", "--json"],
            cwd=folder,
            env={**environment(), **hostile_shell(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )
        assert done.returncode == 4, done.stderr
        data = json.loads(done.stdout)
        found = {one["id"]: one["verdict"] for one in data["checks"] if one["verdict"] != "UNVERIFIED"}
        assert found == {"AM-3.1-01a": vendors_run.verdicts["AM-3.1-01a"]}
        assert data["troubles"] == []


@pytest.mark.slow
class TestPastDate:
    def test_it_is_conformant_too(self, dated_run: Run) -> None:
        assert dated_run.data["troubles"] == []
        assert {name for name, verdict in dated_run.verdicts.items() if verdict != "PASS"} == set()
        assert dated_run.code == 0

    def test_its_plan_is_the_plan_of_that_seed_and_date(self, dated_run: Run, tmp_path: Path) -> None:
        plan = Plan.model_validate_json((dated_run.folder / "plan.json").read_text(encoding="utf-8"))
        assert (plan.seed, plan.reference_date) == (7, date(2026, 1, 15))
        again = world_of(tmp_path, "0", "UTC")["plan"]
        told_apart = ("run_id", "started_by", "product", "methods", "attestations", "requirements", "suite_sha256")
        ours = {key: value for key, value in plan.model_dump(mode="json").items() if key not in told_apart}
        assert {key: value for key, value in again.items() if key not in told_apart} == ours


WORLD = """\
import json, sys
from datetime import date
from pathlib import Path
sys.path.insert(0, {root!r})
from conformance.planner import make_plan
from fixtures.outline import WORLD_VERSION
from fixtures.world import World
from interface_spec.profile import load_profile
from tests.conformance.targets import GOOD, write_target
from conformance.target import load_target
reference = date(2026, 1, 15)
profile = load_profile("baseline")
target = load_target(write_target(Path.cwd(), GOOD))
plan = make_plan(run_id="r", target=target, profile=profile, world_version=WORLD_VERSION, reference_date=reference, today=reference)
world = World(seed=7, reference_date=reference, profile=profile)
names = sorted({{case for one in plan.rounds for case in one.cases}})
cases = {{name: [world.case(name).receipt_no, world.case(name).size, world.case(name).sha256] for name in names}}
print(json.dumps({{"plan": plan.model_dump(mode="json"), "cases": cases}}))
"""


def world_of(folder: Path, hash_seed: str, zone: str) -> dict[str, Any]:
    """Plan and cases of seed 7 on 2026-01-15, made in another process."""
    done = subprocess.run(
        [sys.executable, "-c", WORLD.format(root=str(ROOT))],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_processes_make_the_same_plan_and_the_same_packages(tmp_path: Path) -> None:
    places = [tmp_path / "a", tmp_path / "別の場所"]
    for place in places:
        place.mkdir()
    first, second = world_of(places[0], "1", "Asia/Tokyo"), world_of(places[1], "4242", "America/New_York")
    assert first["cases"] == second["cases"]
    assert len(first["cases"]) > 20
    assert first["plan"] == second["plan"]
