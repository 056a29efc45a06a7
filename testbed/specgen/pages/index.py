"""The entrance: what this is, how sure it is, where everything stands."""

from __future__ import annotations

from collections import Counter

from interface_spec.profile import PROVENANCES, Profile
from testbed.specgen.model import Cell, Facts, Figure, Page, Section, Table, Text
from testbed.specgen.pages.communication import AM, CORE, DOWNLOAD, PORTAL, RELAY
from testbed.specgen.sequence import Call, Remark, draw, in_words

MEANINGS = {
    "公開": "国・団体の公開資料に書かれている",
    "二次情報": "自治体や事業者など、ほかの者の公開資料に書かれている",
    "推定": "公開資料から筋道を立てて導いた",
    "仮定": "模擬のために置いた。実物とは違いうる",
}


def page(profile: Profile, pages: tuple[Page, ...]) -> Page:
    counts = Counter(item.provenance for _, item in profile.items())
    counts.update(field.provenance for _, field in profile.record_fields())
    return Page(
        "index",
        "インターフェース仕様書",
        "申請連携（ぴったりサービス → ダウンロード機能 → 連携サーバ → 申請管理システム → 基幹）の模擬契約。",
        (
            Section(
                "この仕様書について",
                "about",
                (
                    Facts(
                        (
                            ("契約", profile.profile.ja),
                            ("版", profile.profile.edition),
                            ("作り方", "プロファイル（データ）から自動で作る。手で直さない"),
                        )
                    ),
                    Text(
                        "実物の外部接続インターフェース仕様書は公開されていない。これは試験床が自ら定めた契約であり、"
                        "実物とのバイト単位の互換を主張しない。実物の仕様書を持つ者は、上書きファイルで値を差し替え、"
                        "shinsei spec build --overlay で自分の版の仕様書を作れる。"
                    ),
                    Table(
                        ("出所", "意味", "項目の数"),
                        tuple((Cell(one, tone=one), MEANINGS[one], f"{counts[one]:,}") for one in PROVENANCES),
                        "項目ごとの出所",
                    ),
                ),
            ),
            Section("全体の流れ", "nagare", (_overview(),)),
            Section("目次", "contents", (_contents(pages),)),
        ),
    )


def _overview() -> Figure:
    actors = (PORTAL, DOWNLOAD, RELAY, AM, CORE)
    title = "住民の申請が基幹システムに届くまで"
    events = (
        Call("portal", "download", "申請ZIP（1申請1ファイル）"),
        Call("am", "relay", "取込みの接続"),
        Call("relay", "download", "許可されたFQDNだけ"),
        Call("download", "am", "一覧と申請ZIP", answer=True),
        Remark("展開・格納 → 申請者の特定（既存住基・団体内統合宛名・宛名情報）→ 職員の審査"),
        Call("core", "am", "審査完了の申請を取りに来る"),
        Call("am", "core", "項目・添付・業務宛名番号", answer=True),
        Call("core", "am", "受領確認（更新済・エラー）"),
    )
    return Figure(draw(title, actors, events), title, in_words(actors, events))


def _contents(pages: tuple[Page, ...]) -> Table:
    return Table(("文書", "内容"), tuple((Cell(one.title, link=f"{one.name}.html"), one.lead) for one in pages))
