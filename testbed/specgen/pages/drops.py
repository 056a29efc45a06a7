"""Interfaces by file drop."""

from __future__ import annotations

from interface_spec.profile import Drop, Item, Profile
from testbed.specgen.model import Block, Cell, Facts, Page, Section, Steps, Text
from testbed.specgen.tables import items_table, text_of


def page(profile: Profile) -> Page:
    how = Section(
        "渡し方（共通）",
        "watashikata",
        (
            Steps(
                (
                    "データと添付を、一時名で同じファイルシステムに書き、閉じて、名前を変える。",
                    "目録を同じやり方で最後に書く。目録が現れたら、ほかはそろっている。",
                    "受け取る側は、目録の件数・バイト数・SHA-256をすべて確かめてから取り込む。一つでも違えば全体を取り込まない。",
                    "受渡し番号は一つずつ増える。飛んでいたら差分は取り込まず、全件を待つ。同じ番号を二度取り込まない。",
                )
            ),
            Text(
                "ファイル名の made_at は作成日時（日本時間、年月日時分秒の14桁）、number は受渡し番号（8桁、左を0で埋める）。"
            ),
        ),
    )
    sections = (how, *(_section(profile, name, one) for name, one in profile.drops.items()))
    return Page(
        "files",
        "ファイルによる受渡し",
        "HTTPを使わない団体のための、フォルダを介した受渡し",
        sections,
        group="ファイルで渡すもの",
    )


def drop_blocks(profile: Profile, drop: Drop) -> tuple[Block, ...]:
    """Everything about one drop."""
    blocks: list[Block] = [
        Facts(
            (
                ("書く側 → 読む側", f"{drop.writer} → {drop.reader}"),
                ("フォルダ", Cell(drop.folder, code=True)),
                ("一時名", Cell(f"… {drop.temporary_suffix}", code=True)),
                ("CSVの書き方", text_of(drop.text)),
                *((("添付", Cell(drop.attachments, code=True)),) if drop.attachments else ()),
                ("出所", Cell(drop.provenance, tone=drop.provenance)),
            )
        )
    ]
    if drop.note:
        blocks.append(Text(drop.note))
    for one in drop.files.values():
        blocks.append(items_table(rows_of(profile, one.like, one.row), f"{one.ja}　{one.name}", place=False))
    blocks.append(items_table(drop.manifest.items, f"{drop.manifest.ja}（JSON）　{drop.manifest.name}", place=False))
    blocks.append(items_table(drop.manifest.row, f"{drop.manifest.ja}の行（配列 {drop.manifest.rows}）", place=False))
    return tuple(blocks)


def rows_of(profile: Profile, like: str, row: dict[str, Item]) -> dict[str, Item]:
    """The row items of a drop file: its own, or those of the operation that it follows."""
    if not like:
        return row
    surface, _, operation = like.partition(".")
    return profile.operation(surface, operation).row


def _section(profile: Profile, name: str, drop: Drop) -> Section:
    return Section(drop.ja, name.replace("_", "-"), drop_blocks(profile, drop))
