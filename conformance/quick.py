"""`shinsei quick`: one application from end to end, to prove the set-up before a whole run. It judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.plan import Plan
from conformance.record import Record
from interface_spec.control import ApplicationDetail, Ingestion, PersonState, Review, Role

ROUND = "none"
CASES = ("k01-plain", "c01-self")
"""The first of these that the target's procedures allow is the one application."""


@dataclass(frozen=True)
class Stage:
    """One station of the application's way: whether it was reached, and what was seen there."""

    reached: bool
    ja: str
    en: str
    seen: str


def one_case(plan: Plan) -> str:
    """The case to play; "" when the target's procedures allow none."""
    cases = next((one.cases for one in plan.rounds if one.id == ROUND), ())
    return next((name for name in CASES if name in cases), "")


def narrowed(plan: Plan) -> Plan:
    """``plan`` with one application in one round; checks that need more are left out (選択外)."""
    case = one_case(plan)
    rounds = tuple(one.model_copy(update={"cases": (case,)}) for one in plan.rounds if case and one.id == ROUND)
    left_out = {"status": "deselected", "reason_ja": "選択外（quick）", "reason_en": "left out (quick)"}
    checks = tuple(
        one
        if one.status != "run" or (one.round == ROUND and set(one.cases) == {case})
        else one.model_copy(update=left_out)
        for one in plan.checks
    )
    return plan.model_copy(update={"rounds": rounds, "checks": checks})


def stages(record: Record) -> list[Stage]:
    """The way of the one application, as the record saw it."""
    truth = next(iter(record.cases.values()))
    steps = {one.name: one for one in record.steps}
    first = record.snapshots.get("first")
    before = first.details.get(truth.receipt_no) if first else None
    reviewed = record.snapshots.get("reviewed")
    after = reviewed.details.get(truth.receipt_no) if reviewed else None
    visits = [one for one in record.pulls.get("completed", ()) if truth.receipt_no in one.listed]
    fetched = [one for one in record.exchanges if one.system == "download" and one.operation == "get" and one.names(truth.receipt_no)]  # fmt: skip
    sync, taken_in = steps.get("sync:first"), steps.get("import:first")
    return [
        Stage(bool(sync and sync.ok), "番号紐付情報・宛名情報を受け取る", "links and person data", sync.message if sync else ""),
        Stage(bool(taken_in and taken_in.ok), "取込みを実行する", "import", taken_in.message if taken_in else ""),
        Stage(bool(fetched), "連携サーバを通して申請を取得する", "fetched through the relay", fetched[0].peer if fetched else ""),
        Stage(
            before is not None and before.ingestion is Ingestion.STORED, "格納する", "stored",
            before.ingestion.value if before else "",
        ),
        Stage(_identified(before, record), "申請者を特定する", "identified", _person(before, record)),
        Stage(after is not None and after.review is Review.COMPLETED, "審査を終える", "reviewed", after.review.value if after else ""),
        Stage(
            any(truth.receipt_no in one.acknowledged for one in visits), "基幹が受け取る", "handed over",
            visits[0].core_system if visits else "",
        ),
    ]  # fmt: skip


def _identified(detail: ApplicationDetail | None, record: Record) -> bool:
    if detail is None or "persons" in record.unseen:
        return False
    return any(one.role is Role.SIGNER and one.state is PersonState.IDENTIFIED for one in detail.persons)


def _person(detail: ApplicationDetail | None, record: Record) -> str:
    if "persons" in record.unseen:
        return "アダプターから見えない / not seen by the adapter"
    return "; ".join(f"{one.role.value} {one.state.value}" for one in detail.persons) if detail else ""
