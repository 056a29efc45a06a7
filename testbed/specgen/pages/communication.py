"""Who talks to whom, in which zone, in which order, when."""

from __future__ import annotations

from interface_spec.profile import Profile
from testbed.specgen.model import Cell, Figure, Page, Section, Table, Text
from testbed.specgen.sequence import Actor, Call, Event, Remark, draw, in_words
from testbed.specgen.tables import limits_table, timings_table

AM = Actor("am", "申請管理システム", "mynumber")
RELAY = Actor("relay", "連携サーバ", "dmz")
DOWNLOAD = Actor("download", "ダウンロード機能", "lgwan")
JUKI = Actor("juki", "既存住基システム", "mynumber")
CS = Actor("cs", "住基ネットCS", "juki")
CORE = Actor("core", "基幹システム", "mynumber")
TOGO = Actor("togo", "団体内統合宛名", "mynumber")
PORTAL = Actor("portal", "ぴったりサービス", "internet")
RESIDENT = Actor("resident", "住民", "internet")


def page(profile: Profile) -> Page:
    return Page(
        "tsushin",
        "通信仕様と処理の流れ",
        "どのシステムが、どの区画から、どの順に通信するか。図の呼出しの名前・経路は、この契約（プロファイル）の値そのものである。",
        (
            Section("システムと区画", "kukaku", (_zones(),)),
            Section("申請データの取込み（③-1）", "torikomi", (_import(profile),)),
            Section("証明書情報連携と番号紐付情報（②、③-1）", "himozuke", (_links(profile),)),
            Section("申請者の特定（③-3）", "tokutei", (_identify(profile),)),
            Section("基幹システムへの連携（③-5、④）", "renkei", (handover_figure(profile),)),
            Section("住民の申請（ぴったりサービス申請API）", "shinsei", (_apply(profile),)),
            Section("時刻と限度", "jikoku", (timings_table(profile), limits_table(profile))),
            Section("共通の約束", "yakusoku", _rules(profile)),
        ),
    )


def _zones() -> Table:
    yes, no = Cell("許可", tone="公開"), Cell("拒否", tone="必須")
    return Table(
        ("送信元", "送信先", "通信", "根拠"),
        (
            ("連携サーバ（DMZ）", "ダウンロード機能（LGWAN）", yes, "5章①-1 図表12、①-2 図表13"),
            ("申請管理システム（マイナンバー利用事務系）", "連携サーバ（DMZ）", yes, "5章①-1 図表12"),
            ("申請管理システム（マイナンバー利用事務系）", "ダウンロード機能（LGWAN）", no, "5章①-1 図表12"),
            ("連携サーバ（DMZ）", "その他のLGWANサイト", no, "5章①-2 図表13"),
            ("上のほか", "上のほか", no, "5章①-1（特定通信以外は遮断）"),
        ),
        "区画をまたぐ通信",
    )


def _call(profile: Profile, source: Actor, target: Actor, surface: str, name: str) -> Call:
    operation = profile.operation(surface, name)
    return Call(source.key, target.key, operation.ja, f"{operation.method} {operation.path}")


def _figure(title: str, actors: tuple[Actor, ...], events: tuple[Event, ...]) -> Figure:
    return Figure(draw(title, actors, events), title, in_words(actors, events))


def _import(profile: Profile) -> Figure:
    token = profile.operation("download", "login").response["token"].ja
    rows = profile.operation("download", "list").row["receipt_no"].ja
    return _figure(
        "申請データの取込み",
        (AM, RELAY, DOWNLOAD),
        (
            Call("am", "relay", "CONNECT（宛先は許可されたFQDNだけ）"),
            Call("relay", "download", "TCP接続（名前は連携サーバが引く）"),
            Remark("ここから先のTLSは、申請管理システムとダウンロード機能の間で終端する"),
            _call(profile, AM, DOWNLOAD, "download", "login"),
            Call("download", "am", token, answer=True),
            _call(profile, AM, DOWNLOAD, "download", "list"),
            Call("download", "am", f"{rows}・大きさ・SHA-256 の行", answer=True),
            Remark("まだ無い受付番号ごとに。期間は重ね、遅れて現れる申請を拾う"),
            _call(profile, AM, DOWNLOAD, "download", "get"),
            Call("download", "am", "申請ZIP（1申請1ファイル）", answer=True),
            Remark("大きさとSHA-256を確かめ、展開し、格納する。合わなければ取り直し、直らなければ隔離する"),
        ),
    )


