"""The tutorials, run as a new user runs them: every block of commands, in order, from an installed wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.foundation.wheels import ROOT, Environment, build_wheel

pytestmark = pytest.mark.long

TUTORIALS = ROOT / "docs" / "hajimete"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>exit|skip): (?P<value>.*?) -->\n)?^```sh\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
ROLES = ("am", "relay", "fw", "package")


@dataclass(frozen=True)
class Block:
    """Commands of one block and the exit code that the page promises for the last of them."""

    text: str
    code: int


def blocks(page: Path) -> list[Block]:
    """The blocks that a reader runs; those marked ``skip`` say why they are not run here."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if match["mark"] == "skip":
            assert match["value"], page.name
            continue
        found.append(Block(match["text"], int(match["value"] or 0)))
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtual environment with the wheel, nothing of the checkout in sight."""
    folder = tmp_path_factory.mktemp("installed")
    environment = Environment(folder / "venv")
    environment.install(build_wheel(ROOT, folder / "wheels"))
    return environment


def run_page(page: Path, environment: Environment, folder: Path) -> None:
    """One shell for the whole page, as a reader has it; each block's exit code is looked at."""
    lines = ["set -u"]
    for number, block in enumerate(blocks(page), 1):
        *first, last = block.text.strip().split("\n") if "<<" not in block.text else ["", block.text.strip()]
        lines += [f"{one} || {{ echo 'block {number}: $?' >&2; exit 99; }}" for one in first if one]
        lines += [last, "code=$?", f'[ "$code" -eq {block.code} ] || {{ echo "block {number}: $code" >&2; exit 98; }}']
    path = f"{environment.shinsei.parent}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("role", [*ROLES, "README"])
def test_every_command_of_a_page_ends_as_the_page_says(role: str, installed: Environment, tmp_path: Path) -> None:
    if role in ("relay", "fw"):
        assert shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"), "the lab's tools belong to CI"
    run_page(TUTORIALS / f"{role}.md", installed, tmp_path)


@pytest.mark.parametrize("role", ROLES)
def test_a_page_ends_with_evidence_and_an_english_summary(role: str) -> None:
    page = (TUTORIALS / f"{role}.md").read_text(encoding="utf-8")
    assert "shinsei report verify" in page
    assert "In English:" in page
    assert [block for block in blocks(TUTORIALS / f"{role}.md") if block.code in (1, 4)], "a mistake is shown too"
