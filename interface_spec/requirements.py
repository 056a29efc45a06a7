"""The requirement catalogue: one atomic requirement of a published source per entry, with its level and observability.

Files: ``requirements/<set>/<clause>.toml``, each ``[[requirement]]`` entries; a table ``[common]`` holds keys that all
entries of its file share. Ids are never renumbered; sets are frozen per edition.
Only binding wording in a published source may be 必須; what we derived or assumed forms the set ``robustness``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interface_spec.errors import SpecError, first_problem
from interface_spec.figures import FIGURES_FILE
from interface_spec.profile import Provenance

REQUIREMENTS = Path(__file__).parent / "requirements"

FEATURES: dict[str, str] = {
    "pattern.i": "申請者特定：宛名番号による（③-3 i）",
    "pattern.ii": "申請者特定：団体内統合宛名番号による（③-3 ii）",
    "pattern.iii": "申請者特定：基本4情報による（③-3 iii）",
    "method.i": "基幹の取込方式：申請内容照会画面からの転記（④ i）",
    "method.ii": "基幹の取込方式：RPA等簡易ツールの利用（④ ii）",
    "method.iii": "基幹の取込方式：入力画面に取込機能の実装（④ iii）",
    "method.iv": "基幹の取込方式：一括取込機能の実装（④ iv）",
    "standard_config": "連携サーバにプロキシ機能を実装する標準構成（①-3）",
    "serial_source.cs": "シリアル番号情報を住基ネットCSから取り込む（②）",
    "serial_source.existing": "コンビニ交付等で取得済みのシリアル番号情報を使う（②）",
    "subsidy": "デジタル基盤改革支援補助金を使う（6.2(1)。事業期間は令和4年度末で終了）",
    "pittari.new": "ぴったりサービスをこれから導入する団体（4.3）",
    "generic_eform": "汎用的電子申請システムを使う（3.3(5)）",
}
"""Every feature a target can declare that a condition may name, with its Japanese meaning."""

ROLES = ("fw", "relay", "juki", "atena", "am", "core", "package", "portal", "mun")
Role = Literal["fw", "relay", "juki", "atena", "am", "core", "package", "portal", "mun"]
Level = Literal["必須", "推奨", "任意", "非拘束"]


class Requirement(BaseModel):
    """One requirement.

    ``verdict``: which of the two verdicts it decides — ``clause`` (手順書適合) or ``contract`` (契約適合, judged against the
    profile because the wire form is not public). ``headline``: level 1 受付体制 / level 2 エンドツーエンド it belongs to.
    ``unchecked``: why no check tests it (attestation, figure not at hand, …); empty when checks are expected.
    ``follows``: id of the requirement whose level this one inherits. ``raised_by``: feature under which a 推奨 row is 必須.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Z]+-[0-9A-Z.]+-[0-9]{2}$")
    set: str
    source: str
    source_en: str = Field(description="English title of ``source``")
    clause: str
    ja: str
    en: str
    level: Level
    wording: str = Field(description="the wording that decides the level")
    roles: tuple[Role, ...] = Field(min_length=1)
    observability: tuple[Literal["wire", "network", "adapter", "attestation"], ...]
    provenance: Provenance
    condition: str = Field(
        default="",
        description="feature of `FEATURES` under which it binds; several joined by ' | ': any of them; empty: always",
    )
    follows: str = ""
    raised_by: str = ""
    verdict: Literal["clause", "contract"] = "clause"
    headline: Literal["", "uketsuke", "endtoend"] = ""
    function: Literal["", "3.1", "3.2", "3.3", "3.4", "3.5"] = Field(default="", description="③-n of 図表16")
    violation: str = Field(default="", description="how a vendor plausibly breaks it")
    why: str = Field(default="", description="why it matters to a municipality")
    why_en: str = ""
    unchecked: str = ""

    @model_validator(mode="after")
    def _only_published_wording_binds(self) -> Self:
        if self.level == "必須" and self.provenance != "公開":
            raise ValueError(
                "必須 にできるのは公開資料の拘束的な文言だけです / only published binding wording can be 必須"
            )
        return self

    @model_validator(mode="after")
    def _both_languages_say_why(self) -> Self:
        if bool(self.why) != bool(self.why_en):
            raise ValueError("why と why_en は両方書きます / why and why_en go together")
        return self

    @model_validator(mode="after")
    def _features_are_known(self) -> Self:
        named = (*self.features, self.raised_by) if self.raised_by else self.features
        unknown = [name for name in named if name not in FEATURES]
        if unknown:
            raise ValueError(f"知らない機能名です: {unknown}（あるもの: {', '.join(FEATURES)}） / unknown feature")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The features of ``condition``; empty: no condition."""
        return tuple(self.condition.split(" | ")) if self.condition else ()

    def applies(self, declares: Callable[[str], bool]) -> bool:
        """Whether it binds a target for which ``declares(feature)`` answers what is declared (otherwise 対象外)."""
        return not self.features or any(declares(name) for name in self.features)

    def level_for(self, declares: Callable[[str], bool]) -> Level:
        """The level for such a target: ``raised_by`` lifts 推奨 to 必須."""
        return "必須" if self.raised_by and declares(self.raised_by) else self.level


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, merged entry) of one file."""
    name = f"{path.parent.name}/{path.name}"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(name, "", f"TOML として読めません / not readable as TOML: {error}") from None
    common = data.pop("common", {})
    entries = data.pop("requirement", [])
    if data:
        raise SpecError(name, sorted(data)[0], "知らない項目です / unknown key")
    for number, entry in enumerate(entries, 1):
        yield f"requirement[{number}] {entry.get('id', '')}", {"set": path.parent.name, **common, **entry}


def _check_follows(found: dict[str, Requirement]) -> None:
    for one in found.values():
        seen = [one]
        while (last := seen[-1]).follows:
            other = found.get(last.follows)
            if other is None or other in seen:
                raise SpecError(
                    one.set, f"{last.id} follows", f"級の元にできません: {last.follows!r} / not a requirement to follow"
                )
            if other.level != last.level:
                problem = f"級が {other.id} と違います / the level differs from {other.id}"
                raise SpecError(one.set, f"{last.id} level", problem)
            seen.append(other)


@lru_cache(maxsize=1)
def load_requirements() -> dict[str, Requirement]:
    """All requirements of all sets by id. Raises SpecError naming file and place."""
    return read_requirements(REQUIREMENTS)


def read_requirements(folder: Path) -> dict[str, Requirement]:
    """The requirements of every set below ``folder`` by id. Raises SpecError naming file and place."""
    found: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*/*.toml")):
        if path.name == FIGURES_FILE:
            continue
        name = f"{path.parent.name}/{path.name}"
        for place, entry in _entries(path):
            try:
                one = Requirement.model_validate(entry)
            except ValidationError as error:
                where, what = first_problem(error)
                raise SpecError(name, f"{place} {where}".rstrip(), what) from None
            if one.id in found:
                raise SpecError(name, place, "同じIDが二度あります / the id stands twice")
            found[one.id] = one
    _check_follows(found)
    return found
