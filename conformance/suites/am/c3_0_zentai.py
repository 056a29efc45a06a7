"""手順書 5章③ 申請管理システム全体: 必要な連携を備え、五つの機能が働き続ける。"""

from __future__ import annotations

from conformance.kit import check, fail
from conformance.outcomes import unverified
from conformance.record import Record
from conformance.suites.am.views import stored
from interface_spec.control import Method, Role


@check("AM-3.0-01a")
def both_links_work_in_one_application(run: Record) -> None:
    case = run.case("k01-serial-only")
    if not run.calls("sync:first", system="juki"):
        fail(
            "既存住基から番号紐付情報を受け取っていない",
            "no link data was taken from the resident register",
            expected="番号紐付情報の取得 / a call to the link interface",
            actual="なし / none",
        )
    if not run.calls("import:first", operation="get"):
        fail(
            "連携サーバを通した申請データ取得がない",
            "no application was fetched through the relay",
            expected="申請データ取得 / a get call",
            actual="なし / none",
        )
    signer = next((one for one in run.detail("first", case.name).persons if one.role is Role.SIGNER), None)
    if signer is None or signer.method is not Method.SERIAL:
        fail(
            "シリアル番号だけの申請が、番号紐付情報で特定されていない",
            "an application with only a serial was not identified by the link table",
            case=case.name,
            expected="シリアル番号による特定 / identified by serial",
            actual=f"{signer.state} {'; '.join(signer.reasons)}" if signer else "署名者の記録なし / no signer",
        )


@check("AM-3.0-03a")
def the_product_survives_everything(rounds: dict[str, Record]) -> None:
    if not rounds:
        raise unverified("実施されたラウンドが無い", "no round was carried out")
    for name, record in rounds.items():
        if not record.alive:
            fail(
                f"ラウンド「{name}」の途中で製品が応答しなくなった",
                f"the product stopped answering in round '{name}'",
                expected="応答し続ける / alive",
                actual=record.trouble,
            )
    last = rounds.get("aftercare")
    if last is None:
        raise unverified("最後のラウンドが実施されていない", "the last round was not carried out")
    if not stored(last.whole(), "aftercare", "k01-plain#30"):
        job = last.step("import:aftercare").job
        fail(
            "すべての擾乱のあと、通常の申請を取り込めなくなった",
            "after all disturbances a plain application is no longer imported",
            case="k01-plain#30",
            expected="格納済 / stored",
            actual=f"{job.state} {job.message}" if job else "なし / none",
        )
