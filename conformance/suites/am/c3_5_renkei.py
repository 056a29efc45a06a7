"""手順書 5章③-5 基幹連携: 審査完了の申請を、契約の形で、漏れなく二重なく渡し、答えを受け取る。"""

from __future__ import annotations

from conformance.kit import check, fail, same
from conformance.outcomes import unverified
from conformance.record import Record
from conformance.suites.am.views import moment
from interface_spec.control import Handover, PersonState, Role


@check("AM-3.5-02a")
def the_core_lists_fetches_and_acknowledges(run: Record) -> None:
    run.done("review:main")
    for name in ("k01-plain", "c01-self"):
        truth = run.case(name)
        visit = run.pull("completed", truth.core_system)
        if truth.receipt_no not in visit.listed:
            fail(
                "審査完了の申請が連携対象一覧に現れない",
                "a completed application is not offered",
                case=name,
                expected=truth.receipt_no,
                actual=", ".join(visit.listed) or "（空） / (empty)"
                if not visit.problems
                else "; ".join(visit.problems),
            )
        if visit.got(truth.receipt_no) is None:
            fail(
                "連携対象の申請を取得できない",
                "an offered application cannot be fetched",
                case=name,
                expected=truth.receipt_no,
                actual="; ".join(visit.problems) or "なし / none",
            )
        if truth.receipt_no not in visit.acknowledged:
            fail(
                "受領確認が受け付けられない",
                "the acknowledgement is not accepted",
                case=name,
                expected="受け付ける / accepted",
                actual=f"status {dict(visit.acks).get(truth.receipt_no)}",
            )


@check("AM-3.5-05a")
def what_is_handed_over_fits_the_interface(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#9", "c01-self", "c01-family"):
        got = run.received("completed", name)
        if got.problems:
            fail(
                "基幹へ渡すデータがインターフェースに合わない",
                "what is handed over does not fit the interface",
                case=name,
                expected="契約の項目・型・長さ・コード / as in the contract",
                actual="; ".join(got.problems[:5]),
            )


@check("AM-3.5-05b")
def values_at_the_core_equal_the_application(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#9", "k01-hard-characters"):
        truth, got = run.case(name), run.received("completed", name)
        wanted = {(i.item_id, i.group, str(i.occurrence)): i.value for i in truth.items}
        at_core = {
            (str(i.get("item_id")), str(i.get("group") or ""), str(i.get("occurrence") or 0)): str(i.get("value") or "")
            for i in got.items
        }
        differing = sorted(key for key in wanted.keys() | at_core.keys() if wanted.get(key) != at_core.get(key))
        same(
            "基幹に渡った項目",
            "the items at the core",
            case=name,
            expected=[(*key, wanted.get(key, "（なし / none）")) for key in differing],
            actual=[(*key, at_core.get(key, "（なし / none）")) for key in differing],
        )
        same(
            "基幹に渡った添付の中身",
            "the attachments at the core",
            case=name,
            expected=sorted(a.sha256 for a in truth.attachments),
            actual=sorted(str(a.get("sha256")) for a in got.attachments),
        )


@check("AM-3.5-05c")
def the_record_at_the_core_is_that_application(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#9", "c01-family"):
        truth, got = run.case(name), run.received("completed", name)
        same(
            "基幹に渡った手続",
            "the procedure at the core",
            case=name,
            expected=truth.procedure_id,
            actual=got.fields.get("procedure_id"),
        )
        same(
            "基幹に渡った受付日時",
            "the time of receipt at the core",
            case=name,
            expected=moment(truth.received_at),
            actual=moment(got.fields.get("received_at")),
        )
        for one in run.detail("reviewed", name).persons:
            if one.state is PersonState.IDENTIFIED and one.method is not None:
                same(
                    f"基幹に渡った{'署名者' if one.role is Role.SIGNER else '対象者'}の特定の方法",
                    f"the way in which the {one.role} was identified, at the core",
                    case=name,
                    expected=str(one.method),
                    actual=str(got.fields.get(f"{one.role}_method")),
                )


@check("AM-3.5-81a")
def an_acknowledged_application_is_not_offered_again(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#9"):
        truth = run.case(name)
        if truth.receipt_no not in run.pull("completed", truth.core_system).acknowledged:
            raise unverified(
                "一度目の受領確認ができていない", "the first acknowledgement did not take place", case=name
            )
        if truth.receipt_no in run.pull("again", truth.core_system).listed:
            fail(
                "受領確認した申請をもう一度渡そうとした",
                "an acknowledged application was offered again",
                case=name,
                expected="一覧に現れない / not offered",
                actual="一覧にある / offered",
            )


@check("AM-3.5-81b")
def an_unacknowledged_application_is_offered_again(run: Record) -> None:
    name = "k01-plain#5"
    truth = run.case(name)
    if truth.receipt_no not in run.pull("completed", truth.core_system).listed:
        raise unverified("一度目に渡されていない", "it was not offered the first time", case=name)
    if truth.receipt_no not in run.pull("again", truth.core_system).listed:
        fail(
            "受領確認のない申請が、もう渡されない（欠落）",
            "an application without acknowledgement is not offered again (lost)",
            case=name,
            expected="もう一度一覧に現れる / offered again",
            actual="一覧にない / not offered",
        )


@check("AM-3.5-82a")
def a_core_error_comes_back(run: Record) -> None:
    name = "k01-plain#6"
    truth = run.case(name)
    if truth.receipt_no not in run.pull("completed", truth.core_system).acknowledged:
        raise unverified("基幹のエラーを返せていない", "the core's error could not be sent", case=name)
    detail = run.detail("final", name)
    if detail.handover is not Handover.ERROR or not detail.core_errors:
        fail(
            "基幹のエラーが申請に戻っていない",
            "the core's error did not come back to the application",
            case=name,
            sent="口座番号が基幹の登録と一致しません / the core system refuses the account number",
            expected="連携エラーと理由 / error with its reason",
            actual=f"{detail.handover} {detail.core_errors}",
        )


@check("AM-3.5-83a")
def only_its_own_core_gets_an_application(run: Record) -> None:
    name = "k01-plain#5"
    if run.received("completed", name).fields.get("receipt_no") is None:
        raise unverified("正しい相手も取得できていない", "not even its own core system can fetch it", case=name)
    for one in (*run.asked(name, other_core=True), *run.asked(name, stranger=True)):
        if one.delivered:
            who = "鍵の違う相手" if one.stranger else f"別の業務 {one.core_system}"
            fail(
                f"{who}に申請を渡した",
                "a caller with a wrong key got an application"
                if one.stranger
                else f"another core system, {one.core_system}, got the application",
                case=name,
                sent=f"受付番号 {one.receipt_no} の取得 / fetch by number",
                expected="渡さない / refused",
                actual=f"{one.status}、申請の内容 / the application's content",
            )
    for one in run.forbidden:
        if one.stranger and not one.receipt_no and one.delivered:
            fail(
                "鍵の違う相手に連携対象の一覧を渡した",
                "a caller with a wrong key got the list",
                sent=f"基幹 {one.core_system} の一覧 / the list",
                expected="渡さない / refused",
                actual=f"{one.status}、一覧の行 / rows of the list",
            )
