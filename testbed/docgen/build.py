"""All reference pages: making them, writing them, finding stale ones, finding the page of a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shinsei_testbed import lib_dir
from testbed.docgen import checks, commands, mutants, settings, verdicts
from testbed.docgen.model import MARK, Entry
from testbed.generated import Generated

REMAKE = "shinsei docs build"
INDEX = """\
# 早見表 / Reference

{mark}

検査・変異体・擾乱・判定・終了コード・設定・コマンドの一つずつに、一つのページがあります。端末では `shinsei explain 名前` で読めます。
One page for each check, mutant, fault, verdict, exit code, setting and command; `shinsei explain NAME` shows it on the terminal.

{kinds}
"""
KINDS = {
    checks.KIND: "検査 / checks",
    mutants.KIND: "変異体（試験そのものの試験） / mutants",
    mutants.FAULT_KIND: "擾乱 / faults",
    verdicts.KIND: "判定 / verdicts",
    verdicts.EXIT_KIND: "終了コード / exit codes",
    settings.KIND: "設定 / settings",
    commands.KIND: "コマンド / commands",
}


def folder() -> Path:
    """Where the committed pages stand in a checkout."""
    return lib_dir() / "docs" / "reference"


def entries() -> Iterator[Entry]:
    """Every page but the indexes."""
    yield from checks.pages()
    yield from mutants.pages()
    yield from mutants.fault_pages()
    yield from verdicts.pages()
    yield from verdicts.exit_pages()
    yield from settings.pages()
    yield from commands.pages()


def generate() -> dict[str, str]:
    """Path below the folder → text. ValueError when two pages would have one name."""
    files: dict[str, str] = {}
    for one in entries():
        if one.file in files:
            raise ValueError(f"{one.file}: two pages of one name")
        files[one.file] = one.text()
    indexes = {
        checks.KIND: checks.index(),
        mutants.KIND: mutants.index(),
        mutants.FAULT_KIND: mutants.fault_index(),
        verdicts.KIND: verdicts.index(),
        verdicts.EXIT_KIND: verdicts.exit_index(),
        settings.KIND: settings.index(),
        commands.KIND: commands.index(),
    }
    for kind, text in indexes.items():
        files[f"{kind}/README.md"] = f"{text}\n\n{MARK}\n"
    kinds = "\n".join(f"- [{words}]({kind}/README.md)" for kind, words in KINDS.items())
    files["README.md"] = INDEX.format(mark=MARK, kinds=kinds)
    return files


def made() -> Generated:
    """Every page and index."""
    return Generated(generate(), _is_ours)


def _is_ours(path: Path) -> bool:
    return path.suffix == ".md" and MARK in path.read_text(encoding="utf-8", errors="replace")


def explain(word: str) -> list[Entry]:
    """The pages about ``word``: by its exact name, then by the end of it (``overlay`` → ``target.profile.overlay``)."""
    every = list(entries())
    wanted = word.strip().lower()
    exact = [one for one in every if wanted in (one.name.lower(), one.name.partition("-")[2].lower())]
    if exact:
        return exact
    return [one for one in every if one.name.lower().endswith(f".{wanted}") or one.ja == word.strip()]
