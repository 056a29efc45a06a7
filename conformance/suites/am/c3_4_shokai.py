"""手順書 5章③-4 申請内容照会とステータス管理: 審査してから、審査完了のものだけを渡す。"""

from __future__ import annotations

import re

from conformance.kit import check, fail, same
from conformance.outcomes import unverified
from conformance.record import Record
from interface_spec.control import Review


def _listed(run: Record, pull: str, case: str) -> bool:
    truth = run.case(case)
    return truth.receipt_no in run.pull(pull, truth.core_system).listed


def _not_handed_over(run: Record, pull: str, case: str, ja: str, en: str) -> None:
    truth = run.case(case)
    visit = run.pull(pull, truth.core_system)
    if truth.receipt_no in visit.listed or visit.got(truth.receipt_no) is not None:
        fail(ja, en, case=case, expected="渡さない / not handed over", actual="渡した / handed over")


@check("AM-3.4-01a")
def a_fresh_import_is_not_handed_over(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#2"):
        run.detail("first", name)
        _not_handed_over(
            run,
            "before-review",
            name,
            "審査していない申請を基幹に渡した",
            "an application was handed over without review",
        )


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@check("AM-3.4-02a")
def the_screen_shows_every_item(run: Record) -> None:
    for name in ("k01-three-children", "k01-edited-preset"):
        truth, screen = run.case(name), run.screen(name)
        text = _squeezed(screen.text)
        for one in truth.items:
            if one.value and _squeezed(one.value) not in text:
                fail(
                    f"照会画面に項目「{one.label}」の値が出ていない",
                    f"the screen does not show item {one.item_id}",
                    case=name,
                    expected=one.value,
                    actual="（表示なし / not shown）",
                )


@check("AM-3.4-03a")
def the_screen_opens_every_attachment(run: Record) -> None:
    name = "k01-all-attachment-types"
    truth, screen = run.case(name), run.screen(name)
    opened = {one.sha256 for one in screen.links if one.status == 200}
    for one in truth.attachments:
        if one.sha256 not in opened:
            fail(
                f"照会画面から添付 {one.file_name} を開けない",
                f"attachment {one.file_name} cannot be opened from the screen",
                case=name,
                expected=one.sha256,
                actual=f"開けた添付 {len(opened)} 件 / attachments opened",
            )


@check("AM-3.4-04a")
def two_applications_have_statuses_of_their_own(run: Record) -> None:
    first, second = "k01-twin-applications-1", "k01-twin-applications-2"
    if run.summary("reviewed", first).review is not Review.COMPLETED:
        raise unverified("一方の申請を審査完了にできていない", "the first application was not completed", case=first)
    same(
        "同じ人のもう一つの申請の審査状況",
        "the status of the other application of that person",
        case=second,
        expected=Review.UNREVIEWED,
        actual=run.summary("reviewed", second).review,
    )


@check("AM-3.4-05a")
def four_states_can_be_told_apart(run: Record) -> None:
    wanted = {
        "k01-three-children": Review.UNREVIEWED,
        "k01-plain#2": Review.REVIEWING,
        "k01-plain": Review.COMPLETED,
        "k01-plain#3": Review.REJECTED,
    }
    run.done("review:main")
    refused = [one for one in run.reviews if one.case in wanted and one.step == "review:main" and one.status >= 500]
    if refused:
        raise unverified("状態の変更ができなかった", "the status could not be changed", actual=refused[0].message)
    for name, expected in wanted.items():
        same(
            "審査状況",
            "the status",
            case=name,
            expected=expected,
            actual=run.summary("reviewed", name).review,
        )


@check("AM-3.4-06a")
def a_changed_status_stays(run: Record) -> None:
    for name, expected in (("k01-plain#2", Review.REVIEWING), ("k01-plain#8", Review.CORRECTION)):
        attempts = run.attempts("review:main", name)
        if not attempts:
            raise unverified("状態の変更を試みていない", "no change was tried", case=name)
        for one in attempts:
            if one.status >= 400:
                fail(
                    f"審査状況を {one.to} に変更できない",
                    f"the status cannot be changed to {one.to}",
                    case=name,
                    expected="変更できる / changed",
                    actual=f"{one.status} {one.message}",
                    exchanges=[one.exchange],
                )
        same(
            "変更した審査状況（最後の読取り）",
            "the changed status (last reading)",
            case=name,
            expected=expected,
            actual=run.summary("final", name).review,
        )


@check("AM-3.4-06b")
def completion_without_review_is_refused(run: Record) -> None:
    name = "k01-plain#7"
    attempts = run.attempts("illegal:early", name)
    if not attempts:
        raise unverified("許されない変更を試みていない", "no forbidden change was tried", case=name)
    for one in attempts:
        if one.status < 400 or one.after is one.to:
            fail(
                f"審査せずに {one.to} へ変えることを許した",
                f"the change to {one.to} was allowed without review",
                case=name,
                sent=f"{one.before} → {one.to}",
                expected="拒否（4xx）、状態は変わらない / refused, unchanged",
                actual=f"{one.status}、状態 / status {one.after}",
                exchanges=[one.exchange],
            )
        if one.status >= 500:
            fail(
                "許されない変更に対して製品が異常終了した（5xx は拒否ではない）",
                "the product failed on a forbidden change (5xx is no refusal)",
                case=name,
                sent=f"{one.before} → {one.to}",
                expected="4xx",
                actual=str(one.status),
                exchanges=[one.exchange],
            )


def _refused(run: Record, step: str, name: str, what: tuple[str, str], sent: str) -> None:
    """The only attempt of ``step`` was refused (4xx), and the application is what it was."""
    attempts = run.attempts(step, name)
    if not attempts:
        raise unverified("職員の誤りを試みていない", "the slip was not tried", case=name)
    for one in attempts:
        if not 400 <= one.status < 500 or one.after is not one.before:
            fail(
                what[0],
                what[1],
                case=name,
                sent=sent,
                expected=f"拒否（4xx）、状態は {one.before} のまま / refused, unchanged",
                actual=f"{one.status}、状態 / status {one.after}",
                exchanges=[one.exchange],
            )


@check("AM-3.4-81a")
def a_rejection_needs_a_reason(run: Record) -> None:
    allowed = [one for one in run.attempts("review:main", "k01-plain#3") if one.to is Review.REJECTED]
    if not allowed or allowed[0].status >= 400:
        raise unverified(
            "理由のある却下もできていないため、拒んだことを確かめられない",
            "not even a rejection with a reason works: refusing cannot be told from not working",
            case="k01-plain#3",
        )
    what = ("理由のない却下を受け付けた", "a rejection without a reason was accepted")
    _refused(run, "slip:reasonless", "k01-plain#10", what, "却下、理由なし / rejection, no reason")


@check("AM-3.4-83a")
def an_old_version_overwrites_nothing(run: Record) -> None:
    changed = run.attempts("review:main", "k01-plain#10")
    if not changed or changed[-1].status >= 400:
        raise unverified("審査中にできていない", "the application was not taken under review", case="k01-plain#10")
    what = (
        "最初に見た版のままの変更で、後の変更を上書きした",
        "a change on the version first seen overwrote a later one",
    )
    _refused(
        run, "slip:stale", "k01-plain#10", what, "補正待ち、最初に読み取った版 / correction, the version first read"
    )


def _delivered_control(run: Record) -> None:
    if not _listed(run, "completed", "k01-plain"):
        raise unverified(
            "審査完了の申請も基幹に渡っていないため、渡さないことを確かめられない",
            "not even a completed application is handed over: withholding cannot be told from not working",
        )


@check("AM-3.4-07a")
def only_completed_applications_are_handed_over(run: Record) -> None:
    _delivered_control(run)
    for name in ("k01-plain#2", "k01-plain#3", "k01-plain#8"):
        run.summary("reviewed", name)
        for pull in ("completed", "again"):
            _not_handed_over(
                run,
                pull,
                name,
                "審査完了でない申請を基幹に渡した",
                "an application that is not completed was handed over",
            )


@check("AM-3.4-07b")
def a_reopened_application_is_not_handed_over(run: Record) -> None:
    _delivered_control(run)
    name = "k01-plain#4"
    attempts = run.attempts("reopen:main", name)
    if not attempts or attempts[-1].after is not Review.REVIEWING:
        raise unverified("審査完了から審査中へ戻せていない", "the application could not be taken back", case=name)
    _not_handed_over(
        run,
        "completed",
        name,
        "審査中へ戻した申請を基幹に渡した",
        "an application taken back to review was handed over",
    )


@check("AM-3.4-07c")
def asking_by_number_opens_nothing(run: Record) -> None:
    _delivered_control(run)
    if run.received("completed", "k01-plain").fields.get("receipt_no") is None:
        raise unverified("審査完了の申請も取得できていない", "not even a completed application can be fetched")
    for name in ("k01-plain#2", "k01-plain#3", "k01-plain#4", "k01-plain#7", "k01-plain#8"):
        if name == "k01-plain#4" and not run.attempts("reopen:main", name):
            raise unverified("審査完了から審査中へ戻せていない", "the application could not be taken back", case=name)
        for one in run.asked(name):
            if one.delivered:
                fail(
                    "審査完了でない申請を、受付番号で直接求められて渡した",
                    "an application that is not completed was handed over on request by number",
                    case=name,
                    sent=f"受付番号 {one.receipt_no} の取得 / fetch by number",
                    expected="渡さない / refused",
                    actual=f"{one.status}、申請の内容 / the application's content",
                )
