"""What a round observed, as data: the only thing a check looks at.

The driver plays a round's script once and writes one `Record`; checks are pure readers of it, so that any number of
them share one import of the product, run in any order or in parallel, and can be repeated from the evidence.
Asking for something that did not take place raises `Unverified`: a check cannot pass on nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict

from conformance.outcomes import unverified
from interface_spec.control import ApplicationDetail, ApplicationSummary, Job, Person, Review


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ItemTruth(_Part):
    item_id: str
    label: str
    group: str
    occurrence: int
    value: str


class AttachmentTruth(_Part):
    seq: int
    label: str
    file_name: str
    size: int
    sha256: str


class PersonTruth(_Part):
    """Who a person really is. ``identifiable``: serial | basic4 | staff (must not be decided automatically)."""

    name: str
    juki_atena_no: str
    numbers: dict[str, str]
    identifiable: str


class CaseTruth(_Part):
    """One application as it was really made."""

    name: str
    ja: str
    receipt_no: str
    procedure_id: str
    core_system: str
    received_at: datetime
    arrived_at: datetime
    fate: str
    reason_ja: str
    zip_bytes: int
    zip_sha256: str
    items: tuple[ItemTruth, ...]
    attachments: tuple[AttachmentTruth, ...]
    signer: PersonTruth | None
    subject: PersonTruth | None


class StepResult(_Part):
    """``tunnels``: how often the product tried to reach the download function during an import, as seen at relay or handshake."""

    name: str
    do: str
    what: str
    ok: bool
    message: str = ""
    started_at: datetime
    ended_at: datetime
    first_exchange: int = 0
    last_exchange: int = 0
    tunnels: int = 0
    job: Job | None = None


class FetchedAttachment(_Part):
    seq: int
    status: int
    size: int
    sha256: str


class ScreenLink(_Part):
    """One link of the product's screen that was followed."""

    status: int
    size: int
    sha256: str


class Screen(_Part):
    """What a member of staff sees of one application: the visible text, and what its links gave."""

    status: int
    text: str
    links: tuple[ScreenLink, ...] = ()


class Snapshot(_Part):
    """The product's applications at one moment, through the adapter."""

    listed: tuple[ApplicationSummary, ...]
    details: dict[str, ApplicationDetail]
    attachments: dict[str, tuple[FetchedAttachment, ...]]
    screens: dict[str, Screen] = {}


class SeenPerson(Person):
    """A person of whom the adapter cannot see everything: what is missing makes the check that asks for it 未検証."""

    def __getattr__(self, name: str) -> Any:
        raise _not_seen(name, type(self).model_fields)


class SeenDetail(ApplicationDetail):
    """An application of which the adapter cannot see everything."""

    def __getattr__(self, name: str) -> Any:
        raise _not_seen(name, type(self).model_fields)


def _not_seen(name: str, known: Iterable[str]) -> Exception:
    if name not in known:
        return AttributeError(name)
    return unverified(
        f"アダプターから {name} が見えないため確認できない", f"the adapter cannot see {name}: nothing to look at"
    )


def seen_of(detail: ApplicationDetail, unseen: Iterable[str]) -> ApplicationDetail:
    """``detail`` without what the adapter cannot see (words of `conformance.adapters.base.SEEABLE`)."""
    missing = set(unseen)
    if not missing & {*ApplicationDetail.model_fields, "candidates"}:
        return detail
    seen = SeenDetail.model_construct(**dict(detail))
    if "candidates" in missing:
        persons = [SeenPerson.model_construct(**dict(one)) for one in detail.persons]
        for one in persons:
            one.__dict__.pop("candidates")
        seen.__dict__["persons"] = persons
    for name in missing & ApplicationDetail.model_fields.keys():
        seen.__dict__.pop(name)
    return seen


class ReviewAttempt(_Part):
    """One change of 審査状況 that was asked for, and what became of it."""

    step: str
    case: str
    to: Review
    status: int
    before: Review | None
    after: Review | None
    message: str = ""
    exchange: int = 0


class CoreReceived(_Part):
    """One application as the core system got it: canonical values by the profile, and where the answer broke it."""

    receipt_no: str
    fields: dict[str, Any]
    items: tuple[dict[str, Any], ...]
    attachments: tuple[dict[str, Any], ...]
    raw: str
    problems: tuple[str, ...]


