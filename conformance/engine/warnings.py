"""What a reader should know about the run itself: signs that the set-up, not the product, decided what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

from conformance.engine.masking import Masker
from conformance.engine.tape import AdapterTape
from conformance.record import Exchange, Record

FEW = 10
"""Fewer calls than this say nothing about a share."""
MOST_PART = 0.5
DOWNLOAD = "download"


def about_the_run(run_dir: Path, tape: AdapterTape, dropped: int, masker: Masker) -> Iterator[tuple[str, str]]:
    """Warnings (Japanese, English) from the records in ``run_dir`` and from what was not kept."""
    records = [
        Record.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted((run_dir / "records").glob("*.json"))
    ]
    yield from about_calls([one for record in records for one in record.exchanges])
    yield from about_strangers(records)
    if records and not any(one.system == DOWNLOAD for record in records for one in record.exchanges):
        yield (
            "製品からダウンロード機能への通信が一度も無い。製品のURL・プロキシ・取込みの設定を確かめる（shinsei doctor）",
            "the product never called the download function: see its URL, proxy and import settings (shinsei doctor)",
        )
    if tape.cut or dropped:
        yield (
            f"証跡の上限に達し、通信 {tape.cut + dropped} 件の内容は残していない（判定には使った）",
            f"the bound of the evidence was reached: the contents of {tape.cut + dropped} exchanges are not kept",
        )
    if masker.masked:
        yield (
            f"この実施の合成データと一致しない値 {masker.masked} 件を伏せた。製品に試験以外のデータがある可能性がある",
            f"{masker.masked} values that match no synthetic person of this run were masked: the product may hold other data",
        )
    if masker.hidden:
        yield (
            f"製品の文のうち、知らない語 {masker.hidden} 個を伏せた（実在の住民の名かもしれない）。"
            "試験専用の製品なら [run] show_free_text = true でそのまま残せる",
            f"{masker.hidden} unknown words in the product's sentences were masked: they may name a resident. "
            "Where the product holds test data only, show_free_text = true below [run] keeps them",
        )


def about_calls(exchanges: list[Exchange]) -> Iterator[tuple[str, str]]:
    """A system that refused most of its calls with one status: nearly always a setting, not the product's code."""
    for system in sorted({one.system for one in exchanges}):
        calls = [one for one in exchanges if one.system == system and not one.fault]
        for status, meaning in (
            (401, ("認証情報", "credentials")),
            (403, ("権限", "permission")),
            (404, ("URL", "URL")),
        ):
            found = Counter(one.status for one in calls)[status]
            if len(calls) >= FEW and found > MOST_PART * len(calls):
                share = round(100 * found / len(calls))
                yield (
                    f"{system} の呼出し {len(calls)} 件のうち {share} % が {status} だった。{meaning[0]}の設定を確かめる",
                    f"{share} % of {len(calls)} calls of {system} were {status}: see the {meaning[1]}",
                )


def about_strangers(records: list[Record]) -> Iterator[tuple[str, str]]:
    """Calls for applications that no round of this run has: receipt numbers follow from the seed, so they tell a run apart."""
    known = {one.receipt_no for record in records for one in (*record.cases.values(), *record.bystanders)}
    found = 0
    for record in records:
        for one in record.exchanges:
            if one.system == DOWNLOAD and one.operation == "get":
                asked = f"{unquote_plus(one.target)} {one.request_body}"
                found += not any(receipt in asked for receipt in known)
    if found:
        yield (
            f"この実施のものではない申請を求める呼出しが {found} 件あった。ほかの実施の設定のままの製品が動いていないか確かめる",
            f"{found} calls asked for applications that are not of this run: is a product of another run still at work?",
        )
