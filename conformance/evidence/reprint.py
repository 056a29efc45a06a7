"""Prints again what a bundle's papers must say: a signer cannot hand over a report that its own events do not give."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from conformance.evidence.manifest import PICTURE
from conformance.firewall.xlsx import XlsxError, read_sheets
from conformance.reporters.html import report_html
from conformance.reporters.papers.cleanup import NAME as CLEANUP
from conformance.reporters.papers.cleanup import cleanup_paper
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.seiseki import NAME as CERTIFICATE
from conformance.reporters.papers.seiseki import seiseki_paper, what_is_open
from conformance.reporters.papers.xlsx import write_paper_xlsx
from conformance.reporters.xlsx import write_xlsx
from conformance.results import Results


def forged(bundle: zipfile.ZipFile, results: Results) -> Iterator[str]:
    """Names of papers in the bundle that the results do not give. Sensible for a bundle of this very suite only."""
    present = set(bundle.namelist())
    for name, allowed in _pages(bundle, results):
        if name in present and bundle.read(name) not in {page.encode() for page in allowed}:
            yield name
    for name, write in _books(results):
        if name in present and not _same_book(bundle.read(name), write):
            yield name


def _pages(bundle: zipfile.ZipFile, results: Results) -> Iterator[tuple[str, list[str]]]:
    """Each page with every text that it may have: a report is in the language and gate that were asked for."""
    topology = bundle.read(PICTURE) if PICTURE in bundle.namelist() else b""
    english = [report_html(results, lang="en", gate_waived=gate, topology=topology) for gate in (False, True)]
    japanese = [report_html(results, lang="ja", gate_waived=gate, topology=topology) for gate in (False, True)]
    yield "report.html", english + japanese
    yield "report.en.html", english
    plan, complete = results.plan, not what_is_open(results)
    if plan is None:
        return
    yield f"papers/{CLEANUP}.html", [paper_html(cleanup_paper(plan, results, "ja"))]
    yield f"papers/{CLEANUP}.en.html", [paper_html(cleanup_paper(plan, results, "en"))]
    yield f"papers/{CERTIFICATE}.html", [paper_html(seiseki_paper(plan, results, "ja"))] if complete else []
    yield f"papers/{CERTIFICATE}.en.html", [paper_html(seiseki_paper(plan, results, "en"))] if complete else []


def _books(results: Results) -> Iterator[tuple[str, Callable[[Path], None] | None]]:
    plan = results.plan
    yield "tekigohyo.xlsx", lambda path: write_xlsx(results, path)
    if plan is None:
        return
    cleanup = cleanup_paper(plan, results, "ja")
    yield f"papers/{CLEANUP}.xlsx", lambda path: write_paper_xlsx(cleanup, path)
    if what_is_open(results):
        yield f"papers/{CERTIFICATE}.xlsx", None
    else:
        certificate = seiseki_paper(plan, results, "ja")
        yield f"papers/{CERTIFICATE}.xlsx", lambda path: write_paper_xlsx(certificate, path)


def _same_book(data: bytes, write: Callable[[Path], None] | None) -> bool:
    """Whether a workbook says what it must say; its bytes may differ with the library that wrote it."""
    if write is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "again.xlsx"
        write(path)
        try:
            return read_sheets(data) == read_sheets(path.read_bytes())
        except XlsxError:
            return False