class Pull(_Part):
    """One visit of a core system at the product's hand-over interface."""

    core_system: str
    listed: tuple[str, ...]
    received: tuple[CoreReceived, ...]
    acks: tuple[tuple[str, int], ...]
    acknowledged: tuple[str, ...] = ()
    problems: tuple[str, ...]

    def got(self, receipt_no: str) -> CoreReceived | None:
        return next((one for one in self.received if one.receipt_no == receipt_no), None)


class Forbidden(_Part):
    """Something that a core system must not get, asked for by 受付番号; ``receipt_no`` "" is the list itself.

    ``stranger``: asked with a key that nobody has been given. ``delivered``: the answer held something of it.
    """

    core_system: str
    stranger: bool
    receipt_no: str
    status: int
    delivered: bool


class Exchange(_Part):
    """One recorded exchange of a simulated system or of the adapter (``system`` = product).

    ``body_in_contract``: the profile gives this call a request body. ``refusal``: canonical name of the surface's
    error that the answer is, whatever status and code the profile gives it.
    """

    seq: int
    at: str
    system: str
    operation: str
    peer: str
    method: str
    target: str
    request_headers: dict[str, str]
    request_body: str
    request_bytes: int
    status: int
    response_headers: dict[str, str]
    response_body: str
    response_bytes: int
    fault: str
    body_in_contract: bool = False
    refusal: str = ""

    def names(self, text: str) -> bool:
        """Whether the request carries ``text``, wherever the profile places it: path, query, header or body."""
        carried = (unquote_plus(self.target), self.request_body, *self.request_headers.values())
        return any(text in one for one in carried)

    def repeats(self, other: Exchange) -> bool:
        """Whether this is the same request as ``other``, sent again later."""
        return self.seq > other.seq and (self.operation, self.target, self.request_body) == (
            other.operation,
            other.target,
            other.request_body,
        )


class RelayLine(_Part):
    """One line of the 連携サーバ's access log."""

    at: str
    client: str
    method: str
    host: str
    port: int
    verdict: str
    status: int


