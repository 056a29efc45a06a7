"""A round under way: what it has gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.catalogue import Step
from conformance.engine.watch import Mark
from conformance.plan import PlannedRound
from conformance.record import CaseTruth, Forbidden, Pull, ReviewAttempt, Snapshot, StepResult
from fixtures.cases import Case


@dataclass
class Notes:
    """What the round has gathered so far."""

    cases: dict[str, CaseTruth] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    pulls: dict[str, tuple[Pull, ...]] = field(default_factory=dict)
    forbidden: tuple[Forbidden, ...] = ()
    reviews: list[ReviewAttempt] = field(default_factory=list)
    trouble: str = ""

    def stretch_sync(self, first: int, last: int) -> None:
        """A product on its own schedule synchronises some time before it takes in: what was waited for is one stretch."""
        if self.steps and self.steps[-1].do == "sync":
            self.steps[-1] = self.steps[-1].model_copy(update={"first_exchange": first, "last_exchange": last})


@dataclass
class Playing:
    """A round under way.

    ``began``: when it began; ``tape``: its parts of the adapter's tape; ``planned``: the applications of
    its checks; ``fillers``: sent with them, looked at by nobody;
    ``not_of_it``: exchanges that were under way when its disturbance began.
    """

    round: PlannedRound
    planned: list[Case]
    notes: Notes
    began: Mark
    tape: list[tuple[int, int]] = field(default_factory=list)
    fillers: list[Case] = field(default_factory=list)
    not_of_it: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Taker:
    """A round that observes an import. ``last``: only from when its disturbance began."""

    playing: Playing
    step: Step
    last: bool = False
