"""③-4: 審査状況, and who may change it to what. Pure rules; storage asks them inside its transaction."""

from __future__ import annotations

from interface_spec.control import Handover, Ingestion, PersonState, Review, ReviewChange
from interface_spec.procedures import Procedure
from reference_impl.shinsei_kanri.records import Status

TRANSITIONS: dict[Review, frozenset[Review]] = {
    Review.UNREVIEWED: frozenset({Review.REVIEWING, Review.WITHDRAWN}),
    Review.REVIEWING: frozenset({Review.COMPLETED, Review.REJECTED, Review.CORRECTION, Review.WITHDRAWN}),
    Review.CORRECTION: frozenset({Review.REVIEWING, Review.WITHDRAWN}),
    Review.COMPLETED: frozenset({Review.REVIEWING, Review.WITHDRAWN}),
    Review.REJECTED: frozenset({Review.WITHDRAWN}),
    Review.WITHDRAWN: frozenset(),
}
NAMES: dict[Review, str] = {
    Review.UNREVIEWED: "未審査",
    Review.REVIEWING: "審査中",
    Review.CORRECTION: "補正待ち",
    Review.COMPLETED: "審査完了",
    Review.REJECTED: "却下",
    Review.WITHDRAWN: "取下げ",
}
HANDOVER_NAMES: dict[Handover, str] = {
    Handover.NONE: "対象外",
    Handover.WAITING: "連携待ち",
    Handover.DELIVERED: "連携済",
    Handover.ERROR: "連携エラー",
}
OPEN = frozenset({Review.UNREVIEWED, Review.REVIEWING, Review.CORRECTION})


def refusal(status: Status, change: ReviewChange, procedure: Procedure) -> str:
    """Why ``change`` is not allowed now, as one sentence; "" when it is."""
    if status.ingestion is not Ingestion.STORED:
        return "隔離された申請は審査できません / a quarantined application cannot be reviewed"
    if not version_matches(status, change.version):
        return moved_on(status)
    if delivered(status):
        return "基幹へ連携済みの申請は変更できません / already delivered to the core system"
    if status.drop_number is not None and status.handover is Handover.WAITING:
        return (
            "基幹へファイルで渡し、答えを待っている申請は変更できません / handed over by file, waiting for the answer"
        )
    if not transition_allowed(status.review, change.to):
        return f"「{NAMES[status.review]}」から「{NAMES[change.to]}」へは変更できません / this change is not allowed"
    if change.to is Review.REJECTED:
        return rejection_refusal(change.reason, procedure)
    if change.to is Review.COMPLETED and not persons_decided(status):
        return "特定されていない人がいるため審査完了にできません / not every person has been identified or decided"
    return ""


def transition_allowed(before: Review, after: Review) -> bool:
    return after in TRANSITIONS[before]


def version_matches(status: Status, version: int | None) -> bool:
    """False when the caller decided on an older state than the present one."""
    return version is None or version == status.version


def moved_on(status: Status) -> str:
    return f"ほかの人が先に変更しました（現在の版は {status.version}） / the application has moved on"


def delivered(status: Status) -> bool:
    return status.handover is Handover.DELIVERED


def rejection_refusal(reason: str, procedure: Procedure) -> str:
    """A 届出 or 申出 is never 却下; a 申請 only with a reason."""
    if procedure.kind != "申請":
        return f"{procedure.kind}に「却下」はありません（補正または取下げにしてください） / a notification cannot be rejected"
    if not reason.strip():
        return "却下には理由が必要です / a rejection needs a reason"
    return ""


def persons_decided(status: Status) -> bool:
    """True when every person is identified, or staff decided that there is no number."""
    return bool(status.persons) and all(
        person.state in (PersonState.IDENTIFIED, PersonState.NONE) for person in status.persons
    )


def handover_after(to: Review) -> Handover:
    """Only 審査完了 waits for the core system; every other state takes the application back."""
    return Handover.WAITING if to is Review.COMPLETED else Handover.NONE


def identification_refusal(status: Status) -> str:
    """Why staff may not decide about a person now; "" when they may."""
    if status.ingestion is not Ingestion.STORED:
        return "隔離された申請です / the application is quarantined"
    if status.review not in OPEN:
        return f"「{NAMES[status.review]}」の申請では変更できません（審査に戻してください） / reopen the review first"
    return ""
