"""The document that 図表22 wants handed to each 基幹 vendor: communication, layout per procedure, codes, errors."""

from __future__ import annotations

from interface_spec.procedures import FormItemSpec, Procedure, load_procedures
from interface_spec.profile import Profile
from testbed.specgen.model import Block, Cell, Facts, Page, Section, Steps, Table, Text
from testbed.specgen.pages.communication import handover_figure
from testbed.specgen.pages.drops import drop_blocks
from testbed.specgen.pages.surfaces import errors_blocks, operation_blocks
from testbed.specgen.tables import code_table, without_empty_columns

TYPES = {
    "text": "文字",
    "kana": "カナ",
    "date": "日付（YYYY-MM-DD）",
    "integer": "整数",
    "choice": "選択",
    "phone": "電話番号",
    "postal": "郵便番号（7桁）",
    "flag": "チェック（1 / 0）",
}
SIGNING = {"required": "電子署名が必要", "optional": "電子署名は任意", "none": "電子署名なし"}
NAMES = {
    "jido_teate": "児童手当",
    "kaigo": "介護保険",
    "hoiku": "子ども・子育て支援（保育）",
    "jido_fuyo_teate": "児童扶養手当",
    "kyushoku": "学校給食費",
    "boshi_hoken": "母子保健",
    "juki": "住民記録",
    "hisaisha": "被災者支援",
    "shogai": "障害者福祉",
}


def pages(profile: Profile) -> tuple[Page, ...]:
    cores: dict[str, list[Procedure]] = {}
    for one in load_procedures().values():
        if one.core_system:
            cores.setdefault(one.core_system, []).append(one)
    return tuple(_page(profile, core, procedures) for core, procedures in sorted(cores.items()))


def _page(profile: Profile, core: str, procedures: list[Procedure]) -> Page:
    surface = profile.surfaces["handover"]
    sections = [
        Section("連携の手順", "tejun", _steps(profile, core)),
        *(Section(one.ja, name, operation_blocks(one)) for name, one in surface.operations.items()),
        Section("エラー", "errors", errors_blocks(surface)),
        Section("ファイルで受け取るとき", "files", drop_blocks(profile, profile.drops["handover"])),
        Section("結果の返し方", "kekka", drop_blocks(profile, profile.drops["core_results"])),
        Section("データレイアウト", "layout", (_procedure_list(procedures), Text(_LAYOUT_NOTE))),
        *(Section(f"{one.id}　{one.ja}", one.id, procedure_blocks(one), level=3) for one in procedures),
        Section("使うコード表", "codes", _codes(profile)),
    ]
    title = NAMES.get(core, core)
    return Page(
        f"kikan-{core.replace('_', '-')}",
        f"基幹連携仕様書　{title}",
        "基幹システム担当者へ提供するインターフェース仕様書（5章③-5 図表22）。この一冊で一括取込機能を作れる。",
        tuple(sections),
        group="基幹システム担当者へ渡す仕様書",
    )


_LAYOUT_NOTE = (
    "様式は団体が手直しできる（手順書 図表31）。表に無い項目IDや変わった項目名が来ても、エラーにせず、値を失わずに扱う。"
    "項目群は、繰返し番号 1 から順に続く。値の前後の空白も値のうちである。"
)


def _steps(profile: Profile, core: str) -> tuple[Block, ...]:
    surface = profile.surfaces["handover"]
    names = {name: one.ja for name, one in surface.operations.items()}
    return (
        Facts(
            (
                ("提供する側", surface.server),
                ("呼び出す側", surface.client),
                ("基幹システムID", Cell(core, code=True)),
                ("認証のヘッダ", Cell(surface.auth_header, code=True, soft="基幹システムごとに違うAPI鍵")),
                ("契約", f"{profile.profile.ja}　{profile.profile.edition}"),
            )
        ),
        handover_figure(profile),
        Steps(
            (
                f"{names['list']}で、審査完了の申請の受付番号を得る。審査完了でない申請は現れない。",
                f"申請ごとに{names['fetch']}、{names['attachments']}、{names['attachment']}で内容を受け取る。何度取得してもよい。",
                "整合性チェックをし、通ったものだけ台帳を更新する。受付日時・到達日時を申請日の根拠として残す。",
                f"{names['ack']}で、更新済かエラーかを返す。返すまで、その申請は次の回も一覧に現れる。",
                "同じ受付番号の申請を二度更新しない（受領確認が届かなかったときのため）。",
            )
        ),
    )


def _procedure_list(procedures: list[Procedure]) -> Table:
    return Table(
        ("手続ID", "手続", "種別", "署名", "対象者"),
        tuple(
            (
                Cell(one.id, link=f"#{one.id}", soft=one.official_id and f"実ID {one.official_id}"),
                one.ja,
                one.kind,
                SIGNING[one.signing],
                "申請者本人" if one.subject == "signer" else "様式に書かれた人",
            )
            for one in procedures
        ),
        "この基幹システムの手続",
    )


def procedure_blocks(one: Procedure) -> tuple[Block, ...]:
    """Items and attachments of one procedure."""
    blocks: list[Block] = []
    if one.groups:
        blocks.append(
            Table(
                ("項目群", "名前", "繰返し"),
                tuple(
                    (Cell(name, code=True), group.ja, f"{group.least} ～ {group.most} 回")
                    for name, group in one.groups.items()
                ),
                "繰り返す項目群",
            )
        )
    blocks.append(
        without_empty_columns(
            Table(
                ("項目ID", "項目名", "型", "長さ", "必須", "項目群", "備考"),
                tuple(_item(item) for item in one.items),
                f"申請項目（出所: {one.provenance}）",
            )
        )
    )
    if one.attachments:
        blocks.append(
            Table(
                ("書類", "必須"),
                tuple((file.ja, "必須" if file.required else "任意") for file in one.attachments),
                "添付書類",
            )
        )
    if one.note:
        blocks.append(Text(one.note))
    return tuple(blocks)


SUBJECT = {
    "name": "対象者の氏名",
    "kana": "対象者の氏名カナ",
    "birth_date": "対象者の生年月日",
    "gender": "対象者の性別",
    "address": "対象者の住所",
}


def _item(item: FormItemSpec) -> tuple[str | Cell, ...]:
    notes = [SUBJECT[item.subject]] if item.subject else []
    notes += ["選択肢: " + "、".join(item.choices)] if item.choices else []
    return (
        Cell(item.id, code=True),
        item.ja,
        TYPES[item.type],
        str(item.length),
        Cell("必須" if item.required else "任意", tone="必須" if item.required else "任意"),
        Cell(item.group, code=True),
        Cell("。".join(notes)),
    )


def _codes(profile: Profile) -> tuple[Block, ...]:
    used: dict[str, None] = {}
    for operation in profile.surfaces["handover"].operations.values():
        for part in (operation.request, operation.response, operation.row):
            used.update({item.codes: None for item in part.values() if item.codes})
    for name in ("handover", "core_results"):
        drop = profile.drops[name]
        for items in (drop.manifest.items, *(file.row for file in drop.files.values())):
            used.update({item.codes: None for item in items.values() if item.codes})
    return tuple(code_table(profile.codes[name], f"{profile.codes[name].ja}（{name}）") for name in used)
