"""A paper as one HTML file for A4: nothing loaded from elsewhere, no script, whatever a product said is text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from conformance.reporters.papers.model import Cell, Paper
from conformance.visible import visible

TEMPLATES = Path(__file__).parents[1] / "templates"


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters["cell"] = lambda value: value if isinstance(value, Cell) else Cell(value)
    return environment.get_template("paper.html.j2")


def paper_html(paper: Paper) -> str:
    """The whole file."""
    return _template().render(p=paper)
