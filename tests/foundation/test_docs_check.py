"""`make docs-check` and `make help`: mistakes in documents are found, and every target is explained."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.foundation.wheels import ROOT
from tools import docs_check

ADR = "# 0001\n\n## English summary\nx\n"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "README.md").write_text("# 題名 `x`\n[a](docs/adr/0001-a.md) [b](#題名-x) [c](https://example.jp/)\n")
    (tmp_path / "CONTRIBUTING.md").write_text("```\n[not](a-link)\n```\n`[nor](this)`\n")
    (tmp_path / "docs" / "adr" / "0001-a.md").write_text(ADR)
    (tmp_path / "changelog.d" / "a.added.md").write_text("増えました。\nAdded.\n")
    (tmp_path / "changelog.d" / "b.fixed.md").write_text("直りました。 / Fixed.\n")
    return tmp_path


def test_documents_in_form_have_no_findings(documents: Path) -> None:
    assert list(docs_check.findings(documents)) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("docs/a.md", "[x](gone.md)", "リンク切れ"),
        ("docs/a.md", "[x](../../outside.md)", "リンク切れ"),
        ("docs/a.md", "[x](../README.md#見出し)", "見出しがありません"),
        ("docs/adr/0001-b.md", ADR, "番号が 0001-a.md と重複"),
        ("docs/adr/0002-b.md", "# 0002\n", "英語の要約がありません"),
        ("docs/adr/second.md", ADR, "ADR の名前"),
        ("changelog.d/a.removed.md", "消えました。\nGone.\n", "misnamed fragment"),
        ("changelog.d/c.added.md", "Added.\n増えました。\n", "日本語、次に英語"),
        ("changelog.d/c.added.md", "増えました。\n", "日本語、次に英語"),
    ],
)
def test_each_mistake_is_one_finding(documents: Path, name: str, text: str, said: str) -> None:
    (documents / name).write_text(text, encoding="utf-8")
    (finding,) = docs_check.findings(documents)
    assert said in finding


def test_every_make_target_is_explained_in_both_languages() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    shown = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True)
    lines = shown.stdout.splitlines()
    assert [line.split()[1] for line in lines] == phony.group(1).split()
    assert all(" / " in line for line in lines)
