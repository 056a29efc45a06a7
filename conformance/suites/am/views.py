"""Small readers that several checks of this suite share."""

from __future__ import annotations

from datetime import UTC, datetime

from conformance.kit import fail
from conformance.outcomes import unverified
from conformance.record import CaseTruth, Record
from interface_spec.control import ApplicationDetail, Ingestion, Person, PersonState, Role


def stored(run: Record, snapshot: str, case: str) -> bool:
    """Whether the product has the case as a stored (not quarantined) application in the snapshot."""
    return any(one.ingestion is Ingestion.STORED for one in run.summaries(snapshot, case))


def require_positive_control(run: Record, snapshot: str, case: str) -> None:
    """A refusal counts only when the same application gets through once the disturbance is over; else 未検証."""
    if not stored(run, snapshot, case):
        raise unverified(
            "擾乱のない取込みでも申請が届かないため、拒否したのか取り込めないのか区別できない",
            "the application does not arrive even without the disturbance: a refusal cannot be told from a failure",
            case=case,
        )


def must_be_stored(run: Record, snapshot: str, case: str, ja: str, en: str) -> None:
    if not stored(run, snapshot, case):
        job = next((one.job for one in run.steps if one.do == "import" and one.job and one.what == snapshot), None)
        fail(
            ja,
            en,
            case=case,
            expected="格納済 / stored",
            actual=f"なし / none（取込みの結果: {job.state} {job.message}）" if job else "なし / none",
            sent=f"受付番号 / receipt number {run.case(case).receipt_no}",
        )


def person(detail: ApplicationDetail, role: Role, case: str) -> Person:
    """The signer or subject of an application; Unverified when the product shows none."""
    found = next((one for one in detail.persons if one.role is role), None)
    if found is None:
        raise unverified(f"製品が{role}の特定状況を示さない", f"the product shows no {role}", case=case)
    return found


def right_number(truth: CaseTruth, role: Role) -> str:
    """The number, in the space of the application's core system, of who that person really is."""
    who = truth.signer if role is Role.SIGNER else (truth.subject or truth.signer)
    return who.numbers.get(truth.core_system, "") if who else ""


def must_be_identified(run: Record, case: str, *, snapshot: str = "first", role: Role = Role.SIGNER) -> Person:
    """The person is identified automatically, as the right one."""
    truth = run.case(case)
    one = person(run.detail(snapshot, case), role, case)
    expected = right_number(truth, role)
    if one.state is not PersonState.IDENTIFIED:
        fail(
            "特定できるはずの人が特定されていない",
            "a person who can be identified was not",
            case=case,
            expected=f"{truth.core_system} {expected}",
            actual=f"{one.state}（{'; '.join(one.reasons) or '理由なし / no reason'}）",
        )
    must_not_be_wrong(run, case, snapshot=snapshot, role=role)
    return one


def must_not_be_wrong(run: Record, case: str, *, snapshot: str = "first", role: Role = Role.SIGNER) -> None:
    """Whoever was identified automatically is the right person."""
    truth = run.case(case)
    one = person(run.detail(snapshot, case), role, case)
    expected = right_number(truth, role)
    if one.state is PersonState.IDENTIFIED and one.atena_no != expected:
        fail(
            "別人に特定した",
            "the wrong person was identified",
            case=case,
            expected=f"{truth.core_system} {expected or '（番号なし / no number）'}",
            actual=f"{one.core_system} {one.atena_no}（方法 / by {one.method}）",
        )


def must_go_to_staff(run: Record, case: str, *, snapshot: str = "first", role: Role = Role.SIGNER) -> Person:
    """The person is not decided automatically but shown to staff."""
    one = person(run.detail(snapshot, case), role, case)
    if one.state is PersonState.IDENTIFIED:
        fail(
            "自動で決めてはならない人を自動で特定した",
            "somebody was identified who must not be decided automatically",
            case=case,
            sent=run.case(case).reason_ja,
            expected="職員の判断待ち / handed to staff",
            actual=f"{one.core_system} {one.atena_no}（方法 / by {one.method}）",
        )
    return one


def moment(value: object) -> str:
    """A moment in one form (UTC, whole seconds), however it was written."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value if isinstance(value, str) else ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "（なし / none）"