class Record(_Part):
    """``gap_ja``, ``gap_en``: why some of the exchanges are missing; "" when all are there."""

    round: str
    relay_address: str
    download_fqdn: str
    import_window_note: str = ""
    cases: dict[str, CaseTruth]
    bystanders: tuple[CaseTruth, ...] = ()
    steps: tuple[StepResult, ...]
    snapshots: dict[str, Snapshot]
    pulls: dict[str, tuple[Pull, ...]]
    forbidden: tuple[Forbidden, ...] = ()
    reviews: tuple[ReviewAttempt, ...]
    exchanges: tuple[Exchange, ...]
    relay_log: tuple[RelayLine, ...]
    alive: bool
    trouble: str = ""
    unseen: tuple[str, ...] = ()
    gap_ja: str = ""
    gap_en: str = ""

    # -- readers for checks: each raises Unverified when there is nothing to read ------------------------------------

    def case(self, name: str) -> CaseTruth:
        """The truth of a case that the check declares. LookupError for any other: then the catalogue is wrong."""
        if name not in self.cases:
            raise LookupError(f"case {name} is not declared in checks.toml for this check")
        return self.cases[name]

    def whole(self) -> Self:
        """This record; Unverified when it has a gap: what the product did there, nobody can tell, good or bad."""
        if self.gap_ja:
            raise unverified(f"記録に欠けがあるため確認できない: {self.gap_ja}", f"the record has a gap: {self.gap_en}")
        return self

    def only(self, names: Iterable[str]) -> Self:
        """This record as a check sees it that declares the cases ``names``."""
        declared = set(names)
        return self.model_copy(update={"cases": {name: one for name, one in self.cases.items() if name in declared}})

    def step(self, name: str) -> StepResult:
        """The step ``name``; Unverified unless it was carried out (a failed import *was*; one that lost the product was not)."""
        found = next((one for one in self.steps if one.name == name), None)
        lost = found is not None and not found.ok and not self.alive and found is self.steps[-1]
        if found is None or lost:
            raise unverified(
                f"手順「{name}」まで進まなかった（{self.trouble or '前の手順で停止'}）",
                f"step '{name}' was not reached ({self.trouble or 'stopped before'})",
            )
        return found

    def done(self, name: str) -> StepResult:
        """The step ``name``; Unverified unless it was carried out with success."""
        found = self.step(name)
        if not found.ok:
            raise unverified(
                f"前提となる手順「{name}」が成功していない", f"prerequisite step '{name}' failed", actual=found.message
            )
        return found

    def snapshot(self, name: str) -> Snapshot:
        if name not in self.snapshots:
            self.done(f"snapshot:{name}")
        return self.snapshots[name]

    def summaries(self, snapshot: str, case: str) -> list[ApplicationSummary]:
        """Rows of the case in a snapshot; more than one means it was taken twice."""
        receipt = self.case(case).receipt_no
        return [one for one in self.snapshot(snapshot).listed if one.receipt_no == receipt]

    def summary(self, snapshot: str, case: str) -> ApplicationSummary:
        """The case's row in a snapshot; Unverified when the product does not list it (another check judges that)."""
        rows = self.summaries(snapshot, case)
        if not rows:
            raise unverified(
                f"製品の一覧に {case} が無いため確認できない", f"the product does not list {case}", case=case
            )
        return rows[0]

    def detail(self, snapshot: str, case: str) -> ApplicationDetail:
        """The case in a snapshot; Unverified when the product does not have it (another check judges that)."""
        receipt = self.case(case).receipt_no
        found = self.snapshot(snapshot).details.get(receipt)
        if found is None:
            raise unverified(
                f"製品に受付番号 {receipt}（{case}）が無いため確認できない",
                f"the product does not have {receipt} ({case}), nothing to look at",
                case=case,
            )
        return seen_of(found, self.unseen)

    def fetched(self, snapshot: str, case: str) -> tuple[FetchedAttachment, ...]:
        self.detail(snapshot, case)
        if "attachments" in self.unseen:
            raise _not_seen("attachments", ("attachments",))
        found = self.snapshot(snapshot).attachments.get(self.case(case).receipt_no)
        if found is None:
            raise unverified(f"{case} の添付を開いていない", f"the attachments of {case} were not opened", case=case)
        return found

    def screen(self, case: str, snapshot: str = "first") -> Screen:
        """The product's screen of the case; Unverified when it was not opened."""
        found = self.snapshot(snapshot).screens.get(self.case(case).receipt_no)
        if found is None or found.status != 200:
            raise unverified(
                f"{case} の照会画面を開けない",
                f"the screen of {case} cannot be opened",
                case=case,
                actual=str(found.status) if found else "",
            )
        return found

    def pull(self, name: str, core_system: str) -> Pull:
        self.done(f"pull:{name}")
        found = next((one for one in self.pulls.get(name, ()) if one.core_system == core_system), None)
        if found is None:
            raise unverified(
                f"基幹 {core_system} の受取りが記録されていない", f"no visit of core {core_system} on record"
            )
        return found

    def asked(self, case: str, *, stranger: bool = False, other_core: bool = False) -> list[Forbidden]:
        """How ``case`` was asked for although it must not be handed over; Unverified when nobody asked or none answered."""
        self.done("trespass")
        truth = self.case(case)
        found = [
            one
            for one in self.forbidden
            if one.receipt_no == truth.receipt_no
            and one.stranger == stranger
            and (one.core_system != truth.core_system) == other_core
            and one.status
        ]
        if not found:
            raise unverified(f"{case} を求める試みが記録されていない", f"nobody asked for {case}", case=case)
        return found

    def received(self, pull: str, case: str) -> CoreReceived:
        """The case as its core system got it; Unverified when it was not handed over in that visit."""
        truth = self.case(case)
        found = self.pull(pull, truth.core_system).got(truth.receipt_no)
        if found is None:
            raise unverified(
                f"{case} が基幹へ渡っていないため確認できない", f"{case} did not reach the core system", case=case
            )
        return found

    def calls(self, step: str, *, system: str = "download", operation: str = "") -> list[Exchange]:
        """Exchanges of ``system`` during ``step``."""
        found = self.step(step)
        return [
            one
            for one in self.exchanges
            if found.first_exchange < one.seq <= found.last_exchange
            and one.system == system
            and (not operation or one.operation == operation)
        ]

    def attempts(self, step: str, case: str) -> list[ReviewAttempt]:
        self.case(case)
        return [one for one in self.reviews if one.step == step and one.case == case]
