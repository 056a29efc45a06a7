"""Plays several rounds at once, so that one import of the product serves all of them (docs/adr/0016).

A product that takes in every ten minutes is tested in an hour, not in a day. The scripts stay as they are: each is cut at
its imports, and `Window` (``suites/<role>/windows.toml``) says which imports coincide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.adapters.base import ProductUnreachable
from conformance.catalogue import Disturbance, Step, Window
from conformance.engine.driver import Driver
from conformance.engine.playing import Playing, Taker
from conformance.plan import PlannedRound
from conformance.record import Record

ORDER = ("faults", "relay", "links", "load", "sync", "wait")
"""What is made ready before an import, in this order: a disturbance stands before the product can reach what it is for."""


@dataclass
class _Course:
    """How far a round's script has been played."""

    playing: Playing
    steps: tuple[Step, ...]
    at: int = 0

    def before(self, what: str) -> list[Step]:
        """The steps up to the import ``what``, which is the next to come."""
        stop = next(n for n, one in enumerate(self.steps) if n >= self.at and (one.do, one.what) == ("import", what))
        steps, self.at = self.steps[self.at : stop], stop
        return sorted(steps, key=lambda one: ORDER.index(one.do))

    def import_(self) -> Step:
        self.at += 1
        return self.steps[self.at - 1]

    def after(self) -> list[Step]:
        """The steps after an import, the end of its disturbance among them, up to those that make the next one ready."""
        stop = next((n for n, one in enumerate(self.steps) if n >= self.at and _makes_ready(one)), len(self.steps))
        steps, self.at = self.steps[self.at : stop], stop
        return list(steps)

    @property
    def over(self) -> bool:
        return self.at == len(self.steps)


def _makes_ready(step: Step) -> bool:
    """Whether a step belongs to the next import; a disturbance ends at once, or it would strike what others take in."""
    ends = (step.do == "faults" and not step.faults) or (step.do, step.what) == ("relay", "start")
    return step.do == "import" or (step.do in ORDER and not ends)


class Together:
    """Plays ``rounds`` (by their numbers in the plan, ``of`` so many) window by window.

    ``procedures``: those that the product takes in.
    """

    def __init__(
        self,
        driver: Driver,
        scripts: Mapping[str, Disturbance],
        procedures: Sequence[str],
        rounds: Mapping[int, PlannedRound],
        of: int,
    ) -> None:
        self._driver, self._scripts, self._procedures = driver, scripts, set(procedures)
        self._rounds, self._of = {one.id: (number, one) for number, one in rounds.items()}, of
        self._courses: dict[str, _Course] = {}
        self._laid: set[str] = set()
        self._fillers: Mapping[str, Sequence[str]] = {}
        self._editions: Mapping[str, str] = {}

    def play(
        self, windows: Sequence[Window], fillers: Mapping[str, Sequence[str]], editions: Mapping[str, str]
    ) -> Iterator[Record]:
        """The record of each round as it ends; when the product is lost, those of all rounds under way, and no more."""
        self._fillers, self._editions = fillers, editions
        for number, window in enumerate(windows, 1):
            try:
                self._window(window, number, len(windows))
            except ProductUnreachable as error:
                for course in self._courses.values():
                    course.playing.notes.trouble = self._driver.told(str(error))
                    yield self._driver.end(course.playing, alive=False)
                self._driver.clear()
                return
            for name in [name for name, course in self._courses.items() if course.over]:
                yield self._driver.end(self._courses.pop(name).playing, alive=True)
        self._driver.clear()

    def _window(self, window: Window, number: int, of: int) -> None:
        since, lines = self._driver.last_exchange(), self._driver.relay_lines()
        courses = {name: self._courses.get(name) or self._begin(name) for name in window.rounds}
        self._driver.announce([one.playing for one in courses.values()], number, of)
        ready = {
            one.partition(":")[0]: courses[one.partition(":")[0]].before(one.partition(":")[2]) for one in window.takes
        }
        held = self._others(window.last, courses, ready)
        if held:
            self._driver.hold_back(window.last, held)
        for do in ORDER:
            for name, steps in ready.items():
                for step in steps:
                    if step.do == do:
                        self._driver.carry_out(step, courses[name].playing)
        takers = [
            Taker(one.playing, one.import_(), last=bool(held) and name == window.last) for name, one in courses.items()
        ]
        self._driver.take_in(takers, since, lines)
        for course in courses.values():
            for step in course.after():
                self._driver.carry_out(step, course.playing)

    def _begin(self, name: str) -> _Course:
        number, round_ = self._rounds[name]
        edition, more = self._editions.get(name, ""), self._fillers.get(name, ())
        playing = self._driver.begin(round_, number, self._of, edition, more)
        course = _Course(playing, self._scripts[name].steps)
        self._courses[name] = course
        return course

    def _others(self, last: str, courses: dict[str, _Course], ready: dict[str, list[Step]]) -> list[str]:
        """受付番号 of what the product has yet to fetch for the rounds but ``last``, whose transfer nothing disturbs."""
        wanted = self._laid - self._driver.delivered()
        for name, steps in ready.items():
            for step in steps:
                if step.do == "load":
                    cases = self._driver.loads(step, courses[name].playing.planned)
                    fetched = {one.receipt_no for one in cases if one.procedure_id in self._procedures}
                    self._laid |= fetched
                    if not any(fault.get("own") for one in steps for fault in one.faults):
                        wanted |= fetched
        return sorted(wanted - {one.receipt_no for one in courses[last].playing.planned}) if last else []
