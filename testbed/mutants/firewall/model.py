"""A network mutant as data: which part is changed, by which edits, and which checks must catch it.

``kind`` killed: the lab catches it. needle: only a proof over the whole header space can (odd port, odd source, a night
window); the lab must not pretend. equivalent: the change alters nothing, and nothing may be flagged.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from conformance.firewall.job import RoundName, SlowPart
from interface_spec.errors import SpecError, first_problem

FOLDERS = (Path(__file__).parent, Path(__file__).parent.parent / "relay")
Part = Literal["boundary", "lgwan", "policy", "squid", "relay"]
DEFAULT_ROUNDS: dict[Part, tuple[RoundName, ...]] = {
    "boundary": ("boundary",),
    "lgwan": ("lgwan",),
    "policy": ("control",),
    "squid": ("proxy",),
    "relay": ("proxy",),
}
FORWARD = "type filter hook forward priority filter; policy drop;\n"
INPUT = "type filter hook input priority filter; policy drop;\n"
DEFAULT_DROP = '    counter drop comment "default"\n'


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Edit(_Part):
    """One change. Exactly one way: ``find``/``replace`` (must occur), ``first``, ``last`` or ``input`` rule, ``append`` text.

    ``cut``: the text ends where this stands, as a file does whose writing was broken off.
    """

    on: Part
    find: str = ""
    replace: str = ""
    every: bool = False
    first: str = ""
    last: str = ""
    input: str = ""
    append: str = ""
    cut: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(bool(one) for one in (self.find, self.first, self.last, self.input, self.append, self.cut)) != 1:
            raise ValueError("find・first・last・input・append・cut のうち一つを書きます / exactly one kind of change")
        return self

    def apply(self, text: str) -> str:
        """The changed text; LookupError when the place is not there (the reference has moved on)."""
        if self.cut:
            if text.count(self.cut) != 1:
                raise LookupError(f"{self.cut!r} occurs {text.count(self.cut)} times")
            return text.partition(self.cut)[0]
        if self.append:
            return f"{text}\n{self.append}\n"
        if self.find:
            count = text.count(self.find)
            if count == 0 or (count > 1 and not self.every):
                raise LookupError(f"{self.find!r} occurs {count} times")
            return text.replace(self.find, self.replace)
        anchor, added = (
            (FORWARD, FORWARD + f"    {self.first}\n")
            if self.first
            else (INPUT, INPUT + f"    {self.input}\n")
            if self.input
            else (DEFAULT_DROP, f"    {self.last}\n" + DEFAULT_DROP)
        )
        if text.count(anchor) != 1:
            raise LookupError(f"{anchor!r} occurs {text.count(anchor)} times")
        return text.replace(anchor, added)


class NetworkMutant(_Part):
    """``split``: the ruleset of this firewall is loaded in two transactions, the flush by itself first.

    ``updates``: what is loaded after the ruleset, each in a transaction of its own (as a script that refills a set does).
    ``certificate``: the relay under test gets a certificate of its own making (``bump.pem``).
    """

    id: str = Field(pattern=r"^[BLCPSET][0-9]{2}$")
    base: Literal["baseline", "baseline-t2"] = "baseline"
    ja: str
    en: str
    kind: Literal["killed", "needle", "equivalent"] = "killed"
    edit: tuple[Edit, ...] = ()
    split: Literal["", "boundary", "lgwan"] = ""
    updates: tuple[str, ...] = ()
    certificate: bool = False
    boot: dict[str, str] = {}
    forwarding_before_load: dict[str, bool] = {}
    code: str = Field(default="", description="name of a code mutant of the embedded relay")
    kind_of_relay: Literal["proxy", "store-and-forward"] = "proxy"
    slow: tuple[SlowPart, ...] = Field(default=(), description="slow parts of the proxy's rounds to play too")
    idle_seconds: float = Field(default=0, description="how long a tunnel is left idle")
    relay: bool = Field(default=True, description="whether the relay runs in the chain; probes need none")
    rounds: tuple[RoundName, ...] = ()
    kills: tuple[str, ...] = ()

    @property
    def part(self) -> Part:
        if self.edit:
            return self.edit[0].on
        if self.code or self.kind_of_relay != "proxy":
            return "relay"
        return "lgwan" if self.split == "lgwan" or "lgwan" in {*self.boot, *self.forwarding_before_load} else "boundary"

    @property
    def role(self) -> Literal["fw", "relay"]:
        return "relay" if self.part in ("squid", "relay") else "fw"

    @property
    def played(self) -> tuple[RoundName, ...]:
        return self.rounds or DEFAULT_ROUNDS[self.part]

    @model_validator(mode="after")
    def _kills_fit_the_kind(self) -> Self:
        if (self.kind == "killed") != bool(self.kills):
            raise ValueError(f"{self.id}: kind {self.kind} と kills が合いません / kind and kills do not fit")
        return self


@lru_cache(maxsize=1)
def load_mutants() -> dict[str, NetworkMutant]:
    """Every network mutant by id, in the order of the files. SpecError names file and mutant."""
    found: dict[str, NetworkMutant] = {}
    for path in sorted(one for folder in FOLDERS for one in folder.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for entry in data.get("mutant", []):
            try:
                one = NetworkMutant.model_validate(entry)
            except ValidationError as error:
                where, what = first_problem(error)
                raise SpecError(path.name, f"{entry.get('id', '?')} {where}".rstrip(), what) from None
            if one.id in found:
                raise SpecError(path.name, one.id, "同じIDが二度あります / the id stands twice")
            found[one.id] = one
    return found
