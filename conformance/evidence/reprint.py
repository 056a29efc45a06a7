"""Prints again what a bundle's papers must say: a signer cannot hand over a report that its own events do not give.

What the events do not hold (records of a product's answers, settings, attachments, answers to an inquiry) cannot be
printed again: `unproven` names it, so that nobody takes a signature for a proof of it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree
from pydantic import ValidationError

from conformance.engine.registers import REGISTERS_FILE
from conformance.evidence.manifest import LAB_POLICY, LAB_RECORD, PICTURE
from conformance.evidence.opened import Opened
from conformance.firewall.judge import judge
from conformance.firewall.picture import topology_svg
from conformance.firewall.record import LabRecord
from conformance.firewall.xlsx import XlsxError, read_sheets
from conformance.messages import Lang
from conformance.plan import Plan
from conformance.reporters.html import report_html
from conformance.reporters.machine import as_dict, junit
from conformance.reporters.papers.cleanup import NAME as CLEANUP
from conformance.reporters.papers.cleanup import cleanup_paper
from conformance.reporters.papers.connection import NAME as CONNECTION
from conformance.reporters.papers.connection import connection_paper
from conformance.reporters.papers.connection_file import ConnectionFileError, Declared, parse_connections
from conformance.reporters.papers.html import paper_html
from conformance.reporters.papers.model import Paper
from conformance.reporters.papers.seiseki import NAME as CERTIFICATE
from conformance.reporters.papers.seiseki import seiseki_paper, what_is_open
from conformance.reporters.papers.write import CONNECTIONS, FOLDER
from conformance.reporters.papers.xlsx import write_paper_xlsx
from conformance.reporters.xlsx import write_xlsx
from conformance.results import Results
from interface_spec.errors import SpecError
from interface_spec.policy import parse_policy

Test = Callable[[bytes], bool]
"""Whether a file of the bundle says what the events give."""
Print = Callable[[Lang], Paper]


def forged(bundle: Opened, results: Results) -> Iterator[str]:
    """Names of files in the bundle that the results do not give. Sensible for a bundle of this very suite only."""
    present = set(bundle.namelist())
    for name, says_so in _tests(bundle, results).items():
        if name in present and not says_so(bundle.read(name)):
            yield name


def unproven(bundle: Opened, results: Results, own: tuple[str, ...]) -> list[str]:
    """Names of files that are in the bundle as they were handed over, and that nothing in it proves."""
    proven = {*own, "events.ndjson", f"{FOLDER}/{CONNECTIONS}", LAB_POLICY, *_tests(bundle, results)}
    return sorted(set(bundle.namelist()) - proven)


def _tests(bundle: Opened, results: Results) -> dict[str, Test]:
    """One test for every file that can be printed again."""
    plan, present = results.plan, set(bundle.namelist())
    topology = bundle.read(PICTURE) if PICTURE in present else b""
    found: dict[str, Test] = {
        "report.html": lambda data: data in _pages(results, topology, ("ja", "en")),
        "report.en.html": lambda data: data in _pages(results, topology, ("en",)),
        "results.json": lambda data: _json(data) in [_plain(results, gate_waived=gate) for gate in (False, True)],
        "junit.xml": lambda data: _same_xml(data, junit(results)),
        "tekigohyo.xlsx": lambda data: _same_book(data, lambda path: write_xlsx(results, path)),
    }
    if plan is None:
        return found
    found["plan.json"] = lambda data: _json(data) == plan.model_dump(mode="json")
    if results.registers is not None:
        registers = results.registers
        found[REGISTERS_FILE] = lambda data: hashlib.sha256(data).hexdigest() == registers.sha256
    for name, make in _papers(plan, results, _declared(bundle, present)).items():
        found |= _paper_tests(name, make)
    if LAB_RECORD in present and LAB_POLICY in present:
        policy = bundle.read(LAB_POLICY)
        found[LAB_RECORD] = lambda data: _judged_alike(plan, results, policy, data)
        found[PICTURE] = lambda data: data == _picture(policy, bundle.read(LAB_RECORD))
    return found


def _papers(plan: Plan, results: Results, declared: Mapping[str, Declared] | None) -> dict[str, Print | None]:
    """Every paper by name; None: it must not be there."""
    return {
        CLEANUP: lambda lang: cleanup_paper(plan, results, lang),
        CONNECTION: (lambda lang: connection_paper(plan, results, lang, declared)) if declared is not None else None,
        CERTIFICATE: None if what_is_open(results) else lambda lang: seiseki_paper(plan, results, lang),
    }


def _paper_tests(name: str, make: Print | None) -> dict[str, Test]:
    if make is None:
        return {f"{FOLDER}/{name}{tail}": lambda _data: False for tail in (".html", ".en.html", ".xlsx")}
    return {
        f"{FOLDER}/{name}.html": lambda data: data == paper_html(make("ja")).encode(),
        f"{FOLDER}/{name}.en.html": lambda data: data == paper_html(make("en")).encode(),
        f"{FOLDER}/{name}.xlsx": lambda data: _same_book(data, lambda path: write_paper_xlsx(make("ja"), path)),
    }


def _declared(bundle: Opened, present: set[str]) -> Mapping[str, Declared] | None:
    """The municipality's own entries in the bundle; None when they cannot be read."""
    name = f"{FOLDER}/{CONNECTIONS}"
    if name not in present:
        return {}
    try:
        return parse_connections(bundle.read(name), name)
    except ConnectionFileError:
        return None


def _pages(results: Results, topology: bytes, languages: tuple[Lang, ...]) -> list[bytes]:
    """A report is in the language and with the gate that were asked for."""
    return [
        report_html(results, lang=lang, gate_waived=gate, topology=topology).encode()
        for lang in languages
        for gate in (False, True)
    ]


def _plain(results: Results, *, gate_waived: bool) -> object:
    return json.loads(json.dumps(as_dict(results, gate_waived=gate_waived)))


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _same_xml(data: bytes, tree: etree._Element) -> bool:
    """Compared in canonical form: how an XML library writes a file is its own affair."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        given = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return False
    if given.getroottree().docinfo.internalDTD is not None:
        return False
    return etree.tostring(given, method="c14n") == etree.tostring(tree, method="c14n")


def _judged_alike(plan: Plan, results: Results, policy: bytes, record: bytes) -> bool:
    """Whether the lab's record gives the verdicts that the events state."""
    try:
        seen = LabRecord.model_validate_json(record)
        rules = parse_policy(policy.decode(), LAB_POLICY)
    except (ValidationError, SpecError, UnicodeDecodeError):
        return False
    given = hashlib.sha256(policy).hexdigest()
    if any(one.option == "--policy" and one.sha256 != given for one in plan.inputs):
        return False
    again = {one.check: (one.raw, one.finding) for one in judge(plan, rules, seen, lambda: datetime.now(UTC))}
    return again == {one.check: (one.raw, one.finding) for one in results.ended}


def _picture(policy: bytes, record: bytes) -> bytes:
    try:
        seen = LabRecord.model_validate_json(record)
        return topology_svg(parse_policy(policy.decode(), LAB_POLICY), seen).encode()
    except (ValidationError, SpecError, UnicodeDecodeError):
        return b""


def _same_book(data: bytes, write: Callable[[Path], None]) -> bool:
    """Whether a workbook says what it must say; its bytes may differ with the library that wrote it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "again.xlsx"
        write(path)
        try:
            return read_sheets(data) == read_sheets(path.read_bytes())
        except XlsxError:
            return False
