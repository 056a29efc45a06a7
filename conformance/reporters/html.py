"""report.html: one file, nothing loaded from elsewhere, readable by somebody who is no engineer, good on A4 paper.

Whatever a product returned is text here and nothing else: autoescaped, characters that steer made visible, and a
Content-Security-Policy forbids scripts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.messages import Lang, say
from conformance.results import CheckResult, Results
from conformance.verdicts import Verdict
from conformance.visible import visible

TEMPLATES = Path(__file__).parent / "templates"
CLASSES = {
    "PASS": "ok",
    "FAIL": "bad",
    "WARN": "warn",
    "REVIEW": "review",
    "UNVERIFIED": "open",
    "N/A": "na",
    "ERROR": "error",
    "CONFORMANT": "ok",
    "NOT_CONFORMANT_WAIVED": "warn",
    "NOT_CONFORMANT": "bad",
    "INCOMPLETE": "open",
}
GRAVITY = ["N/A", "PASS", "WARN", "REVIEW", "UNVERIFIED", "ERROR", "FAIL"]
JST = timezone(timedelta(hours=9))


def write_html(results: Results, path: Path, *, lang: Lang = "ja", gate_waived: bool = False) -> None:
    """Writes the report of ``results`` to ``path``; a picture of the network beside it goes into it."""
    picture = path.with_name("topology.svg")
    topology = picture.read_bytes() if picture.is_file() else b""
    path.write_text(report_html(results, lang=lang, gate_waived=gate_waived, topology=topology), encoding="utf-8")


def report_html(results: Results, *, lang: Lang = "ja", gate_waived: bool = False, topology: bytes = b"") -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.globals.update(say=lambda table, key: say(table, key, lang), css=lambda value: CLASSES[str(value)])
    environment.filters["moment"] = _moment
    environment.filters["pick"] = lambda one: getattr(one, lang)
    code = results.exit(gate_waived=gate_waived)
    return environment.get_template("report.html.j2").render(
        r=results,
        plan=results.plan,
        lang=lang,
        code=int(code),
        groups=_groups(results.checks),
        functions=_functions(results.checks),
        topology=_picture(topology),
        shown=[one for one in results.checks if _worth_showing(one)],
        executed=sum(one.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN) for one in results.checks),
    )


def _groups(checks: Iterable[CheckResult]) -> list[tuple[str, list[CheckResult]]]:
    ordered = sorted(checks, key=lambda one: (one.planned.function, one.planned.id))
    return [(name, list(found)) for name, found in groupby(ordered, key=lambda one: one.planned.function)]


def _picture(svg: bytes) -> str:
    """The network's picture as an image of its own (nothing in it can run), "" when the run has none."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii") if svg else ""


def _moment(text: str) -> str:
    """An ISO moment as people in Japan read it."""
    return datetime.fromisoformat(text).astimezone(JST).strftime("%Y-%m-%d %H:%M:%S (JST)") if text else "―"


def _functions(checks: Iterable[CheckResult]) -> dict[str, str]:
    """The gravest verdict among the deciding checks of each function."""
    gravest: dict[str, str] = {}
    for one in checks:
        if one.planned.deciding and one.planned.function:
            before = gravest.get(one.planned.function, "N/A")
            gravest[one.planned.function] = max(before, one.verdict.value, key=GRAVITY.index)
    return gravest


def _worth_showing(one: CheckResult) -> bool:
    return one.planned.status == "run" and one.verdict not in (Verdict.PASS, Verdict.NA)
