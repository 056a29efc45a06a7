"""The CI templates against the published schemas, and their own steps through bash: the exit code and what is kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from conformance.evidence.verify import verify
from fixtures.world import World
from tests.foundation.wheels import ROOT, Environment
from tests.testbed.cli_runs import SECRET, fake_target

CI = ROOT / "docs" / "ci"
SCHEMAS = {
    "github-actions.yml": ("--builtin-schema", "vendor.github-workflows"),
    "gitlab-ci.yml": ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}
SECRET_OF_THE_CI = re.compile(r"\$\{\{ *secrets\.([A-Z_]+) *\}\}")


def schema_says(name: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The published schema's opinion of a template (offline: the schemas come with the tool)."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[name], str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_template_is_of_the_published_form(name: str, tmp_path: Path) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    done = schema_says(name, text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = text.replace("runs-on:", "runs-at:").replace("when: always", "when: whenever")
    assert broken != text
    assert schema_says(name, broken, tmp_path).returncode == 1


@dataclass(frozen=True)
class Pipeline:
    """What a template makes a runner do. ``kept``: the places whose files outlive the job, whatever its end."""

    scripts: tuple[str, ...]
    env: dict[str, str]
    kept: tuple[str, ...]
    junit: str = ""


def github() -> Pipeline:
    job = _yaml("github-actions.yml")["jobs"]["conformance"]
    steps: list[dict[str, Any]] = job["steps"]
    env = {name: value for one in steps for name, value in one.get("env", {}).items()}
    uploads = [one for one in steps if str(one.get("uses", "")).startswith("actions/upload-artifact@")]
    assert all(one["if"] == "always()" for one in uploads)
    kept = tuple(one["with"]["path"] for one in uploads)
    return Pipeline(tuple(one["run"] for one in steps if "run" in one), env, kept)


def gitlab() -> Pipeline:
    job = _yaml("gitlab-ci.yml")["shinsei-conformance"]
    artifacts = job["artifacts"]
    assert artifacts["when"] == "always"
    script = "\n".join(job["script"])  # one shell for all lines, it ends at the first that fails
    return Pipeline((script,), dict(job["variables"]), tuple(artifacts["paths"]), artifacts["reports"]["junit"])


def _yaml(name: str) -> Any:
    return YAML(typ="safe").load((CI / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("ci") / "venv")
    environment.install_editable(ROOT)
    return environment


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A vendor's repository as the templates expect it; `pip` notes what it is asked for, as the suite is there already."""
    shutil.copy(CI / "run.sh", tmp_path / "run.sh")
    tools = tmp_path / "tools"
    tools.mkdir()
    for path, text in (
        (tools / "pip", '#!/bin/sh\necho "$@" > pip.log\n'),
        (tmp_path / "start-product-for-test.sh", "#!/bin/sh\necho started > started.log\n"),
    ):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


def carry_out(
    pipeline: Pipeline, installed: Environment, folder: Path, secrets: Mapping[str, str], extra: Mapping[str, str]
) -> int:
    """The exit code of the job: its scripts in order, ``bash -e`` as both runners do, the first failure ends it."""
    path = f"{folder / 'tools'}:{installed.shinsei.parent}:{os.environ.get('PATH', os.defpath)}"
    env = {name: SECRET_OF_THE_CI.sub(lambda found: secrets[found[1]], value) for name, value in pipeline.env.items()}
    for script in pipeline.scripts:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=folder,
            env={"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", **env, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            return done.returncode
    return 0


def is_kept(pipeline: Pipeline, folder: Path, code: int) -> None:
    """The places that the template keeps hold a sound bundle with that exit code, and the JUnit file that it names."""
    (kept,) = pipeline.kept
    found = verify(folder / kept / "evidence.zip")
    assert found.intact
    assert found.manifest is not None
    assert found.manifest.exit_code == code
    assert list(folder.glob(pipeline.junit or f"{kept}*/junit.xml"))


@pytest.mark.parametrize("pipeline", [github(), gitlab()], ids=["github", "gitlab"])
@pytest.mark.parametrize(("cut", "code"), [(0, 0), (700, 1)])
def test_the_steps_pass_or_stop_and_keep_the_evidence(
    pipeline: Pipeline, cut: int, code: int, installed: Environment, place: Path
) -> None:
    data = World(seed=1, reference_date=date(2026, 1, 15)).case("k01-plain").zip_bytes
    (place / "a.zip").write_bytes(data[: len(data) - cut])
    extra = {"ROLE": "package", "PACKAGES": "a.zip"}
    assert carry_out(pipeline, installed, place, {"AM_CONTROL_TOKEN": "x"}, extra) == code
    assert re.search(r"shinsei_testbed-[0-9.]+-py3", (place / "pip.log").read_text(encoding="utf-8"))
    assert (place / "started.log").is_file()
    is_kept(pipeline, place, code)


@pytest.mark.long
@pytest.mark.parametrize("pipeline", [github(), gitlab()], ids=["github", "gitlab"])
def test_a_product_that_does_not_conform_fails_the_job_as_the_template_stands(
    pipeline: Pipeline, installed: Environment, place: Path
) -> None:
    fake_target(place, "empty")
    code = carry_out(pipeline, installed, place, {"AM_CONTROL_TOKEN": "x"}, {"FAKE_TOKEN": SECRET})
    assert code == 1
    is_kept(pipeline, place, code)


def test_a_challenge_goes_with_packages_too(installed: Environment, place: Path) -> None:
    data = World(seed=1, reference_date=date(2026, 1, 15)).case("k01-plain").zip_bytes
    (place / "a.zip").write_bytes(data)
    subprocess.run([str(installed.shinsei), "challenge", "package", "--issuer", "〇〇市"], cwd=place, check=True)
    extra = {"ROLE": "package", "PACKAGES": "a.zip", "CHALLENGE": "challenge.json"}
    assert carry_out(gitlab(), installed, place, {"AM_CONTROL_TOKEN": "x"}, extra) == 0
    found = verify(place / "shinsei-out" / "evidence.zip")
    assert found.results is not None
    assert found.results.plan is not None
    assert found.results.plan.challenge is not None
