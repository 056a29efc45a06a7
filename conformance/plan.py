"""The plan of a run: everything that is expected, written down before anything happens.

It holds the whole role: a check that a selection leaves out is in it as 未検証（選択外）, a check whose feature is not
declared as 対象外. Verdicts are folded over these ids, never over what happened to be collected.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedRequirement(_Part):
    """The clause as it stood in the catalogue of this run."""

    id: str
    set: str
    source: str
    clause: str
    ja: str
    en: str
    level: str
    why: str
    provenance: str
    source_en: str = ""
    why_en: str = ""
    """Empty in runs that were made before the catalogue had them."""


class PlannedCheck(_Part):
    """One expected check. ``status``: run, or why not."""

    id: str
    ja: str
    en: str
    requirement: str
    also: tuple[str, ...]
    mandatory: bool
    deciding: bool
    verdict: Literal["clause", "contract"]
    headline: Literal["", "uketsuke", "endtoend"]
    function: str
    round: str
    cases: tuple[str, ...]
    procedures: tuple[str, ...]
    status: Literal["run", "na", "deselected"]
    reason_ja: str = ""
    reason_en: str = ""
    waiver: str = ""


class PlannedAttestation(_Part):
    """A binding requirement that nobody can see from outside: the vendor states it, with a name and a date."""

    requirement: str
    statement: str = ""
    by: str = ""
    date: str = ""

    @property
    def answered(self) -> bool:
        return bool(self.statement and self.by and self.date)


class PlannedRound(_Part):
    id: str
    ja: str
    en: str
    cases: tuple[str, ...]


class ProfileNote(_Part):
    id: str
    edition: str
    ja: str
    en: str
    overlay: str = ""
    dialects: tuple[str, ...] = ()
    assumptions: tuple[tuple[str, str, str], ...] = ()


class Waiver(_Part):
    check: str
    reason: str
    owner: str
    expires: date


class Challenge(_Part):
    """A nonce that whoever asks for a run issued; the seed follows from it (`conformance.evidence.challenge`)."""

    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    role: str
    issuer: str = Field(min_length=1, max_length=200)
    issued_at: AwareDatetime
    expires_at: AwareDatetime


class PlannedInput(_Part):
    """What was handed in to be tested: with which option, a file's name and what it held (SHA-256), or a plain word."""

    option: str
    name: str
    sha256: str


class Plan(_Part):
    """``suite_sha256``: over the sources that decide a verdict, so that a modified suite is told from an unmodified one.

    ``not_carried``: procedures that are declared but whose application this profile cannot carry → why (日本語 / English).
    ``shared``: imports were shared by the rounds, as windows.toml of the suite says.
    ``inputs``: what was tested, where that is files (rulesets, settings, packages); a repeated run must have the same.
    """

    run_id: str
    role: str
    suite_version: str
    suite_sha256: str = ""
    challenge: Challenge | None = None
    world_version: str
    seed: int
    reference_date: date
    started_by: str = ""
    mutant: str = ""
    adapter: str
    shared: bool = False
    product: dict[str, str]
    profile: ProfileNote
    deciding_sets: tuple[str, ...]
    requirements: dict[str, PlannedRequirement]
    checks: tuple[PlannedCheck, ...]
    attestations: tuple[PlannedAttestation, ...]
    rounds: tuple[PlannedRound, ...]
    waivers: tuple[Waiver, ...] = ()
    methods: dict[str, str] = {}
    not_carried: dict[str, str] = {}
    functions: tuple[str, ...] = ()
    inputs: tuple[PlannedInput, ...] = ()

    def check(self, check_id: str) -> PlannedCheck | None:
        return next((one for one in self.checks if one.id == check_id), None)
