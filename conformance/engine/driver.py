"""Plays the script of one round against the product and writes down what was observed.

The driver judges nothing. A step that fails is on record as failed and the script goes on where that makes sense;
only a product that does not answer at all ends the round (the rest is then 未検証).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from conformance.adapters.base import Adapter, AdapterProblem, Expected, ProductUnreachable, Sheet
from conformance.catalogue import Catalogue, Step
from conformance.engine.contract import Contract
from conformance.engine.core_visits import CoreVisits
from conformance.engine.handover import Handover
from conformance.engine.masking import PULL, Masker
from conformance.engine.screen import ScreenReader
from conformance.engine.secrets import Redactor
from conformance.engine.shown import shown_detail, shown_row
from conformance.engine.stages import given_of, seen_of
from conformance.engine.tape import AdapterTape
from conformance.engine.truth import truth_of
from conformance.events import ApplicationsGiven, ApplicationsSeen, Event, RoundStarted, StepFinished, StepStarted
from conformance.plan import Plan, PlannedRound
from conformance.record import (
    CaseTruth,
    Exchange,
    FetchedAttachment,
    Forbidden,
    Pull,
    Record,
    RelayLine,
    ReviewAttempt,
    Snapshot,
    StepResult,
)
from conformance.record import Screen as ScreenSeen
from fixtures.cases import Case
from interface_spec.control import (
    ApplicationDetail,
    IdentifyPerson,
    Ingestion,
    Job,
    JobState,
    PersonState,
    Review,
    ReviewChange,
    Role,
)
from mock_services.control import ApplicationMeta, Body, Fault, LinkRecord, WorldClient
from mock_services.control import Exchange as WorldExchange

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


def _shown(body: Body) -> str:
    return body.text if body.text is not None else f"（{body.size} bytes, SHA-256 {body.sha256}）"


@dataclass
class _Notes:
    """What the round has gathered so far."""

    cases: dict[str, CaseTruth] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    pulls: dict[str, tuple[Pull, ...]] = field(default_factory=dict)
    forbidden: tuple[Forbidden, ...] = ()
    reviews: list[ReviewAttempt] = field(default_factory=list)
    trouble: str = ""


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
    ) -> None:
        self._masker = masker
        self._plan, self._catalogue, self._world = plan, catalogue, world
        self._client, self._adapter, self._tape = client, adapter, tape
        self._redact, self._emit = redact, emit
        self._relay_address, self._fqdn, self._screen = relay_address, fqdn, screen
        self._screens_wanted = {
            case for one in catalogue.checks.values() if one.needs == "screen" for case in one.cases
        }
        self._loaded: dict[str, CaseTruth] = {}
        self._contract = Contract(world.profile)
        self._cores = CoreVisits(handover, catalogue, self._contract, masker, redact, self._told)

    # -- one round -----------------------------------------------------------------------------------------------

    def play(self, round_: PlannedRound, number: int, of: int) -> Record:
        """The record of ``round_``. Raises only for our own bugs."""
        self._emit(RoundStarted(at=now(), round=round_.id, number=number, of=of, ja=round_.ja, en=round_.en))
        cases = [self._world.case(name) for name in round_.cases]
        notes = _Notes(cases={case.name: truth_of(case) for case in cases})
        given = tuple(given_of(truth) for truth in notes.cases.values())
        self._emit(ApplicationsGiven(at=now(), round=round_.id, applications=given))
        self._adapter.begin(_sheet(round_, number, of, cases))
        first, tape_first = self._last_exchange(), len(self._tape.exchanges)
        alive = True
        for step in self._catalogue.disturbances[round_.id].steps:
            try:
                self._carry_out(step, cases, notes, round_.id)
            except ProductUnreachable as error:
                alive, notes.trouble = False, self._told(str(error))
                break
        self._client.clear_faults()
        self._client.relay_start()
        if alive:
            alive, notes.trouble = self._still_alive(notes.trouble)
        self._loaded.update(notes.cases)
        world_exchanges = [self._exchange(one) for one in self._client.exchanges(first)]
        record = Record(
            round=round_.id,
            relay_address=self._relay_address,
            download_fqdn=self._fqdn,
            cases=notes.cases,
            bystanders=tuple(one for name, one in self._loaded.items() if name not in notes.cases),
            steps=tuple(notes.steps),
            snapshots=notes.snapshots,
            pulls=notes.pulls,
            forbidden=notes.forbidden,
            reviews=tuple(notes.reviews),
            exchanges=tuple(world_exchanges + self._tape.exchanges[tape_first:]),
            relay_log=tuple(_relay_line(line) for line in self._client.relay_log()),
            alive=alive,
            trouble=notes.trouble,
            unseen=tuple(sorted(self._adapter.unseen)),
        )
        self._emit(ApplicationsSeen(at=now(), round=round_.id, applications=seen_of(record)))
        return record

    def assume(self, record: Record, number: int, of: int, round_: PlannedRound) -> None:
        """A round that an earlier run has played: nothing is done, its record stands."""
        self._emit(RoundStarted(at=now(), round=round_.id, number=number, of=of, ja=round_.ja, en=round_.en))
        words = "前回の実施の記録を引き継いだ / taken over from the earlier run"
        self._emit(StepFinished(at=now(), round=round_.id, step="resumed", ok=True, message=words, seconds=0))
        given = tuple(given_of(truth) for truth in record.cases.values())
        self._emit(ApplicationsGiven(at=now(), round=round_.id, applications=given))
        self._emit(ApplicationsSeen(at=now(), round=round_.id, applications=seen_of(record)))
        self._loaded.update(record.cases)

    def _still_alive(self, trouble: str) -> tuple[bool, str]:
        try:
            self._adapter.health()
        except (ProductUnreachable, AdapterProblem) as error:
            return False, trouble or self._told(str(error))
        return True, trouble

    def _told(self, message: str) -> str:
        """What is kept of a product's own words."""
        return self._redact(self._masker.text(message[: 10 * MOST_MESSAGE]))[:MOST_MESSAGE]

    def _last_exchange(self) -> int:
        return self._client.last_seq()

    def _carry_out(self, step: Step, cases: list[Case], notes: _Notes, round_id: str) -> None:
        name = f"{step.do}:{step.what}" if step.what else step.do
        ja, en = WORDS[step.do]
        self._emit(
            StepStarted(
                at=now(),
                round=round_id,
                step=name,
                ja=ja,
                en=en,
                actor="product" if step.do in PRODUCT_STEPS else "harness",
            )
        )
        started, clock, before = now(), time.monotonic(), self._last_exchange()
        lines = len(self._client.relay_log()) if step.do == "import" else 0
        ok, message, job = True, "", None
        try:
            job = self._act(step, cases, notes, name)
            if job is not None:
                job = job.model_copy(update={"message": self._told(job.message)})
                ok, message = job.state is JobState.DONE, job.message
        except AdapterProblem as error:
            ok, message = False, str(error)
        except ProductUnreachable as error:
            ok, message = False, str(error)
            raise
        finally:
            message = self._told(message)
            notes.steps.append(
                StepResult(
                    name=name,
                    do=step.do,
                    what=step.what,
                    ok=ok,
                    message=message,
                    started_at=started,
                    ended_at=now(),
                    first_exchange=before,
                    last_exchange=self._last_exchange(),
                    tunnels=self._tunnels(lines) if step.do == "import" else 0,
                    job=job,
                )
            )
            self._emit(
                StepFinished(
                    at=now(),
                    round=round_id,
                    step=name,
                    ok=ok,
                    message=message,
                    seconds=time.monotonic() - clock,
                )
            )

    def _tunnels(self, seen: int) -> int:
        """Tunnels to the download function that the relay has opened since its log had ``seen`` lines."""
        lines = [_relay_line(line) for line in self._client.relay_log()[seen:]]
        return sum(line.host == self._fqdn and line.verdict == "allow" for line in lines)

    def _act(self, step: Step, cases: list[Case], notes: _Notes, name: str) -> Job | None:
        match step.do:
            case "load":
                self._load(cases, step.what)
            case "links":
                self._client.put_links([LinkRecord(**asdict(row)) for case in cases for row in case.late_links])
                if withdrawn := [serial for case in cases for serial in case.withdrawn_links]:
                    self._client.delete_links(withdrawn)
            case "sync":
                return self._adapter.sync()
            case "import":
                return self._adapter.import_now()
            case "snapshot":
                notes.snapshots[step.what] = self._snapshot(
                    [one for one in cases if self._looked_at(step, one)], deep=step.deep
                )
            case "pull":
                notes.pulls[step.what] = self._cores.collect(cases)
            case "trespass":
                notes.forbidden += self._cores.trespass(cases)
            case "review":
                self._review(cases, notes, name)
            case "illegal":
                self._illegal(cases, notes, name)
            case "slip":
                self._slip(cases, notes, name, step.what)
            case "reopen":
                self._reopen(cases, notes, name)
            case "relay":
                (self._client.relay_stop if step.what == "stop" else self._client.relay_start)()
            case "faults":
                self._client.set_faults([Fault.model_validate(one) for one in step.faults])
            case "wait":
                time.sleep(step.seconds)
        return None

    # -- the steps -----------------------------------------------------------------------------------------------

    def _load(self, cases: list[Case], group: str) -> None:
        wanted = [case for case in cases if self._catalogue.stimulus(case.name).load == (group or "start")]
        self._client.load_applications((_meta(case), case.zip_bytes) for case in wanted)

    def _snapshot(self, cases: list[Case], *, deep: bool) -> Snapshot:
        listed = [shown_row(one, self._masker) for one in self._adapter.applications()]
        present = {one.receipt_no for one in listed}
        details: dict[str, ApplicationDetail] = {}
        fetched: dict[str, tuple[FetchedAttachment, ...]] = {}
        screens: dict[str, ScreenSeen] = {}
        for case in cases:
            detail = self._adapter.application(case.receipt_no) if case.receipt_no in present else None
            if detail is None:
                continue
            details[case.receipt_no] = shown_detail(detail, self._masker)
            if deep and detail.ingestion is Ingestion.STORED:
                if self._catalogue.stimulus(case.name).attachments and "attachments" not in self._adapter.unseen:
                    fetched[case.receipt_no] = tuple(self._fetch(case.receipt_no, a.seq) for a in detail.attachments)
                if self._screen is not None and case.name in self._screens_wanted:
                    screens[case.receipt_no] = self._screen.look(case.receipt_no)
        return Snapshot(listed=tuple(listed), details=details, attachments=fetched, screens=screens)

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

    def _review(self, cases: list[Case], notes: _Notes, step: str) -> None:
        for case in cases:
            path = self._catalogue.stimulus(case.name).review
            if not path:
                continue
            now_ = self._adapter.application(case.receipt_no)
            if now_ is not None and Review.COMPLETED in path:
                now_ = self._decide_persons(case, now_)
            for to in path:
                if now_ is not None:
                    now_ = self._attempt(case, to, now_, notes, step)

    def _decide_persons(self, case: Case, detail: ApplicationDetail) -> ApplicationDetail:
        """Staff decide about every person that the product has not identified, as a careful member of staff would."""
        core = truth_of(case).core_system
        truths = {Role.SIGNER: case.truth.signer, Role.SUBJECT: case.truth.subject}
        for person in detail.persons:
            if person.state is PersonState.STAFF:
                truth = truths.get(person.role)
                number = truth.numbers.get(core, "") if truth else ""
                changed = self._adapter.identify(
                    case.receipt_no,
                    IdentifyPerson(
                        role=person.role, atena_no=number or None, reason="職員が本人確認書類で確認（試験）"
                    ),
                )
                detail = changed.detail or detail
        return detail

    def _illegal(self, cases: list[Case], notes: _Notes, step: str) -> None:
        for case in cases:
            for to in self._catalogue.stimulus(case.name).illegal:
                before = self._adapter.application(case.receipt_no)
                if before is not None:
                    self._attempt(case, to, before, notes, step)

    def _slip(self, cases: list[Case], notes: _Notes, step: str, kind: str) -> None:
        """A rejection without a reason; a change on the version of the first reading, as if nobody had worked since."""
        for case in cases:
            if kind not in self._catalogue.stimulus(case.name).slips:
                continue
            before = self._adapter.application(case.receipt_no)
            first = notes.snapshots["first"].details.get(case.receipt_no) if "first" in notes.snapshots else None
            if before is not None and first is not None:
                if kind == "reasonless":
                    self._attempt(case, Review.REJECTED, before, notes, step, reason="")
                else:
                    seen = before.model_copy(update={"version": first.version})
                    self._attempt(case, Review.CORRECTION, seen, notes, step)

    def _reopen(self, cases: list[Case], notes: _Notes, step: str) -> None:
        for case in cases:
            if self._catalogue.stimulus(case.name).reopen:
                before = self._adapter.application(case.receipt_no)
                if before is not None:
                    self._attempt(case, Review.REVIEWING, before, notes, step)

    def _attempt(
        self,
        case: Case,
        to: Review,
        before: ApplicationDetail,
        notes: _Notes,
        step: str,
        reason: str | None = None,
    ) -> ApplicationDetail | None:
        """Asks for one change and writes down what became of it; a refusal is looked at again, in case it changed anyway."""
        if reason is None:
            needed = to in (Review.REJECTED, Review.WITHDRAWN, Review.CORRECTION)
            reason = "要件を満たさないため（試験）" if needed else ""
        changed = self._adapter.review(case.receipt_no, ReviewChange(to=to, reason=reason, version=before.version))
        after = changed.detail or self._adapter.application(case.receipt_no)
        notes.reviews.append(
            ReviewAttempt(
                step=step,
                case=case.name,
                to=to,
                status=changed.status,
                before=before.review,
                after=after.review if after else None,
                message=self._told(changed.message),
                exchange=changed.exchange,
            )
        )
        return after

    # -- evidence ------------------------------------------------------------------------------------------------

    def _exchange(self, one: WorldExchange) -> Exchange:
        return Exchange(
            seq=one.seq,
            at=one.at.isoformat(),
            system=one.system,
            operation=one.operation,
            peer=one.peer,
            method=one.method,
            target=self._redact(one.target),
            request_headers=self._redact.headers(dict(one.request_headers)),
            request_body=self._redact(_shown(one.request_body)),
            request_bytes=one.request_body.size,
            status=one.status,
            response_headers=self._redact.headers(dict(one.response_headers)),
            response_body=self._redact(self._masked_pull(one.system, _shown(one.response_body))),
            response_bytes=one.response_body.size,
            fault=one.fault,
            body_in_contract=self._contract.has_body(one.system, one.operation),
            refusal=self._contract.refusal(one.system, one.status, one.response_body.text or ""),
        )

    def _masked_pull(self, system: str, text: str) -> str:
        """What the product handed to a core system may be somebody else's application."""
        return self._masker.body(text) if system.startswith(PULL) else text


def _relay_line(line: dict[str, object]) -> RelayLine:
    return RelayLine.model_validate({key: line.get(key, "") for key in RelayLine.model_fields})
