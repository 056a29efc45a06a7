"""The suite's catalogue: every check, its requirement, its stimulus; every stimulus; every disturbance. Data, read once.

``suites/<role>/checks.toml``       what is checked, on which requirement, with which cases, under which disturbance
``suites/<role>/stimuli.toml``      what happens to each case (when it is loaded, its review path, the core's answer)
``suites/<role>/disturbances.toml`` the script of steps of a round, and what is disturbed in it
``suites/<role>/windows.toml``      which imports of the rounds a product that takes in on its own schedule may share
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fixtures.cases.model import CARRIED
from interface_spec.control import Review
from interface_spec.errors import SpecError, first_problem
from interface_spec.requirements import ROLES, Requirement, load_requirements

SUITES = Path(__file__).parent / "suites"
DECIDING = ("tejunsho-1.0",)
"""Requirement sets that decide a run unless the plan lists others; every other set is reported beside (報告のみ)."""


UNDISTURBED = "none"
"""The round of every check without a disturbance."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Data):
    """One check: one behaviour. ``requirement`` gives its severity; ``also`` are further clauses it bears on."""

    id: str = Field(pattern=r"^[A-Z]+-[0-9A-Z.]+-[0-9]{2}[a-z]$")
    ja: str
    en: str
    disturbance: str = UNDISTURBED
    cases: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    needs: str = Field(default="", description="declared feature without which the check does not apply")

    @property
    def requirement(self) -> str:
        """The id without its letter: a check can never lose its clause."""
        return self.id[:-1]


class Stimulus(_Data):
    """What happens to one case within its round."""

    load: Literal["start", "late"] = "start"
    review: tuple[Review, ...] = ()
    core: Literal["updated", "error", "none"] = "updated"
    attachments: bool = Field(default=False, description="its attachments are opened through the adapter")
    reopen: bool = Field(default=False, description="taken back to 審査中 after completion, before the core asks")
    illegal: tuple[Review, ...] = Field(default=(), description="states asked for right after import; must be refused")
    slips: tuple[Literal["reasonless", "stale"], ...] = Field(
        default=(), description="what a careless member of staff asks for during the review; must be refused"
    )


CARRIED_ON = Stimulus(review=(Review.REVIEWING, Review.COMPLETED))
"""What happens to an application that is only carried: staff review it, the core system takes it."""


class Step(_Data):
    """One step of a round's script; ``do`` is a word of the driver, ``what`` its object."""

    do: Literal[
        "load",
        "links",
        "sync",
        "import",
        "snapshot",
        "pull",
        "trespass",
        "review",
        "illegal",
        "slip",
        "reopen",
        "relay",
        "faults",
        "wait",
    ]
    what: str = ""
    faults: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="faults of the simulated world; ``own = true``: only at calls for applications of the round",
    )
    seconds: float = 0
    deep: bool = Field(default=False, description="snapshot: also open attachments and screens")
    brief: bool = Field(default=False, description="snapshot: details only of cases to which something happens")
    late: bool = Field(default=False, description="snapshot: details only of cases that come or are linked late")


class Disturbance(_Data):
    """The script of a round: what the world does to the product, step by step.

    ``lasting``: what was sent stays in the list, and may bear on every import that follows.
    """

    ja: str
    en: str
    lasting: bool = False
    steps: tuple[Step, ...]


class Window(_Data):
    """One import of the product that several rounds share.

    ``takes``: ``round:import`` each; ``last``: the round whose disturbance begins once all others' applications came.
    """

    takes: tuple[str, ...] = Field(min_length=1)
    last: str = ""

    @property
    def rounds(self) -> tuple[str, ...]:
        return tuple(one.partition(":")[0] for one in self.takes)


class Catalogue(_Data):
    role: str
    checks: dict[str, Check]
    stimuli: dict[str, Stimulus]
    disturbances: dict[str, Disturbance]
    windows: tuple[Window, ...] = ()

    @model_validator(mode="after")
    def _everything_resolves(self) -> Self:
        known = load_requirements()
        home: dict[str, str] = {}
        for check in self.checks.values():
            for requirement in (check.requirement, *check.also):
                if requirement not in known:
                    raise ValueError(f"{check.id}: 要件 {requirement} はカタログにありません / unknown requirement")
            if check.disturbance not in self.disturbances:
                raise ValueError(f"{check.id}: 擾乱 {check.disturbance} がありません / unknown disturbance")
            for case in check.cases:
                if home.setdefault(case, check.disturbance) != check.disturbance:
                    raise ValueError(
                        f"{check.id}: 事例 {case} は別のラウンド（{home[case]}）でも使われています / a case belongs to one round"
                    )
        return self

    @model_validator(mode="after")
    def _windows_play_every_script(self) -> Self:
        """Every import of every round stands in one window, in the order of its script."""
        if not self.windows:
            return self
        known = {name: [s.what for s in one.steps if s.do == "import"] for name, one in self.disturbances.items()}
        shared: dict[str, list[str]] = {}
        for number, window in enumerate(self.windows, 1):
            for one in window.takes:
                round_, _, what = one.partition(":")
                shared.setdefault(round_, []).append(what)
            if len(set(window.rounds)) < len(window.rounds) or window.last not in ("", *window.rounds):
                raise ValueError(
                    f"windows.toml {number} 番目: 同じラウンドが二度あるか、last が takes にありません / a round twice, or last is not among them"
                )
        for name in sorted(known.keys() | shared.keys()):
            if known.get(name) != shared.get(name):
                raise ValueError(
                    f"windows.toml: ラウンド {name} の取込みは {known.get(name)} ですが {shared.get(name)} とあります / differs from its script"
                )
        return self

    def requirement_of(self, check: Check) -> Requirement:
        return load_requirements()[check.requirement]

    def stimulus(self, case: str) -> Stimulus:
        return self.stimuli.get(case, CARRIED_ON if case.endswith(CARRIED) else Stimulus())


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(path.name, "", "ファイルがありません / no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(path.name, "", f"TOML として読めません / not readable as TOML: {error}") from None


def roles_with_suite() -> tuple[str, ...]:
    """Roles that have a suite, in the order of the requirement catalogue."""
    return tuple(role for role in ROLES if (SUITES / role / "checks.toml").is_file())


@lru_cache(maxsize=8)
def load_catalogue(role: str) -> Catalogue:
    """The catalogue of ``role``. Raises SpecError naming file and place."""
    folder = SUITES / role
    windows = folder / "windows.toml"
    checks = _table(folder / "checks.toml").get("check", [])
    ids = [entry.get("id", "?") for entry in checks]
    for one in ids:
        if ids.count(one) > 1:
            raise SpecError(f"{role}/checks.toml", one, "同じIDが二度あります / the id stands twice")
    try:
        return Catalogue.model_validate(
            {
                "role": role,
                "checks": dict(zip(ids, checks, strict=True)),
                "stimuli": _table(folder / "stimuli.toml").get("case", {}),
                "disturbances": _table(folder / "disturbances.toml").get("disturbance", {}),
                "windows": _table(windows).get("window", []) if windows.is_file() else (),
            }
        )
    except ValidationError as error:
        raise SpecError(f"suites/{role}", *first_problem(error)) from None