def _links(profile: Profile) -> Figure:
    files = profile.records["juki_cs"].files
    return _figure(
        "証明書情報連携と番号紐付情報",
        (CS, JUKI, AM),
        (
            Call("juki", "cs", files["request"].ja, files["request"].name),
            Call("cs", "juki", files["full"].ja, files["full"].name, answer=True),
            Call("cs", "juki", files["diff"].ja, files["diff"].name, answer=True),
            Remark("住民票コード → 宛名番号（住民票コードマスタ）。住民票コードはここから先へ出ない"),
            _call(profile, AM, JUKI, "link", "full"),
            Call("juki", "am", "シリアル番号と宛名番号の全件", answer=True),
            _call(profile, AM, JUKI, "link", "diff"),
            Call("juki", "am", "更新連番の後の追加・更新・削除", answer=True),
        ),
    )


def _identify(profile: Profile) -> Figure:
    return _figure(
        "申請者の特定",
        (AM, JUKI, TOGO, CORE),
        (
            Remark("i: 申請ZIPのシリアル番号 → 宛名番号（手元の写し。無ければ照会）"),
            _call(profile, AM, JUKI, "link", "lookup"),
            Remark("ii: 宛名番号 → 団体内統合宛名番号（この番号を使う基幹のときだけ）"),
            _call(profile, AM, TOGO, "togo", "lookup"),
            Remark("iii: 番号で決まらないとき、基本4情報を基幹の宛名情報と突き合わせる"),
            _call(profile, AM, CORE, "atena", "full"),
            Remark("一人に決まらないものは自動で決めず、候補と理由を添えて職員に回す"),
        ),
    )


def handover_figure(profile: Profile) -> Figure:
    results = profile.drops["core_results"].files
    return _figure(
        "基幹システムへの連携",
        (AM, CORE),
        (
            Remark("審査完了の申請だけが一覧に現れる"),
            _call(profile, CORE, AM, "handover", "list"),
            _call(profile, CORE, AM, "handover", "fetch"),
            _call(profile, CORE, AM, "handover", "attachments"),
            _call(profile, CORE, AM, "handover", "attachment"),
            Remark("整合性チェック（申請ごと）。通ったものだけ台帳を更新する"),
            _call(profile, CORE, AM, "handover", "ack"),
            Call(
                "core", "am", f"{results['updates'].ja}・{results['errors'].ja}", results["updates"].name, answer=True
            ),
            Remark("受領確認の届いていない申請は、次の回にもう一度一覧に現れる"),
        ),
    )


def _apply(profile: Profile) -> Figure:
    return _figure(
        "住民の申請",
        (RESIDENT, PORTAL, DOWNLOAD),
        (
            _call(profile, RESIDENT, PORTAL, "portal", "procedures"),
            _call(profile, RESIDENT, PORTAL, "portal", "form"),
            _call(profile, RESIDENT, PORTAL, "portal", "create"),
            _call(profile, RESIDENT, PORTAL, "portal", "attach"),
            _call(profile, RESIDENT, PORTAL, "portal", "submit"),
            Remark("証明書の検証（鎖、期間、失効）。結果は電子署名検証結果データに書かれる"),
            Call("portal", "download", "申請ZIP"),
            _call(profile, RESIDENT, PORTAL, "portal", "status"),
        ),
    )


def _rules(profile: Profile) -> tuple[Text, ...]:
    waits = profile.limit("no_answer")
    return (
        Text(
            "HTTPの本文はUTF-8のJSON。項目の長さは文字数で数え、バイト数やUTF-16の単位では数えない。半角文字の項目に全角を書かない。"
        ),
        Text("値の無い任意項目は、JSONでは書かないか null、CSVでは空、XMLでは要素を書かない。知らない項目を足さない。"),
        Text(
            f"応答の目安は {waits} 秒。それまでに答えが無い呼出しは失敗とみなし、間を広げながら繰り返す。429と503は待ってから繰り返す。"
        ),
        Text(
            "ダウンロード機能へ送る本文は、この契約が本文を定める呼出しだけである（手順書3章3.2: データは内側へだけ移る）。"
        ),
    )
