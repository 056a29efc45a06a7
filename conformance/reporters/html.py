"""report.html: one file, nothing loaded from elsewhere, readable by somebody who is no engineer, good on A4 paper.

Whatever a product returned is text here and nothing else: autoescaped, characters that steer made visible, and a
Content-Security-Policy forbids scripts.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from conformance.messages import Lang, say
from conformance.reporters.english import assumed, cite, clause, marks, provenance, why
from conformance.reporters.papers.common import TONES, moment, profile_label, profile_words
from conformance.reporters.pictures import picture_of
from conformance.results import CheckResult, Results
from conformance.verdicts import Verdict
from conformance.visible import visible

TEMPLATES = Path(__file__).parent / "templates"
REPORT = "report.html.j2"
PICTURES = {"am": "chain.svg.j2", "relay": "picture-relay.svg.j2", "package": "picture-package.svg.j2"}
"""Role → its picture; the firewalls have one of their own, drawn from the lab's record."""


def write_html(results: Results, path: Path, *, lang: Lang = "ja", gate_waived: bool = False) -> None:
    """Writes the report of ``results`` to ``path``; a picture of the network beside it goes into it."""
    picture = path.with_name("topology.svg")
    topology = picture.read_bytes() if picture.is_file() else b""
    path.write_text(report_html(results, lang=lang, gate_waived=gate_waived, topology=topology), encoding="utf-8")


def report_html(results: Results, *, lang: Lang = "ja", gate_waived: bool = False, topology: bytes = b"") -> str:
    """The whole page."""
    code = results.exit(gate_waived=gate_waived)
    return (
        _environment(lang)
        .get_template(REPORT)
        .render(
            r=results,
            plan=results.plan,
            lang=lang,
            code=int(code),
            groups=_groups(results, lang),
            parts=picture_of(results.plan.role, results.checks) if results.plan else {},
            picture=PICTURES.get(results.plan.role, "") if results.plan and not topology else "",
            profile=(profile_label(results.plan, lang), profile_words(results.plan, lang))
            if results.plan
            else ("", ""),
            topology=_picture(topology),
            lab_files=_lab_files(results),
            shown=[one for one in results.checks if _worth_showing(one)],
            executed=sum(one.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN) for one in results.checks),
        )
    )


class _Compiled(BytecodeCache):
    """Templates compiled once for both languages."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._code)

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def compile_templates() -> None:
    """Compiles what the pages are made of; they do it themselves otherwise, when they are asked for."""
    for name in (REPORT, *PICTURES.values()):
        _environment("ja").get_template(name)


@lru_cache(maxsize=2)
def _environment(lang: Lang) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_COMPILED,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: (
            marks(visible(value), lang) if isinstance(value, str) and not isinstance(value, Markup) else value
        ),
    )
    environment.globals.update(say=lambda table, key: say(table, key, lang), css=lambda value: TONES[str(value)])
    left, right, comma, stop = ("（", "）", "、", "。") if lang == "ja" else (" (", ")", ", ", ". ")
    environment.globals.update(left=left, right=right, comma=comma, stop=stop)
    environment.filters["moment"] = moment
    environment.filters["pick"] = lambda one: getattr(one, lang)
    environment.filters["cite"] = lambda one: cite(one, lang)
    environment.filters["clause"] = lambda text: clause(text, lang)
    environment.filters["why"] = lambda one: why(one, lang)
    environment.filters["provenance"] = lambda text: provenance(text, lang)
    environment.filters["assumed"] = lambda place, what: assumed(place, what, lang)
    return environment


def _lab_files(results: Results) -> list[tuple[str, str, str]]:
    """(file beside the report, ja, en) of what the network lab kept; nothing for the other roles or without a lab."""
    role = results.plan.role if results.plan else ""
    verdicts = (Verdict.PASS, Verdict.FAIL, Verdict.WARN)
    if role not in ("fw", "relay") or not any(
        one.verdict in verdicts and one.planned.round != "control" for one in results.checks
    ):
        return []
    record = (
        "lab.json",
        "観測のすべて（所要時間、接続表、規則の計数）",
        "everything seen (times, connection table, rule counters)",
    )
    packets = (
        "probes.pcapng",
        "届いたパケット（不適合のものと抜取り）",
        "packets that arrived (what went wrong, and a sample)",
    )
    return [record, packets] if role == "fw" else [record]


def _groups(results: Results, lang: Lang) -> list[tuple[str, list[CheckResult]]]:
    """Checks under the words of their function; roles without functions go by clause."""
    ordered = sorted(results.checks, key=lambda one: (one.planned.function, one.planned.id))
    plan = results.plan
    if plan is None:
        return []
    by_clause = len({one.planned.function for one in ordered}) == 1 and plan.role in ("fw", "relay")

    def heading(one: CheckResult) -> str:
        if by_clause:
            requirement = plan.requirements[one.planned.requirement]
            return cite(requirement, lang)
        return say("function", one.planned.function, lang)

    if by_clause:
        ordered.sort(key=lambda one: (heading(one), one.planned.id))
    return [(name, list(found)) for name, found in groupby(ordered, key=heading)]


def _picture(svg: bytes) -> str:
    """The network's picture as an image of its own (nothing in it can run), "" when the run has none."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii") if svg else ""


def _worth_showing(one: CheckResult) -> bool:
    return one.planned.status == "run" and one.verdict not in (Verdict.PASS, Verdict.NA)
