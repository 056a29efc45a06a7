"""Items, code lists and errors of the contract as tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from interface_spec.profile import CheckDigit, CodeList, Item, Operation, Profile, RecordField, Surface, TextFile
from testbed.specgen.model import Cell, Table

TYPES = {
    "X": "半角文字",
    "N": "文字（全角・半角）",
    "INT": "整数",
    "BOOL": "真偽",
    "DATE": "日付",
    "DATETIME": "日時",
    "CODE": "コード",
    "SERIAL": "シリアル番号",
    "DIGEST": "SHA-256（16進）",
}
PLACES = {"body": "本文", "query": "問合せ文字列", "path": "経路", "header": "ヘッダ"}
SERIALS = {"hex-upper": "16進・大文字", "hex-lower": "16進・小文字", "decimal": "10進"}
ENCODINGS = {"utf-8": "UTF-8", "cp932": "Shift_JIS（CP932）", "ascii": "ASCII"}
_MOMENT = datetime(2026, 11, 23, 0, 5, 9, tzinfo=UTC)
_JAPAN = timezone(timedelta(hours=9))


def form_of(kind: str, form: str | None, zone: str | None, codes: str | None) -> Cell:
    """How a value is written, with an example where the form is a pattern."""
    match kind:
        case "DATE" | "DATETIME":
            moment = _MOMENT if zone in ("UTC", "Z") else _MOMENT.astimezone(_JAPAN)
            aside = f"（{zone}）" if zone else ""
            return Cell(form or "", code=True, soft=f"例 {moment.strftime(form or '')}{aside}")
        case "CODE":
            return Cell(f"コード表 {codes}", link=f"codes.html#{codes}")
        case "SERIAL":
            return Cell(SERIALS[form or ""])
        case "BOOL":
            return Cell("1 / 0" if form == "0/1" else "true / false", code=True)
    return Cell("")


def items_table(items: Mapping[str, Item], caption: str, *, place: bool) -> Table:
    """One line per item: name, wire name, type, length, must, form, provenance."""
    head = ("項目", "名前", *(("場所",) if place else ()), "型", "長さ", "必須", "形式", "出所")
    rows = []
    for item in items.values():
        rows.append(
            (
                Cell(item.ja, soft=item.note),
                Cell(item.wire, code=True),
                *((PLACES[item.place],) if place else ()),
                TYPES[item.type],
                str(item.length) if item.length else "―",
                Cell("必須" if item.required else "任意", tone="必須" if item.required else "任意"),
                form_of(item.type, item.format, item.zone, item.codes),
                Cell(item.provenance, tone=item.provenance),
            )
        )
    return without_empty_columns(Table(head, tuple(rows), caption))


def without_empty_columns(table: Table) -> Table:
    """The table without the columns in which no row has anything to say."""
    kept = [number for number in range(len(table.head)) if any(_says(row[number]) for row in table.rows)]
    rows = tuple(tuple(row[number] for number in kept) for row in table.rows)
    return Table(tuple(table.head[number] for number in kept), rows, table.caption)


def _says(cell: str | Cell) -> bool:
    text = cell if isinstance(cell, str) else cell.text + cell.soft
    return text not in ("", "―")


CONTROLS = {
    "": "",
    "kind": "区分の印",
    "sequence": "ファイル内の連番（1から）",
    "generation": "世代番号（前回より一つ大きい）",
    "filler": "空白で埋める",
}


def record_table(fields: Mapping[str, RecordField], caption: str) -> Table:
    """A fixed-length record from its first byte to its last."""
    rows = []
    for one in sorted(fields.values(), key=lambda field: field.offset):
        control = {"count": f"{one.of} の件数", "sum": f"{one.of} の合計"}.get(one.control) or CONTROLS[one.control]
        pad = f"{'左' if one.align == 'left' else '右'}詰め・{'空白' if one.pad == ' ' else one.pad}埋め"
        rows.append(
            (
                str(one.offset),
                str(one.length),
                Cell(one.ja, soft=one.note),
                TYPES[one.type],
                Cell(one.value, code=True, soft=control) if one.value else Cell(control),
                Cell("") if one.control in ("kind", "filler") else form_of(one.type, one.format, one.zone, one.codes),
                "" if one.control in ("kind", "filler") else pad,
                Cell(one.provenance, tone=one.provenance),
            )
        )
    return Table(("位置", "長さ", "項目", "型", "値・役割", "形式", "詰め方", "出所"), tuple(rows), caption)


def code_table(codes: CodeList, caption: str) -> Table:
    return Table(
        ("値", "意味", "内部名"),
        tuple(
            (Cell(one.wire or "（空）", code=True), one.ja, Cell(name, code=True)) for name, one in codes.values.items()
        ),
        caption,
    )


def errors_table(surface: Surface) -> Table:
    return Table(
        ("状態", "コード", "文言", "内部名", "出所"),
        tuple(
            (
                str(one.status),
                Cell(one.code or "（なし）", code=True),
                one.message,
                Cell(name, code=True),
                Cell(one.provenance, tone=one.provenance),
            )
            for name, one in surface.errors.items()
        ),
        "エラー応答",
    )


def operations_table(surface: Surface) -> Table:
    every = surface.operations | surface.undeclared
    return Table(
        ("呼出し", "メソッド", "経路", "成功時", "応答の形", "出所"),
        tuple(
            (
                Cell(
                    one.ja,
                    link=f"#{name}",
                    soft="" if name in surface.operations else "この契約では有効にしていない（実物にあるか不明）",
                ),
                Cell(one.method, code=True),
                Cell(one.path, code=True),
                str(one.status),
                body_of(one),
                Cell(one.provenance, tone=one.provenance),
            )
            for name, one in every.items()
        ),
        "呼出しの一覧",
    )


def body_of(operation: Operation) -> str:
    return {"json": "JSON", "csv": "CSV", "binary": "ファイル", "none": "本文なし"}[operation.body]


def text_of(file: TextFile) -> str:
    """One sentence on how text files are written."""
    bom = "BOMあり" if file.bom else "BOMなし"
    header = "先頭は見出し行" if file.header else "見出し行なし（項目はこの表の順）"
    newline = "CRLF" if file.newline == "\r\n" else "LF"
    return f"{ENCODINGS[file.encoding]}、{bom}、{header}、改行は {newline}。値にカンマ・引用符・改行があるときは引用符で囲む（RFC 4180）。"


def limits_table(profile: Profile) -> Table:
    return Table(
        ("限度", "値", "単位", "出所"),
        tuple(
            (one.ja, f"{one.value:,}", one.unit, Cell(one.provenance, tone=one.provenance))
            for one in profile.limits.values()
        ),
        "限度値",
    )


def timings_table(profile: Profile) -> Table:
    rows = []
    for one in profile.timings.values():
        when = {
            "interval": f"{one.seconds:,} 秒ごと" if one.seconds else "",
            "daily": "毎日 " + "、".join(one.at),
            "window": f"{one.start} から {one.end} まで",
        }[one.kind]
        days = f"（{'・'.join(one.days)}）" if one.days else ""
        rows.append((Cell(one.ja, soft=one.note), when + days, Cell(one.provenance, tone=one.provenance)))
    return Table(("何を", "いつ", "出所"), tuple(rows), "動く時刻（日本時間）")


def check_digit_table(one: CheckDigit) -> Table:
    """The rules to choose from; the one in force is marked."""
    rows = [
        (
            Cell(name, code=True),
            "○" if name == one.rule else "",
            Cell(rule.ja, soft=rule.source),
            Cell(rule.provenance, tone=rule.provenance),
        )
        for name, rule in one.rules.items()
    ]
    return Table(("規則", "使用", "式", "出所"), tuple(rows), "検査数字の規則（上書きファイルの rule で選ぶ）")
