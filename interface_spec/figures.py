"""Figures (図版) of a source that are pictures: their content is not at hand, so nothing may be required by them.

Data: ``requirements/<set>/zuhan.toml``, ``[[figure]]`` entries. A requirement may cite such a figure's caption and the
sentences around it, never what the picture shows.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interface_spec.errors import SpecError, first_problem

FIGURES = Path(__file__).parent / "requirements"
FIGURES_FILE = "zuhan.toml"


class Figure(BaseModel):
    """One figure of a source whose picture we do not hold. It binds nothing; ``around`` says what the text itself carries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    set: str
    no: int = Field(ge=1, description="図表番号")
    ja: str = Field(description="caption as printed")
    en: str
    clause: str
    state: Literal["図版未入手"] = "図版未入手"
    around: str = Field(
        min_length=1, description="what the sentences around the figure say (the only part that can be cited)"
    )


@lru_cache(maxsize=1)
def load_figures() -> dict[str, dict[int, Figure]]:
    """The figures not at hand: set → figure number → figure. Raises SpecError naming file and place."""
    return read_figures(FIGURES)


def read_figures(folder: Path) -> dict[str, dict[int, Figure]]:
    """The figures of every set below ``folder``. Raises SpecError naming file and place."""
    found: dict[str, dict[int, Figure]] = {}
    for path in sorted(folder.glob(f"*/{FIGURES_FILE}")):
        name = f"{path.parent.name}/{path.name}"
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SpecError(name, "", f"TOML として読めません / not readable as TOML: {error}") from None
        figures: dict[int, Figure] = {}
        for number, entry in enumerate(data.pop("figure", []), 1):
            try:
                one = Figure.model_validate({"set": path.parent.name, **entry})
            except ValidationError as error:
                where, what = first_problem(error)
                raise SpecError(name, f"figure[{number}] {where}".rstrip(), what) from None
            if one.no in figures:
                raise SpecError(name, f"figure[{number}]", f"図表{one.no} が二度あります / the figure stands twice")
            figures[one.no] = one
        if data:
            raise SpecError(name, sorted(data)[0], "知らない項目です / unknown key")
        found[path.parent.name] = figures
    return found
