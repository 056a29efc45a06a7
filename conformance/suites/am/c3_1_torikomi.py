"""手順書 5章③-1 申請データの取り込み: 連携サーバをプロキシとして、ダウンロード機能から漏れなく二重なく取る。"""

from __future__ import annotations

from conformance.kit import check, fail
from conformance.outcomes import unverified
from conformance.record import Record
from conformance.suites.am.views import must_be_stored, require_positive_control, stored

OPERATIONS = ("login", "list", "get")


def _host(peer: str) -> str:
    return peer.rpartition(":")[0] or peer


@check("AM-3.1-01a")
def every_call_goes_through_the_relay(run: Record) -> None:
    calls = [one for step in ("import:first", "import:second") for one in run.calls(step)]
    missing = [name for name in OPERATIONS if not any(one.operation == name for one in calls)]
    if missing:
        raise unverified(
            f"{', '.join(missing)} の呼出しが観測されていない", f"no call of {', '.join(missing)} was observed"
        )
    direct = [one for one in calls if _host(one.peer) != run.relay_address]
    if direct:
        fail(
            "連携サーバを通らずにダウンロード機能へ接続した",
            "the download function was reached without the relay",
            expected=f"送信元はすべて連携サーバ / from the relay alone（{run.relay_address}）",
            actual="; ".join(sorted({f"{one.operation or one.target} ← {one.peer}" for one in direct})),
            exchanges=[one.seq for one in direct],
        )
    for name in ("k01-plain", "k01-serial-only"):
        receipt = run.case(name).receipt_no
        if stored(run, "first", name) and not any(one.names(receipt) for one in calls if one.operation == "get"):
            fail(
                "ダウンロード機能から取得していない申請が格納されている",
                "an application is stored that was never fetched from the download function",
                case=name,
                expected="申請データ取得の呼出し / a get call",
                actual="なし / none",
            )


def _nothing_is_sent(run: Record, case: str) -> None:
    require_positive_control(run, "recovered", case)
    calls = run.calls("import:disturbed")
    if calls:
        fail(
            "検証できない証明書を持つ相手に要求を送った",
            "a request was sent to a server whose certificate does not verify",
            case=case,
            expected="TLSの接続が成立せず、何も送られない / no request",
            actual="; ".join(f"{one.method} {one.target}" for one in calls[:5]),
            exchanges=[one.seq for one in calls],
        )
    if not run.step("import:disturbed").tunnels:
        raise unverified(
            "製品が接続を試みた記録が無く、拒否したと言えない", "no attempt was recorded: a refusal cannot be claimed"
        )


@check("AM-3.1-02a")
def an_untrusted_chain_is_refused(run: Record) -> None:
    _nothing_is_sent(run, "k01-plain#13")


@check("AM-3.1-02b")
def a_certificate_of_another_host_is_refused(run: Record) -> None:
    _nothing_is_sent(run, "k01-plain#14")


@check("AM-3.1-02c")
def an_expired_certificate_is_refused(run: Record) -> None:
    _nothing_is_sent(run, "k01-plain#15")


@check("AM-3.1-03a")
def an_expired_token_is_renewed(run: Record) -> None:
    refused = [one for one in run.calls("import:disturbed") if one.refusal == "bad_token"]
    if not refused:
        raise unverified("期限切れのトークンが使われる場面にならなかった", "the expired token never came into play")
    for name in ("k01-plain#16", "k01-plain#17", "k01-plain#18"):
        must_be_stored(
            run,
            "disturbed",
            name,
            "トークンの期限が切れたあと、申請が取り込まれなかった",
            "after the token expired an application was not imported",
        )


@check("AM-3.1-03b")
def a_list_in_pages_is_read_to_its_end(run: Record) -> None:
    if not run.calls("import:disturbed", operation="list"):
        raise unverified("一覧の呼出しが観測されていない", "no list call was observed")
    for name in ("k01-plain#19", "k01-plain#20", "k01-plain#21"):
        must_be_stored(
            run,
            "disturbed",
            name,
            "一覧の後の頁にある申請が取り込まれなかった",
            "an application on a later page was not imported",
        )


@check("AM-3.1-03c")
def only_calls_of_the_interface_are_made(run: Record) -> None:
    calls = [one for step in ("import:first", "import:second") for one in run.calls(step)]
    if not calls:
        raise unverified("ダウンロード機能への通信が観測されていない", "no call to the download function was seen")
    strange = [one for one in calls if not one.operation or one.refusal in ("bad_request", "not_found")]
    if strange:
        fail(
            "インターフェースに無い、または形式の誤った呼出しをした",
            "a call outside the interface, or in a wrong form, was made",
            expected=", ".join(OPERATIONS),
            actual="; ".join(f"{one.method} {one.target} → {one.status}" for one in strange[:5]),
            exchanges=[one.seq for one in strange],
        )


