"""Writes the papers of a run beside its reports, in ``papers/``: HTML in Japanese and English, XLSX in Japanese."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conformance.messages import Lang
from conformance.reporters.papers.cleanup import cleanup_paper
from conformance.reporters.papers.connection import connection_paper
from conformance.reporters.papers.connection_file import load_connections
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.model import Paper
from conformance.reporters.papers.seiseki import NAME as CERTIFICATE
from conformance.reporters.papers.seiseki import seiseki_paper, what_is_open
from conformance.reporters.papers.xlsx import write_paper_xlsx
from conformance.results import Results

FOLDER = "papers"
CONNECTIONS = "setsuzoku.toml"
"""The municipality's own entries, kept beside the paper that shows them."""


def write_paper(make: Callable[[Lang], Paper], folder: Path) -> list[Path]:
    """One paper as ``NAME.html``, ``NAME.en.html`` and ``NAME.xlsx``; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    paper, english = make("ja"), make("en")
    files = [folder / f"{paper.name}{tail}" for tail in (".html", ".en.html", ".xlsx")]
    files[0].write_text(paper_html(paper), encoding="utf-8")
    files[1].write_text(paper_html(english), encoding="utf-8")
    write_paper_xlsx(paper, files[2])
    return files


def write_papers(results: Results, run_dir: Path) -> list[Path]:
    """Every paper that the run allows; a 試験成績書 of an earlier reading goes when something is open now.

    The municipality's entries (`keep_connections`) go into 手続の接続状況. Raises ConnectionFileError.
    """
    plan, folder = results.plan, run_dir / FOLDER
    if plan is None:
        return []
    declared = load_connections(folder / CONNECTIONS) if (folder / CONNECTIONS).is_file() else {}
    written = write_paper(lambda lang: cleanup_paper(plan, results, lang), folder)
    written += write_paper(lambda lang: connection_paper(plan, results, lang, declared), folder)
    if not what_is_open(results):
        return written + write_paper(lambda lang: seiseki_paper(plan, results, lang), folder)
    for tail in (".html", ".en.html", ".xlsx"):
        (folder / f"{CERTIFICATE}{tail}").unlink(missing_ok=True)
    return written


def keep_connections(source: Path, run_dir: Path) -> None:
    """Takes the municipality's entries over into the run, so that every later print has them. ConnectionFileError."""
    load_connections(source)
    (run_dir / FOLDER).mkdir(exist_ok=True)
    (run_dir / FOLDER / CONNECTIONS).write_bytes(source.read_bytes())
