"""The application ZIP."""

from __future__ import annotations

from interface_spec.procedures import ATTACHMENT_TYPES
from interface_spec.profile import Profile
from testbed.specgen.model import Cell, Facts, Page, Section, Table, Text
from testbed.specgen.tables import ENCODINGS, items_table


def page(profile: Profile) -> Page:
    package = profile.package
    entries = [
        (
            Cell(one.path, code=True),
            one.ja,
            one.container.upper(),
            ENCODINGS[one.encoding] + ("、BOMあり" if one.bom else ""),
        )
        for one in package.documents.values()
    ]
    entries += [
        (Cell(package.form_pdf, code=True), "申請書", "PDF", ""),
        (Cell(package.attachment, code=True), "添付ファイル（件数分）", "、".join(ATTACHMENT_TYPES), ""),
    ]
    sections = [
        Section(
            "構成",
            "kosei",
            (
                Text("1申請につき1つのZIP。receipt_no は受付番号、seq は添付の連番、file_name は元のファイル名。"),
                Facts((("エントリ名の文字コード", ENCODINGS[package.entry_name_encoding]),)),
                Table(("エントリ", "内容", "形式", "文字コード"), tuple(entries), "ZIPの中身"),
                Text("ここに無いエントリ、同じ名前の二つのエントリ、外を指す名前を含むZIPは受け付けない。"),
            ),
        )
    ]
    for key, one in package.documents.items():
        if one.container == "xml":
            how = f"最上位の要素は {one.root}。" + (f"行の要素は {one.row_element}。" if one.row else "")
            how += "DTDと実体宣言は使わない。"
        else:
            how = "先頭は見出し行。" if one.header else "見出し行なし（項目はこの表の順）。"
            how += "中身は1行だけ。" if one.items else ""
        sections.append(
            Section(
                one.ja,
                key,
                (Text(how), items_table(one.items or one.row, "項目" if one.items else "行の項目", place=False)),
            )
        )
    return Page(
        "package",
        package.ja,
        "ダウンロード機能から受け取る申請1件の形（5章③-2）",
        tuple(sections),
        group="ファイルで渡すもの",
    )
