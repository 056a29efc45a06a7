"""Writes every report of a run folder from its events: results.json, junit.xml, report.html (the asked language), report.en.html, papers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from conformance.events import read_events
from conformance.messages import Lang
from conformance.reporters.html import write_html
from conformance.reporters.machine import as_dict, write_junit
from conformance.reporters.papers.write import write_papers
from conformance.reporters.xlsx import write_xlsx
from conformance.results import Results, fold


@dataclass(frozen=True)
class Reports:
    results: Results
    html: Path
    json: Path
    junit: Path
    xlsx: Path


def write_reports(run_dir: Path, *, lang: Lang = "ja", gate_waived: bool = False) -> Reports:
    """Folds ``events.ndjson`` of ``run_dir`` and writes the reports beside it. ValueError when the stream is damaged."""
    results = fold(read_events(run_dir / "events.ndjson"))
    found = Reports(
        results, run_dir / "report.html", run_dir / "results.json", run_dir / "junit.xml", run_dir / "tekigohyo.xlsx"
    )
    found.json.write_text(
        json.dumps(as_dict(results, gate_waived=gate_waived), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    write_junit(results, found.junit)
    write_html(results, found.html, lang=lang, gate_waived=gate_waived)
    if results.plan is None or not results.plan.mutant:  # nobody hands on papers about a deliberate mistake
        write_xlsx(results, found.xlsx)
        write_html(results, run_dir / "report.en.html", lang="en", gate_waived=gate_waived)
        write_papers(results, run_dir)
    return found
