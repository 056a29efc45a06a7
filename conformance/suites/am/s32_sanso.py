"""手順書 3.2 三層の対策: 特定通信は連携サーバを通り、データは内側へだけ移る。"""

from __future__ import annotations

from conformance.kit import check, fail
from conformance.outcomes import unverified
from conformance.record import Record
from conformance.suites.am.views import require_positive_control, stored


@check("FW-S32-02a")
def nothing_arrives_while_the_relay_is_down(run: Record) -> None:
    case = run.case("k01-plain#12")
    require_positive_control(run, "recovered", case.name)
    calls = run.calls("import:disturbed")
    if calls:
        fail(
            "連携サーバを止めたのに、ダウンロード機能に通信が届いた",
            "the download function was reached although the relay was down",
            expected="通信なし / no exchange",
            actual=f"{len(calls)} 件 / calls（送信元 / from {', '.join(sorted({one.peer for one in calls}))}）",
            exchanges=[one.seq for one in calls],
        )
    if stored(run, "disturbed", case.name):
        fail(
            "連携サーバを止めている間に申請が格納された",
            "an application was stored while the relay was down",
            case=case.name,
            expected="格納されない / not stored",
            actual="格納済 / stored",
        )


@check("FW-S32-03a")
def only_the_contracts_bodies_go_upward(run: Record) -> None:
    calls = [one for step in ("import:first", "import:second") for one in run.calls(step)]
    if not calls:
        raise unverified("ダウンロード機能への通信が観測されていない", "no call to the download function was seen")
    upward = [one for one in calls if one.request_bytes > 0 and not one.body_in_contract]
    if upward:
        fail(
            "契約に無い本文が、外（ダウンロード機能）へ向けて送られた",
            "a request body that the contract does not know went upward",
            expected="本文を送るのは、契約が本文を定める呼出しだけ / bodies only where the contract has one",
            actual="; ".join(f"{one.method} {one.target} {one.request_bytes} bytes" for one in upward[:5]),
            exchanges=[one.seq for one in upward],
        )


@check("AM-S33-01a")
def the_origin_of_an_application_makes_no_difference(run: Record) -> None:
    case = run.case("k01-api-origin")
    if not stored(run, "first", case.name):
        fail(
            "申請API利用サイトからの申請が格納されていない",
            "the application from an API site is not stored",
            case=case.name,
            expected="格納済 / stored",
            actual="なし / none",
        )
