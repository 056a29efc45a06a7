"""The reference pages: complete, fresh, explained; a missing or stale page is told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue, roles_with_suite
from conformance.suites.package.findings import load_rules
from conformance.verdicts import Exit, RunVerdict, Verdict
from mock_services.fault_kinds import FAULTS
from reference_impl.shinsei_kanri.settings import NAMES
from testbed.cli.app import app
from testbed.docgen import build
from testbed.docgen.model import MARK, slug
from testbed.docgen.settings import settings, unexplained
from testbed.docgen.words import words
from testbed.mutants.package import MUTANTS as PACKAGE_MUTANTS
from testbed.mutants.registry import rows_of
from tests.testbed.cli_runs import shinsei

FILES = build.generate()
WANTED: dict[str, set[str]] = {
    "checks": {check for role in roles_with_suite() for check in load_catalogue(role).checks} | set(load_rules()),
    "mutants": {row.name for role in roles_with_suite() for row in rows_of(role)}
    | {one.name for one in PACKAGE_MUTANTS},
    "faults": set(FAULTS),
    "verdicts": {f"check-{one.value}" for one in Verdict} | {f"run-{one.value}" for one in RunVerdict},
    "exit-codes": {str(int(one)) for one in Exit},
    "settings": {f"SHINSEI_AM_{name}" for name in NAMES} | {f"{one.file}.{one.name}" for one in settings()},
}


def test_the_committed_pages_are_fresh() -> None:
    assert build.made().stale(build.folder()) == [], f"run {build.REMAKE}"


@pytest.mark.parametrize("kind", WANTED)
def test_everything_has_its_page_and_its_line_in_the_list(kind: str) -> None:
    index = FILES[f"{kind}/README.md"]
    assert len(WANTED[kind]) >= 5
    for name in WANTED[kind]:
        file = f"{slug(name)}.md"
        assert f"]({file})" in index, name
        page = FILES[f"{kind}/{file}"]
        assert page.startswith("# ")
        assert len(page.replace(MARK, "")) > len(name) + 20, f"{name}: an empty page"


def test_every_command_has_its_page_with_every_option() -> None:
    """Taken from the registered functions, not from the generator's own walk."""
    direct = {one.name or (one.callback.__name__ if one.callback else "") for one in app.registered_commands}
    groups = {
        f"{group.name} {one.name}"
        for group in app.registered_groups
        if group.typer_instance
        for one in group.typer_instance.registered_commands
    }
    assert len(direct | groups) >= 30
    for name in direct | groups:
        assert f"commands/{slug(f'shinsei {name}')}.md" in FILES, name
    page = FILES["commands/shinsei-check.md"]
    for option in ("--target", "--challenge", "--lf", "--gate-waived", "-k", "--no-such"):
        assert (f"`{option}`" in page) == (option != "--no-such"), option


def test_no_setting_is_unexplained_and_no_explanation_is_left_over() -> None:
    assert unexplained() == []
    known = {(one.file, one.name) for one in settings()}
    for file, table in words()["setting"].items():
        for name in table:
            assert (file, name) in known, f"words.toml [setting.{file}] {name}"


def test_a_check_shows_clause_cases_mutants_and_command() -> None:
    page = FILES["checks/AM-3.3-01b.md"]
    for text in ("AM-3.3-01", "手順書", "serial-wins", "shinsei check am -k AM-3.3-01b", "## ラウンド", "## 事例"):
        assert text in page, text
    assert "AM-3.3-01b" in FILES["mutants/serial-wins.md"]


def test_links_between_the_pages_lead_somewhere() -> None:
    for name, text in FILES.items():
        for target in re.findall(r"(?<!\\)\]\(([^)]+\.md)\)", text):
            parts = [*name.split("/")[:-1]]
            for part in target.split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in FILES, f"{name} -> {target}"


def test_the_same_pages_every_time() -> None:
    assert build.generate() == FILES


class TestStale:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        shutil.copytree(build.folder(), tmp_path / "reference")
        return tmp_path / "reference"

    def test_missing_changed_and_left_over_pages_are_told_and_mended(self, copy: Path) -> None:
        (copy / "checks" / "AM-3.1-01a.md").unlink()
        (copy / "exit-codes" / "4.md").write_text("x", encoding="utf-8")
        (copy / "faults" / "gone.md").write_text(MARK, encoding="utf-8")
        (copy / "faults" / "notes-of-somebody.md").write_text("ours", encoding="utf-8")
        told = build.made().stale(copy)
        assert [one.partition(":")[0] for one in told] == ["checks/AM-3.1-01a.md", "exit-codes/4.md", "faults/gone.md"]
        assert build.made().write(copy) == 3
        assert build.made().stale(copy) == []
        assert (copy / "faults" / "notes-of-somebody.md").is_file()

    def test_the_command_tells_by_its_exit_code(self, copy: Path) -> None:
        fresh = shinsei("docs", "build", "--check", "--out", str(copy), cwd=copy)
        assert fresh.returncode == 0, fresh.stderr
        (copy / "README.md").unlink()
        done = shinsei("docs", "build", "--check", "--out", str(copy), cwd=copy)
        assert (done.returncode, "README.md" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("AM-3.1-01a", "連携サーバを経由する"),
        ("serial-wins", "AM-3.3-01b"),
        ("未検証", "未完了"),
        ("4", "未完了"),
        ("profile.overlay", "上書きファイル"),
        ("shinsei report verify", "--rerun"),
        ("proxy-down", "連携サーバ"),
    ],
)
def test_explain_shows_the_page(word: str, said: str, tmp_path: Path) -> None:
    done = shinsei("explain", word, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_explain_of_nothing_is_one_sentence(tmp_path: Path) -> None:
    done = shinsei("explain", "no-such-thing", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