@check("AM-3.1-82a")
def a_late_arrival_is_imported(run: Record) -> None:
    require_positive_control(run, "first", "k01-plain")
    run.step("import:second")
    late, early = run.case("k01-late-arrival"), run.case("k01-plain")
    if late.received_at >= early.received_at:
        raise unverified("試験データの受付順が逆転していない", "the late case is not older than the others")
    must_be_stored(
        run,
        "second",
        late.name,
        "受付日時の古い申請が後から現れたとき、取り込まれなかった",
        "an application with an old receipt time that appeared late was not imported",
    )


@check("AM-3.1-82b")
def a_relisted_application_is_registered_once(run: Record) -> None:
    for name in ("k01-plain", "k01-plain#2"):
        rows = run.summaries("second", name)
        if not rows:
            raise unverified("申請が取り込まれていない", "the application was not imported", case=name)
        if len(rows) > 1:
            fail(
                "同じ申請が二重に登録された",
                "an application was registered twice",
                case=name,
                expected="1 件 / row",
                actual=f"{len(rows)} 件 / rows",
            )


@check("AM-3.1-82c")
def a_broken_transfer_is_repeated(run: Record) -> None:
    _whole_after_bad_transfer(run, ("k01-plain#22", "k01-plain#23"))


@check("AM-3.1-82d")
def a_wrong_digest_is_fetched_again(run: Record) -> None:
    _whole_after_bad_transfer(run, ("k01-plain#24", "k01-plain#25"))


def _whole_after_bad_transfer(run: Record, names: tuple[str, ...]) -> None:
    spoilt = [one for one in run.calls("import:disturbed", operation="get") if one.fault]
    if not any(one.names(run.case(name).receipt_no) for one in spoilt for name in names):
        raise unverified("転送の擾乱が起きる場面にならなかった", "the transfer was never disturbed")
    for name in names:
        must_be_stored(
            run,
            "recovered",
            name,
            "転送が壊れた申請が、取り直しても格納されなかった",
            "an application whose transfer was damaged was not stored in the end",
        )
        detail = run.detail("recovered", name)
        if len(detail.items) != len(run.case(name).items):
            fail(
                "転送の壊れた申請が不完全なまま格納された",
                "an application was stored incomplete after a damaged transfer",
                case=name,
                expected=f"{len(run.case(name).items)} 項目 / items",
                actual=f"{len(detail.items)} 項目 / items",
            )


@check("AM-3.1-83a")
def other_procedures_are_left_alone(run: Record) -> None:
    require_positive_control(run, "first", "k01-plain")
    other = run.case("s02-plain")
    fetched = [
        one
        for step in ("import:first", "import:second")
        for one in run.calls(step, operation="get")
        if one.names(other.receipt_no)
    ]
    if fetched or run.summaries("second", other.name):
        fail(
            "割り当てられていない手続の申請を取り込んだ",
            "an application of a procedure that is not assigned was taken",
            case=other.name,
            expected="取得しない / not fetched",
            actual="取得した / fetched" if fetched else "登録されている / registered",
            exchanges=[one.seq for one in fetched],
        )


@check("AM-3.1-84a")
def maintenance_is_waited_out(run: Record) -> None:
    if not any(one.refusal == "maintenance" for one in run.calls("import:disturbed")):
        raise unverified("保守中の応答が返る場面にならなかった", "the maintenance answer never came into play")
    if stored(run, "disturbed", "k01-plain#26"):
        raise unverified(
            "保守時間帯の前に届いていたため、待ったとは言えない",
            "it had come before the maintenance window",
            case="k01-plain#26",
        )
    must_be_stored(
        run,
        "recovered",
        "k01-plain#26",
        "保守時間帯が終わったあとの取込みで、申請が取り込まれなかった",
        "after the maintenance window the application was not imported",
    )


@check("AM-3.1-84b")
def retry_after_is_respected(run: Record) -> None:
    calls = run.calls("import:disturbed", operation="get")
    refused = [one for one in calls if one.refusal == "too_many"]
    if not refused:
        raise unverified("429 が返る場面にならなかった", "429 never came into play")
    for one in refused:
        wait = float(next((v for k, v in one.response_headers.items() if k.lower() == "retry-after"), "0"))
        again = [later for later in calls if later.repeats(one) and later.refusal != "too_many"]
        if again and seconds_between(one.at, again[0].at) < wait * 0.9:
            fail(
                "Retry-After の時間を待たずに再送した",
                "the call was repeated before Retry-After had passed",
                expected=f"{wait:g} 秒以上 / seconds",
                actual=f"{seconds_between(one.at, again[0].at):.2f} 秒 / seconds",
                exchanges=[one.seq, again[0].seq],
            )
    for name in ("k01-plain#27", "k01-plain#28"):
        must_be_stored(
            run, "recovered", name, "429 のあと申請が取り込まれなかった", "after 429 an application was not imported"
        )


def seconds_between(first: str, second: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
