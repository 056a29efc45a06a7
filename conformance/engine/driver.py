"""Plays the script of one round against the product and writes down what was observed.

The driver judges nothing. A step that fails is on record as failed and the script goes on where that makes sense;
only a product that does not answer at all ends the round (the rest is then 未検証).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from conformance.adapters.base import Adapter, AdapterProblem, Expected, ProductUnreachable, Sheet
from conformance.catalogue import Catalogue, Step
from conformance.engine.activity import Activity
from conformance.engine.contract import Contract
from conformance.engine.core_visits import CoreVisits
from conformance.engine.handover import Handover
from conformance.engine.masking import Masker
from conformance.engine.playing import Notes, Playing, Taker
from conformance.engine.screen import ScreenReader
from conformance.engine.secrets import Redactor
from conformance.engine.shown import shown_detail, shown_rows
from conformance.engine.staff import Staff
from conformance.engine.stages import given_of, seen_of
from conformance.engine.tape import AdapterTape
from conformance.engine.truth import truth_of
from conformance.engine.watch import Watch
from conformance.events import ApplicationsGiven, ApplicationsSeen, Event, RoundStarted, StepFinished, StepStarted
from conformance.plan import Plan, PlannedRound
from conformance.record import (
    CaseTruth,
    FetchedAttachment,
    Record,
    Snapshot,
    StepResult,
)
from conformance.record import Screen as ScreenSeen
from fixtures.cases import Case
from interface_spec.control import (
    ApplicationDetail,
    Ingestion,
    Job,
    JobState,
)
from mock_services.control import ApplicationMeta, Fault, FaultState, LinkRecord, WorldClient

if TYPE_CHECKING:
    from fixtures.world import World

Emit = Callable[[Event], None]

WORDS: dict[str, tuple[str, str]] = {
    "load": ("申請を受け付ける", "submit applications"),
    "links": ("新しいシリアル番号が既存住基に届く", "new serials reach the resident register"),
    "sync": ("番号紐付情報・宛名情報を最新化する", "synchronise links and person data"),
    "import": ("申請データを取り込む", "import applications"),
    "snapshot": ("申請管理システムの内容を読み取る", "read the product's applications"),
    "pull": ("基幹システムが受け取りに来る", "core systems collect"),
    "trespass": ("渡してはならない申請を、受付番号で直接求める", "ask by number for what must not be handed over"),
    "review": ("審査を進める", "review applications"),
    "illegal": ("許されない状態変更を試みる", "try forbidden changes"),
    "slip": (
        "理由のない却下や、古い版を見た変更を試みる",
        "try a rejection without a reason, a change on an old version",
    ),
    "reopen": ("審査完了を審査中へ戻す", "reopen completed applications"),
    "relay": ("連携サーバ", "relay"),
    "faults": ("擾乱を設定する", "set the disturbance"),
    "wait": ("待つ", "wait"),
}
MOST_MESSAGE = 2000
"""Characters of a product's message that are kept."""
MOST_SEEN = 64 * 1024 * 1024
"""Characters of applications and screens that the records of one run may hold; an ordinary run has less than a hundredth of it."""
PRODUCT_STEPS = ("sync", "import")


def now() -> datetime:
    """Wall time of the run's own log lines; never data of the world."""
    return datetime.now(UTC)


def _sheet(round_: PlannedRound, number: int, of: int, cases: list[Case]) -> Sheet:
    expected = tuple(Expected(case.receipt_no, case.procedure_id) for case in cases)
    return Sheet(round=round_.id, number=number, of=of, ja=round_.ja, en=round_.en, expected=expected)


def _meta(case: Case) -> ApplicationMeta:
    return ApplicationMeta(
        receipt_no=case.receipt_no,
        procedure_id=case.procedure_id,
        dantai_code=case.dantai_code,
        received_at=case.received_at,
        arrived_at=case.arrived_at,
    )


