"""Plays every round of a plan and writes its record: one by one, or together where the product takes in on its own schedule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from conformance.catalogue import UNDISTURBED, load_catalogue
from conformance.engine import resume
from conformance.engine.driver import Driver
from conformance.engine.judge import judged_apart
from conformance.engine.windows import Together
from conformance.plan import Plan, PlannedRound
from conformance.record import Record
from conformance.sharing import coinciding, editions, filling
from conformance.verdicts import Raw, worst
from fixtures.outline import AGAIN
from interface_spec.control import Ingestion

LIMIT_SECONDS = 180
Warn = Callable[[str, str], None]


class Rounds:
    """The rounds of one run.

    ``kept``: records of an earlier run that stand; ``begun``: rounds of it that were cut short, to be played by themselves.
    """

    def __init__(
        self, driver: Driver, plan: Plan, run_dir: Path, kept: Mapping[str, Record], begun: Collection[str] = ()
    ) -> None:
        self._driver, self._plan, self._kept, self._cut_short = driver, plan, kept, begun
        self._records = run_dir / "records"
        self._run_dir = run_dir
        self._catalogue = load_catalogue(plan.role)

    def play(self, procedures: tuple[str, ...], judging: list[str], warn: Warn) -> None:
        """Plays what is not kept. A product that is lost ends it.

        ``procedures``: those that the product takes in; ``judging``: command of the check process. Raises NotJudged.
        """
        of = len(self._plan.rounds)
        numbered = dict(enumerate(self._plan.rounds, 1))
        for number, round_ in numbered.items():
            if round_.id in self._kept:
                self._driver.assume(self._kept[round_.id], number, of, round_)
                resume.keep(self._kept[round_.id], self._run_dir)
        rest = {number: one for number, one in numbered.items() if one.id not in self._kept}
        if not self._plan.shared:
            for number, round_ in rest.items():
                if not self._write(self._driver.play(round_, number, of)):
                    return
            return
        cases = {one.id: one.cases for one in rest.values() if one.id not in self._cut_short}
        windows = coinciding(self._catalogue.windows, cases.keys())
        together = Together(self._driver, self._catalogue.disturbances, procedures, rest, of)
        alive = True
        fillers, behind = filling(self._catalogue.windows, cases), editions(self._catalogue.windows)
        for record in together.play(windows, fillers, behind):
            alive = self._write(record) and alive
        self._confirm(rest, judging, warn, alive=alive)

    def _confirm(self, played: Mapping[int, PlannedRound], judging: list[str], warn: Warn, *, alive: bool) -> None:
        """What did not pass together may be another disturbance's doing: it is played again by itself, with other applications.

        Not where nothing could be told by itself either: the product is lost, or does not get over applications that stay
        in the list, or the record has a gap.
        """
        ends, past = self._ends(judging), True
        missed = {
            one.round: one.id
            for one in reversed(self._plan.checks)
            if one.status == "run" and one.round != UNDISTURBED and ends.get(one.id) is not Raw.PASS
        }
        doubtful = {
            number: one
            for number, one in played.items()
            if one.id in missed and (one.id in self._cut_short or self._can_be_repeated(one.id))
        }
        repeated, dropped = list[str](), list[str]()
        for number in sorted(doubtful, key=lambda one: (not self._lasting(doubtful[one].id), one)):
            round_ = doubtful[number]
            if alive and past:
                record = self._driver.play(round_, number, len(self._plan.rounds), AGAIN)
                repeated.append(missed[round_.id])
                alive = self._write(record)
                past = _got_past(record) if self._lasting(round_.id) else past
            elif self._path(round_.id).is_file() and self._alive_in(round_.id):
                self._path(round_.id).unlink()
                dropped.append(missed[round_.id])
        if repeated:
            names = ", ".join(sorted(repeated))
            warn(
                f"取込みを共にした実施では確かめられなかったため、単独のラウンドで確かめ直した（{names}）",
                f"could not be shown while imports were shared, so repeated in rounds of their own ({names})",
            )
        if dropped:
            names = ", ".join(sorted(dropped))
            warn(
                f"製品の取込みが進まなくなったため、単独では確かめられず、未検証とした（{names}）",
                f"unverified: the product's imports no longer got through, so that nothing could be shown by itself ({names})",
            )

    def _lasting(self, round_id: str) -> bool:
        return self._catalogue.disturbances[round_id].lasting

    def _ends(self, judging: list[str]) -> dict[str, Raw]:
        """How each check ends on the records that there are now, by its id."""
        records = {path.stem: path.read_bytes() for path in sorted(self._records.glob("*.json"))}
        ended: dict[str, list[Raw]] = {}
        for one in judged_apart(judging, self._plan.model_dump_json(), records, LIMIT_SECONDS):
            ended.setdefault(one.check, []).append(one.raw)
        return {check: worst(raws) or Raw.ERROR for check, raws in ended.items()}

    def _write(self, record: Record) -> bool:
        self._path(record.round).write_text(record.model_dump_json(), encoding="utf-8")
        return record.alive

    def _path(self, round_id: str) -> Path:
        return self._records / f"{round_id}.json"

    def _can_be_repeated(self, round_id: str) -> bool:
        return self._path(round_id).is_file() and not self._read(round_id).gap_ja

    def _alive_in(self, round_id: str) -> bool:
        return self._read(round_id).alive

    def _read(self, round_id: str) -> Record:
        return Record.model_validate_json(self._path(round_id).read_text(encoding="utf-8"))


def _got_past(record: Record) -> bool:
    """Whether the product took in what is good, although there was something bad beside it."""
    good = {one.receipt_no for one in record.cases.values() if one.fate == "stored"}
    stored = {
        one.receipt_no for shot in record.snapshots.values() for one in shot.listed if one.ingestion is Ingestion.STORED
    }
    return good <= stored
