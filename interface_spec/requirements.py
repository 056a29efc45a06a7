"""The requirement catalogue: one atomic requirement of a published source per entry, with its level and observability.

Files: ``requirements/<set>/*.toml``, each ``[[requirement]]`` entries. Ids are never renumbered; sets are frozen per edition.
Only binding wording in a published source may be 必須; what we derived or assumed forms the set ``robustness``.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interface_spec.errors import SpecError, first_problem
from interface_spec.profile import Provenance

REQUIREMENTS = Path(__file__).parent / "requirements"

ROLES = ("fw", "relay", "juki", "atena", "am", "core", "package", "portal", "mun")
Role = Literal["fw", "relay", "juki", "atena", "am", "core", "package", "portal", "mun"]
Level = Literal["必須", "推奨", "任意", "非拘束"]


class Requirement(BaseModel):
    """One requirement.

    ``verdict``: which of the two verdicts it decides — ``clause`` (手順書適合) or ``contract`` (契約適合, judged against the
    profile because the wire form is not public). ``headline``: level 1 受付体制 / level 2 エンドツーエンド it belongs to.
    ``unchecked``: why no check tests it (attestation, figure not at hand, …); empty when checks are expected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Z]+-[0-9A-Z.]+-[0-9]{2}$")
    set: str
    source: str
    clause: str
    ja: str
    en: str
    level: Level
    wording: str = Field(description="the wording that decides the level")
    roles: tuple[Role, ...] = Field(min_length=1)
    observability: tuple[Literal["wire", "network", "adapter", "attestation"], ...]
    provenance: Provenance
    condition: str = Field(
        default="", description="feature of target.toml under which it binds (e.g. pattern.i); empty: always"
    )
    verdict: Literal["clause", "contract"] = "clause"
    headline: Literal["", "uketsuke", "endtoend"] = ""
    function: Literal["", "3.1", "3.2", "3.3", "3.4", "3.5"] = Field(default="", description="③-n of 図表16")
    violation: str = Field(default="", description="how a vendor plausibly breaks it")
    why: str = Field(default="", description="why it matters to a municipality")
    unchecked: str = ""

    @model_validator(mode="after")
    def _only_published_wording_binds(self) -> Self:
        if self.level == "必須" and self.provenance != "公開":
            raise ValueError(
                "必須 にできるのは公開資料の拘束的な文言だけです / only published binding wording can be 必須"
            )
        return self


@lru_cache(maxsize=1)
def load_requirements() -> dict[str, Requirement]:
    """All requirements of all sets by id. Raises SpecError naming file and place."""
    found: dict[str, Requirement] = {}
    for path in sorted(REQUIREMENTS.glob("*/*.toml")):
        name = f"{path.parent.name}/{path.name}"
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SpecError(name, "", f"TOML として読めません / not readable as TOML: {error}") from None
        for number, entry in enumerate(data.pop("requirement", []), 1):
            place = f"requirement[{number}] {entry.get('id', '')}"
            try:
                one = Requirement.model_validate({"set": path.parent.name, **entry})
            except ValidationError as error:
                where, what = first_problem(error)
                raise SpecError(name, f"{place} {where}", what) from None
            if one.id in found:
                raise SpecError(name, place, "同じIDが二度あります / the id stands twice")
            found[one.id] = one
        if data:
            raise SpecError(name, sorted(data)[0], "知らない項目です / unknown key")
    return found
