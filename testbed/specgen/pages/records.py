"""Fixed-length record files (住基ネットCS)."""

from __future__ import annotations

from interface_spec.profile import Profile
from testbed.specgen.model import Block, Cell, Facts, Page, Section, Text
from testbed.specgen.tables import ENCODINGS, record_table

PLACES = {"first": "先頭に1件", "middle": "0件以上", "last": "末尾に1件"}
MODES = {"request": "要求", "full": "全件", "diff": "差分"}


def pages(profile: Profile) -> tuple[Page, ...]:
    found = []
    for key, one in profile.records.items():
        newline = {"": "なし", "\n": "LF", "\r\n": "CRLF"}[one.newline]
        facts = Facts(
            (
                ("渡す側・受ける側", f"{one.server} ⇔ {one.client}"),
                ("レコード長", f"{one.record_length} バイト（改行 {newline} を含めない）"),
                ("文字コード", ENCODINGS[one.encoding]),
                ("書き方", f"一時名（末尾 {one.temporary_suffix}）で書き、閉じてから名前を変える"),
                ("出所", Cell(one.provenance, tone=one.provenance)),
            )
        )
        sections = [Section("概要", "gaiyo", (facts, *((Text(one.note),) if one.note else ())))]
        for name, file in one.files.items():
            blocks: list[Block] = [
                Facts(
                    (
                        ("ファイル名", Cell(file.name, code=True)),
                        ("種別", MODES[file.mode]),
                        ("作る側", one.server if file.sender == "cs" else one.client),
                    )
                )
            ]
            if file.note:
                blocks.append(Text(file.note))
            blocks += [
                record_table(kind.fields, f"{kind.ja}レコード（{PLACES[kind.at]}）") for kind in file.kinds.values()
            ]
            sections.append(Section(file.ja, name, tuple(blocks)))
        found.append(
            Page(
                f"records-{key.replace('_', '-')}",
                one.ja,
                f"{one.server} ⇔ {one.client}（5章②）",
                tuple(sections),
                group="ファイルで渡すもの",
            )
        )
    return tuple(found)
