"""What a reader should know about the run itself: signs that the set-up, not the product, decided what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

from conformance.engine.masking import Masker
from conformance.engine.settings import JST
from conformance.engine.tape import AdapterTape
from conformance.events import StrangeCall
from conformance.record import Exchange, Record
from mock_services.control import StrangeCalls

FEW = 10
"""Fewer calls than this say nothing about a share."""
MOST_PART = 0.5
DOWNLOAD = "download"


@dataclass(frozen=True)
class Warned:
    """One warning; ``calls`` are those that it is about."""

    ja: str
    en: str
    calls: tuple[StrangeCall, ...] = ()


def about_the_run(
    run_dir: Path, tape: AdapterTape, masker: Masker, strange: Iterable[StrangeCalls] = ()
) -> Iterator[Warned]:
    """Warnings from the records in ``run_dir``, from what was not kept and from what the simulated systems set aside."""
    calls = [StrangeCall.model_validate(one.model_dump()) for one in strange]
    yield from about_strange_calls(calls)
    for ja, en in _sentences(run_dir, tape, masker, {one.system for one in calls if one.aside}):
        yield Warned(ja, en)


def _sentences(run_dir: Path, tape: AdapterTape, masker: Masker, elsewhere: set[str]) -> Iterator[tuple[str, str]]:
    """``elsewhere``: systems that were called with credentials that are not of this run."""
    records = [
        Record.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted((run_dir / "records").glob("*.json"))
    ]
    yield from about_calls([one for record in records for one in record.exchanges])
    yield from about_strangers(records)
    called = {one.system for record in records for one in record.exchanges} | elsewhere
    if records and DOWNLOAD not in called:
        yield (
            "製品からダウンロード機能への通信が一度も無い。製品のURL・プロキシ・取込みの設定を確かめる（shinsei doctor）",
            "the product never called the download function: see its URL, proxy and import settings (shinsei doctor)",
        )
    yield from about_gaps(records)
    if tape.cut:
        yield (
            f"証跡の上限に達し、製品の応答 {tape.cut} 件の内容は残していない（判定には使った）",
            f"the bound of the evidence was reached: the contents of {tape.cut} answers of the product are not kept (they were judged)",
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


def about_gaps(records: list[Record]) -> Iterator[tuple[str, str]]:
    """Rounds of which not everything is on record, with the busiest kinds of call."""
    broken = [one for one in records if one.gap_ja]
    if not broken:
        return
    more = len(broken) - MOST_NAMED
    ja = "；".join(f"ラウンド {one.round}: {one.gap_ja}" for one in broken[:MOST_NAMED])
    en = "; ".join(f"round {one.round}: {one.gap_en}" for one in broken[:MOST_NAMED])
    calls = Counter((one.system, one.operation) for record in records for one in record.exchanges if one.seq > 0)
    busiest = ", ".join(f"{system} {operation} {count}" for (system, operation), count in calls.most_common(MOST_NAMED))
    yield (
        f"通信の記録に欠けがある（{ja}{f'；ほか {more} ラウンド' if more > 0 else ''}）。欠けたところで何が行われたかは分からないため、"
        f"これらのラウンドの検査は未検証とした。残っている記録に多い呼出し: {busiest or 'なし'}",
        f"the record of exchanges has gaps ({en}{f'; {more} more rounds' if more > 0 else ''}). Nobody can tell what was done "
        f"there, so the checks of these rounds are unverified. Busiest calls on what there is: {busiest or 'none'}",
    )


_CAUSES = {
    "account": ("この実施のものではないアカウントか秘密", "an account or secret that is not of this run"),
    "token": ("この実施で発行していないトークン", "a token that this run did not issue"),
    "key": ("この実施のものではないAPIキー", "an API key that is not of this run"),
}
_NO_CALL = ("契約に無い呼出し", "a call that the contract does not have")
MOST_NAMED = 3


def about_strange_calls(calls: list[StrangeCall]) -> Iterator[Warned]:
    """Calls with a credential of another run, which were set aside, and calls with none, which were not."""
    aside, bare = [one for one in calls if one.aside], [one for one in calls if not one.aside]
    if aside:
        number = sum(one.count for one in aside)
        causes = [_CAUSES[cause] for cause in _CAUSES if any(one.cause == cause for one in aside)]
        where = _places(aside)
        yield Warned(
            f"この実施のものと対応づけられない呼出しが {number} 件あった（{'、'.join(ja for ja, _ in causes)}。{where[0]}）。"
            "受け付けず、証跡と判定から除いた（記録は実施フォルダーの strangers.jsonl）。ほかの実施の設定のままの製品が動いていないか、"
            "製品に「製品側に設定する値」が設定されているかを確かめる",
            f"{number} calls match no part of this run ({', '.join(en for _, en in causes)}; {where[1]}). They were refused and kept "
            "out of evidence and verdicts (strangers.jsonl in the run's folder lists them). Is a product with the settings of "
            "another run still at work, or does the product lack the values to set?",
            tuple(aside),
        )
    if bare:
        number, where = sum(one.count for one in bare), _places(bare)
        yield Warned(
            f"認証情報を持たない呼出しが {number} 件あった（{where[0]}）。だれのものか区別できないため、製品のものとして扱った",
            f"{number} calls carried no credential at all ({where[1]}): nothing tells whose they are, so they count as the product's",
            tuple(bare),
        )


def _places(calls: list[StrangeCall]) -> tuple[str, str]:
    """The most frequent of them, in Japanese and English: system, operation, address, number, from when to when."""
    first = sorted(calls, key=lambda one: -one.count)[:MOST_NAMED]
    more = len(calls) - len(first)

    def when(one: StrangeCall) -> str:
        return f"{one.first.astimezone(JST):%H:%M:%S}–{one.last.astimezone(JST):%H:%M:%S}"

    ja = [f"{one.system} {one.operation or _NO_CALL[0]}、{one.peer} から {one.count} 件、{when(one)}" for one in first]
    en = [f"{one.system} {one.operation or _NO_CALL[1]}: {one.count} from {one.peer}, {when(one)}" for one in first]
    return "；".join(ja) + (f"；ほか {more} 種" if more else ""), "; ".join(en) + (
        f"; {more} more kinds" if more else ""
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
