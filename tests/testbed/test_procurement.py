"""What a municipality takes over: the CI templates do what they say, the wording names what it must and nothing it must not."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from conformance.evidence.verify import verify
from fixtures.world import World
from interface_spec.requirements import load_requirements
from testbed.docgen.commands import commands
from tests.foundation.wheels import ROOT, Environment
from tests.testbed.cli_runs import fake_target

CI = ROOT / "docs" / "ci"
WORDING = (ROOT / "docs" / "chotatsu.md").read_text(encoding="utf-8")
CITE = (ROOT / "docs" / "inyo.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`shinsei` on the path, as CI installs it."""
    environment = Environment(tmp_path_factory.mktemp("ci") / "venv")
    environment.install_editable(ROOT)
    return environment


def run_sh(installed: Environment, folder: Path, extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """``docs/ci/run.sh`` as a CI calls it."""
    path = f"{installed.shinsei.parent}:{os.environ.get('PATH', os.defpath)}"
    return subprocess.run(
        [str(CI / "run.sh")],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


class TestShell:
    @pytest.mark.parametrize(("cut", "code"), [(0, 0), (700, 1)])
    def test_packages_pass_or_stop_and_leave_evidence(
        self, cut: int, code: int, installed: Environment, tmp_path: Path
    ) -> None:
        data = World(seed=1, reference_date=date(2026, 1, 15)).case("k01-plain").zip_bytes
        (tmp_path / "a.zip").write_bytes(data[: len(data) - cut])
        done = run_sh(installed, tmp_path, {"ROLE": "package", "PACKAGES": "a.zip"})
        assert done.returncode == code, done.stderr
        found = verify(tmp_path / "shinsei-out" / "evidence.zip", tmp_path / "shinsei-signer.pem")
        assert (found.intact, found.trusted) == (True, True)
        assert found.manifest is not None
        assert found.manifest.exit_code == code

    @pytest.mark.slow
    def test_a_product_that_has_nothing_stops_the_pipeline(self, installed: Environment, tmp_path: Path) -> None:
        fake_target(tmp_path, "empty")
        done = run_sh(installed, tmp_path, {"ROLE": "am", "FAKE_TOKEN": "fake-control-token-77", "OUT": "o u t"})
        assert done.returncode in (1, 4), done.stdout + done.stderr
        found = verify(tmp_path / "o u t" / "evidence.zip")
        assert found.intact
        assert found.manifest is not None
        assert found.manifest.exit_code == done.returncode

    @pytest.mark.parametrize(
        "extra",
        [
            {"ROLE": "am", "TARGET": "none.toml"},
            {"ROLE": "nobody"},
            {"ROLE": "package", "PACKAGES": "none.zip"},
            {"ROLE": "relay", "TARGET": "none.toml"},
        ],
    )
    def test_a_mistake_of_configuration_stops_with_2(
        self, extra: dict[str, str], installed: Environment, tmp_path: Path
    ) -> None:
        assert run_sh(installed, tmp_path, extra).returncode == 2


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_a_template_calls_the_shell_and_keeps_the_evidence_of_a_failed_run(name: str) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    assert "./run.sh" in text
    assert "|| true" not in text
    assert "continue-on-error" not in text
    assert "allow_failure" not in text
    assert re.search(r"if: always\(\)|when: always", text)
    assert "shinsei-out/" in text
    assert not re.search(r"(TOKEN|SECRET|KEY): *[\"']?[A-Za-z0-9]", text), "a secret in the file"


def quoted() -> str:
    """What is meant to be pasted."""
    return "\n".join(line for line in WORDING.splitlines() if line.startswith("> "))


def test_the_wording_names_role_edition_clause_verdict_and_the_municipalitys_own_overlay() -> None:
    text = quoted()
    for words in ("役割 `am`", "`relay`", "`fw`", "`package`", "`tejunsho-1.0`", "5章③", "3章3.2", "手順書適合", "契約適合", "上書きプロファイル", "チャレンジ"):  # fmt: skip
        assert words in text, f"missing: {words}"
    assert {one.set for one in load_requirements().values()} >= {"tejunsho-1.0"}


def test_nothing_to_paste_asks_for_our_mock_contract_or_speaks_of_subsidies() -> None:
    for words in ("baseline", "模擬契約", "補助", "robustness"):
        assert words not in quoted()


def test_the_page_on_documents_names_the_three_in_their_order() -> None:
    names = (
        "自治体の行政手続のオンライン化に係る手順書",
        "申請管理システム等の構築に関する標準仕様書",
        "共通機能標準仕様書",
    )
    rows = [line for line in CITE.splitlines() if re.match(r"\| [123] \|", line)]
    assert all(name in row for row, name in zip(rows, names, strict=True))


def test_commands_in_these_pages_exist() -> None:
    known = {path for path, _ in commands()}
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "hajimete").glob("*.md")), CI / "run.sh"]  # fmt: skip
    for page in pages:
        for words in re.findall(
            r"(?:^|`|/)shinsei ((?:[a-z]+)(?: [a-z]+)?)", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            first = words.split()[0]
            assert words in known or first in known, f"{page.name}: shinsei {words}"