@dataclass(frozen=True)
class Tried:
    """What became of an act against the product."""

    ok: bool
    message: str
    job: Job | None = None
    gone: ProductUnreachable | None = None
    """The product did not answer at all: to be raised once the step is on record."""


class Driver:
    """Plays rounds; one instance a run."""

    def __init__(
        self,
        *,
        plan: Plan,
        catalogue: Catalogue,
        world: World,
        client: WorldClient,
        adapter: Adapter,
        tape: AdapterTape,
        screen: ScreenReader | None,
        handover: Handover,
        relay_address: str,
        fqdn: str,
        redact: Redactor,
        masker: Masker,
        emit: Emit,
        activity: Activity,
        waits: bool = False,
    ) -> None:
        """``waits``: the product takes in on its own schedule."""
        self._masker = masker
        self._plan, self._catalogue, self._world = plan, catalogue, world
        self._client, self._adapter, self._tape = client, adapter, tape
        self._redact, self._emit = redact, emit
        self._relay_address, self._fqdn, self._screen = relay_address, fqdn, screen
        self._screens_wanted = {
            case for one in catalogue.checks.values() if one.needs == "screen" for case in one.cases
        }
        self._seen = 0
        self._known: dict[str, CaseTruth] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._held_back: dict[str, list[str]] = {}
        self._activity, self._waits = activity, waits
        contract = Contract(world.profile)
        self._watch = Watch(client, contract, redact, masker)
        self._staff = Staff(adapter, catalogue, self.told)
        self._cores = CoreVisits(handover, catalogue, contract, masker, redact, self.told)

    # -- one round -----------------------------------------------------------------------------------------------

    def play(self, round_: PlannedRound, number: int, of: int, edition: str = "") -> Record:
        """The record of ``round_``, played by itself. Raises only for our own bugs.

        ``edition``: after each case's name, to send other applications of the same cases (`fixtures.outline.FURTHER`).
        """
        playing = self.begin(round_, number, of, edition)
        self._adapter.begin(_sheet(round_, number, of, playing.planned))
        alive = True
        for step in self._catalogue.disturbances[round_.id].steps:
            try:
                self.carry_out(step, playing)
            except ProductUnreachable as error:
                alive, playing.notes.trouble = False, self.told(str(error))
                break
        self.clear()
        return self.end(playing, alive=alive)

    def begin(self, round_: PlannedRound, number: int, of: int, edition: str = "", more: Sequence[str] = ()) -> Playing:
        """Makes the round's applications and puts on record what the product may come to hold.

        ``more``: further applications that are sent with it and that no check looks at.
        """
        self._emit(RoundStarted(at=now(), round=round_.id, number=number, of=of, ja=round_.ja, en=round_.en))
        cases = [replace(self._world.case(name + edition), name=name) for name in round_.cases]
        notes = Notes(cases={case.name: truth_of(case) for case in cases})
        fillers = [self._world.case(name) for name in more]
        truths = [*notes.cases.values(), *(truth_of(case) for case in fillers)]
        self._known.update({one.receipt_no: one for one in truths})
        self._activity.expect({one.receipt_no for one in truths if one.fate == "stored"})
        given = tuple(given_of(truth) for truth in truths)
        self._emit(ApplicationsGiven(at=now(), round=round_.id, applications=given))
        return Playing(round_, cases, notes, began=self._watch.now(), fillers=fillers)

    def end(self, playing: Playing, *, alive: bool) -> Record:
        """What the round has observed."""
        round_, notes = playing.round, playing.notes
        if alive:
            alive, notes.trouble = self._still_alive(notes.trouble)
        own = {one.receipt_no for one in notes.cases.values()}
        watched = self._watch.since(playing.began, playing.not_of_it)
        exchanges = list(watched.exchanges)
        for start, stop in playing.tape:
            exchanges += self._tape.exchanges[start:stop]
        record = Record(
            round=round_.id,
            relay_address=self._relay_address,
            download_fqdn=self._fqdn,
            cases=notes.cases,
            bystanders=tuple(one for receipt, one in self._known.items() if receipt not in own),
            steps=tuple(notes.steps),
            snapshots=notes.snapshots,
            pulls=notes.pulls,
            forbidden=notes.forbidden,
            reviews=tuple(notes.reviews),
            exchanges=tuple(exchanges),
            relay_log=watched.relay_log,
            alive=alive,
            trouble=notes.trouble,
            unseen=tuple(sorted(self._adapter.unseen)),
            gap_ja=watched.gap[0],
            gap_en=watched.gap[1],
        )
        self._emit(ApplicationsSeen(at=now(), round=round_.id, applications=seen_of(record)))
        return record

    def clear(self) -> None:
        """No disturbance is left."""
        self._faults.clear()
        self._client.clear_faults()
        self._client.relay_start()

    def assume(self, record: Record, number: int, of: int, round_: PlannedRound) -> None:
        """A round that an earlier run has played: nothing is done, its record stands."""
        self._emit(RoundStarted(at=now(), round=round_.id, number=number, of=of, ja=round_.ja, en=round_.en))
        words = "前回の実施の記録を引き継いだ / taken over from the earlier run"
        self._emit(StepFinished(at=now(), round=round_.id, step="resumed", ok=True, message=words, seconds=0))
        given = tuple(given_of(truth) for truth in record.cases.values())
        self._emit(ApplicationsGiven(at=now(), round=round_.id, applications=given))
        self._emit(ApplicationsSeen(at=now(), round=round_.id, applications=seen_of(record)))
        self._known.update({one.receipt_no: one for one in record.cases.values()})

    def _still_alive(self, trouble: str) -> tuple[bool, str]:
        try:
            self._adapter.health()
        except (ProductUnreachable, AdapterProblem) as error:
            return False, trouble or self.told(str(error))
        return True, trouble

    def told(self, message: str) -> str:
        """What is kept of a product's own words."""
        return self._redact(self._masker.text(message[: 10 * MOST_MESSAGE]))[:MOST_MESSAGE]

    def announce(self, playing: Sequence[Playing], number: int, of: int) -> None:
        """Tells whoever acts for the product which applications the next import is about."""
        cases = [case for one in playing for case in (*one.planned, *one.fillers)]
        expected = tuple(Expected(case.receipt_no, case.procedure_id) for case in cases)
        ja = "・".join(one.round.ja for one in playing)
        en = "; ".join(one.round.en for one in playing)
        self._adapter.begin(Sheet(round=f"window-{number}", number=number, of=of, ja=ja, en=en, expected=expected))

    def relay_lines(self) -> int:
        """Lines of the relay's log so far."""
        return self._client.health().relay_lines

    def delivered(self) -> set[str]:
        """受付番号 of good applications whose ZIPs the product has been given whole."""
        return self._activity.delivered()

    def last_exchange(self) -> int:
        """Number of the newest exchange with the simulated world."""
        return self._client.last_seq()

    def carry_out(self, step: Step, playing: Playing) -> None:
        """One step of a round. Raises ProductUnreachable, with the step on record as failed."""
        if step.do == "import":
            before = playing.notes.steps[-1] if playing.notes.steps else None
            waited = self._waits and before is not None and before.do == "sync"
            since = before.first_exchange if before is not None and waited else self.last_exchange()
            self.take_in([Taker(playing, step)], since, self.relay_lines())
            return
        name = _name(step)
        self._begun(playing, step)
        started, clock, before_it, tape = now(), time.monotonic(), self.last_exchange(), len(self._tape.exchanges)
        tried = self._try(lambda: self._act(step, playing, name))
        playing.tape.append((tape, len(self._tape.exchanges)))
        done = StepResult(
            name=name,
            do=step.do,
            what=step.what,
            ok=tried.ok,
            message=tried.message,
            started_at=started,
            ended_at=now(),
            first_exchange=before_it,
            last_exchange=self.last_exchange(),
            job=tried.job,
        )
        self._ended(playing, done, time.monotonic() - clock)
        if tried.gone is not None:
            raise tried.gone

    def take_in(self, takers: Sequence[Taker], since: int, lines: int) -> None:
        """One import of the product, observed by every round in ``takers``. Raises ProductUnreachable.

        ``since``: exchange, ``lines``: line of the relay's log after which something can belong to it. A product that takes
        in on its own schedule synchronises then, too.
        """
        for one in takers:
            self._begun(one.playing, one.step)
        started, clock, tape = now(), time.monotonic(), len(self._tape.exchanges)
        tried = self._try(self._adapter.import_now)
        ended, last, tunnels = now(), self.last_exchange(), self._watch.tunnels(lines, self._fqdn)
        began = self._begun_fault() if any(one.last for one in takers) else None
        for one in takers:
            first, opened = since, tunnels
            if one.last:
                first = (began.began_seq or 0) if began else last
                one.playing.not_of_it.update(began.under_way if began else ())
                opened = began.applied if began else 0
            one.playing.tape.append((tape, len(self._tape.exchanges)))
            done = StepResult(
                name=_name(one.step),
                do=one.step.do,
                what=one.step.what,
                ok=tried.ok,
                message=tried.message,
                started_at=started,
                ended_at=ended,
                first_exchange=first,
                last_exchange=last,
                tunnels=opened,
                job=tried.job,
            )
            if self._waits:
                one.playing.notes.stretch_sync(since, last)
            self._ended(one.playing, done, time.monotonic() - clock)
        if tried.gone is not None:
            raise tried.gone

    def _try(self, act: Callable[[], Job | None]) -> Tried:
        """What became of one act; the product's own words are kept as `told`."""
        try:
            job = act()
        except AdapterProblem as error:
            return Tried(ok=False, message=self.told(str(error)))
        except ProductUnreachable as error:
            return Tried(ok=False, message=self.told(str(error)), gone=error)
        if job is None:
            return Tried(ok=True, message="")
        job = job.model_copy(update={"message": self.told(job.message)})
        return Tried(ok=job.state is JobState.DONE, message=job.message, job=job)

    def _begun_fault(self) -> FaultState | None:
        """The fault that had to wait for others, once it is at work."""
        return next((one for one in self._client.faults() if one.fault.after and one.began_at is not None), None)

    def _begun(self, playing: Playing, step: Step) -> None:
        ja, en = WORDS[step.do]
        actor: Literal["product", "harness"] = "product" if step.do in PRODUCT_STEPS else "harness"
        self._emit(StepStarted(at=now(), round=playing.round.id, step=_name(step), ja=ja, en=en, actor=actor))

    def _ended(self, playing: Playing, done: StepResult, seconds: float) -> None:
        playing.notes.steps.append(done)
        told = StepFinished(
            at=now(), round=playing.round.id, step=done.name, ok=done.ok, message=done.message, seconds=seconds
        )
        self._emit(told)

    def _act(self, step: Step, playing: Playing, name: str) -> Job | None:
        cases, notes = playing.planned, playing.notes
        match step.do:
            case "load":
                wanted = [*playing.fillers, *self.loads(step, cases)]
                self._client.load_applications((_meta(case), case.zip_bytes) for case in wanted)
            case "links":
                self._client.put_links([LinkRecord(**asdict(row)) for case in cases for row in case.late_links])
                if withdrawn := [serial for case in cases for serial in case.withdrawn_links]:
                    self._client.delete_links(withdrawn)
            case "sync":
                return self._adapter.sync()
            case "snapshot":
                notes.snapshots[step.what] = self._snapshot(
                    [one for one in cases if self._looked_at(step, one)], deep=step.deep
                )
            case "pull":
                notes.pulls[step.what] = self._cores.collect(cases)
            case "trespass":
                notes.forbidden += self._cores.trespass(cases)
            case "review":
                self._staff.review(cases, notes, name)
            case "illegal":
                self._staff.illegal(cases, notes, name)
            case "slip":
                self._staff.slip(cases, notes, name, step.what)
            case "reopen":
                self._staff.reopen(cases, notes, name)
            case "relay":
                (self._client.relay_stop if step.what == "stop" else self._client.relay_start)()
            case "faults":
                self._disturb(playing.round.id, step, cases)
            case "wait":
                time.sleep(step.seconds)
        return None

    def hold_back(self, round_id: str, receipts: Sequence[str]) -> None:
        """The faults of that round, armed next, begin when these have been delivered."""
        self._held_back[round_id] = list(receipts)

    def _disturb(self, round_id: str, step: Step, cases: list[Case]) -> None:
        """Arms what the step says, in the place of what the round had armed; other rounds' faults stay."""
        own = [case.receipt_no for case in cases]
        after = self._held_back.pop(round_id, [])
        self._faults[round_id] = [
            Fault.model_validate(
                {name: value for name, value in one.items() if name != "own"}
                | ({"receipts": own} if one.get("own") else {})
                | {"after": after}
            )
            for one in step.faults
        ]
        self._client.set_faults([fault for faults in self._faults.values() for fault in faults])

    def loads(self, step: Step, cases: list[Case]) -> list[Case]:
        """The applications that a step ``load`` lays ready."""
        return [one for one in cases if self._catalogue.stimulus(one.name).load == (step.what or "start")]

    # -- the steps -----------------------------------------------------------------------------------------------

    def _snapshot(self, cases: list[Case], *, deep: bool) -> Snapshot:
        listed = list(shown_rows(self._adapter.applications(), self._masker))
        present = {one.receipt_no for one in listed}
        details: dict[str, ApplicationDetail] = {}
        fetched: dict[str, tuple[FetchedAttachment, ...]] = {}
        screens: dict[str, ScreenSeen] = {}
        for case in cases:
            detail = self._adapter.application(case.receipt_no) if case.receipt_no in present else None
            if detail is None:
                continue
            details[case.receipt_no] = shown_detail(detail, self._masker)
            self._kept(len(details[case.receipt_no].model_dump_json()))
            if deep and detail.ingestion is Ingestion.STORED:
                if self._catalogue.stimulus(case.name).attachments and "attachments" not in self._adapter.unseen:
                    fetched[case.receipt_no] = tuple(self._fetch(case.receipt_no, a.seq) for a in detail.attachments)
                if self._screen is not None and case.name in self._screens_wanted:
                    screens[case.receipt_no] = self._screen.look(case.receipt_no)
                    self._kept(len(screens[case.receipt_no].text))
        return Snapshot(listed=tuple(listed), details=details, attachments=fetched, screens=screens)

    def _kept(self, size: int) -> None:
        """Raises AdapterProblem once what is kept of the product's applications has become too much."""
        self._seen += size
        if self._seen > MOST_SEEN:
            raise AdapterProblem(
                "applications",
                f"申請の内容が実施全体で {MOST_SEEN} 字を超えたため、読み取りません",
                f"what the product says of its applications exceeds {MOST_SEEN} characters in this run: not read",
            )

    def _looked_at(self, step: Step, case: Case) -> bool:
        """Whether a snapshot reads the case's detail; of cases to which nothing has happened the list says enough."""
        stimulus = self._catalogue.stimulus(case.name)
        late = bool(case.late_links or case.withdrawn_links) or stimulus.load == "late"
        if step.late:
            return late
        return not step.brief or late or bool(stimulus.review or stimulus.illegal)

    def _fetch(self, receipt_no: str, seq: int) -> FetchedAttachment:
        status, data = self._adapter.attachment(receipt_no, seq)
        return FetchedAttachment(seq=seq, status=status, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _name(step: Step) -> str:
    return f"{step.do}:{step.what}" if step.what else step.do
