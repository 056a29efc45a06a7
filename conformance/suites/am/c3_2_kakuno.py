"""手順書 5章③-2 データベース格納: 一つの申請ZIPを展開し、項目と添付を一字一バイトも変えずに持つ。"""

from __future__ import annotations

import hashlib
import unicodedata

from conformance.kit import check, fail, same
from conformance.outcomes import unverified
from conformance.record import CaseTruth, ItemTruth, Record
from conformance.suites.am.views import moment, require_positive_control, stored
from interface_spec.control import ApplicationDetail, Ingestion

EMPTY = hashlib.sha256(b"").hexdigest()


def _values(detail: ApplicationDetail) -> dict[tuple[str, str, int], str]:
    return {(one.item_id, one.group, one.occurrence): one.value for one in detail.items}


def _compare(run: Record, name: str, wanted: list[ItemTruth], ja: str, en: str, snapshot: str = "first") -> None:
    """Every wanted item is there with its exact value."""
    if not wanted:
        raise unverified("この観点の項目が試験データに無い", "the test data has no such item", case=name)
    kept = _values(run.detail(snapshot, name))
    for one in wanted:
        same(
            f"{ja}（{one.label}）",
            f"{en} ({one.item_id})",
            case=name,
            expected=one.value,
            actual=kept.get((one.item_id, one.group, one.occurrence), "（項目なし / no such item）"),
        )


@check("AM-3.2-01a")
def the_zip_is_unpacked(run: Record) -> None:
    for name in ("k01-plain", "c01-family"):
        truth, detail = run.case(name), run.detail("first", name)
        same("項目の数", "the number of items", case=name, expected=len(truth.items), actual=len(detail.items))
        same(
            "添付の数",
            "the number of attachments",
            case=name,
            expected=len(truth.attachments),
            actual=len(detail.attachments),
        )


@check("AM-3.2-02a")
def blanks_and_line_breaks_are_kept(run: Record) -> None:
    truth = run.case("k01-hard-characters")
    edged = [one for one in truth.items if one.value != one.value.strip() or "\n" in one.value]
    _compare(run, truth.name, edged, "前後の空白や改行を含む値", "a value with blanks or line breaks")


@check("AM-3.2-02b")
def repeats_are_kept(run: Record) -> None:
    truth = run.case("k01-three-children")
    repeated = [one for one in truth.items if one.group]
    _compare(run, truth.name, repeated, "繰り返す項目", "a repeated item")


@check("AM-3.2-02c")
def hard_characters_are_kept(run: Record) -> None:
    truth = run.case("k01-hard-characters")
    hard = [one for one in truth.items if one.value and unicodedata.normalize("NFKC", one.value) != one.value]
    beyond = [one for one in truth.items if any(ord(c) > 0xFFFF or 0xFE00 <= ord(c) <= 0xFE0F for c in one.value)]
    kept = _values(run.detail("first", truth.name))
    wanted = {(one.item_id, one.group, one.occurrence): one for one in (*hard, *beyond)}
    if not wanted:
        raise unverified("この観点の項目が試験データに無い", "the test data has no such item", case=truth.name)
    for key, one in wanted.items():
        actual = kept.get(key, "（項目なし / no such item）")
        same(
            f"文字（{one.label}）",
            f"the characters ({one.item_id})",
            case=truth.name,
            expected=one.value.strip(),
            actual=actual.strip(),
        )


def _attachment_digests(run: Record, truth: CaseTruth) -> dict[int, str]:
    return {one.seq: one.sha256 for one in run.fetched("first", truth.name) if one.status == 200}


@check("AM-3.2-03a")
def every_attachment_type_is_kept_byte_for_byte(run: Record) -> None:
    truth = run.case("k01-all-attachment-types")
    kept = _attachment_digests(run, truth)
    for one in truth.attachments:
        if one.size:
            same(
                f"添付 {one.file_name} の中身",
                f"the bytes of attachment {one.file_name}",
                case=truth.name,
                expected=one.sha256,
                actual=kept.get(one.seq, "（添付なし / no such attachment）"),
            )


@check("AM-3.2-03b")
def attachments_of_one_name_are_both_kept(run: Record) -> None:
    truth = run.case("k01-same-file-names")
    kept = sorted(_attachment_digests(run, truth).values())
    same(
        "同じ名前の添付の中身",
        "the bytes of the attachments of one name",
        case=truth.name,
        expected=sorted(one.sha256 for one in truth.attachments),
        actual=kept,
    )


@check("AM-3.2-03c")
def an_empty_attachment_is_kept(run: Record) -> None:
    truth = run.case("k01-all-attachment-types")
    empty = [one for one in truth.attachments if one.size == 0]
    if not empty:
        raise unverified("0バイトの添付が試験データに無い", "the test data has no empty attachment", case=truth.name)
    kept = _attachment_digests(run, truth)
    for one in empty:
        same(
            f"0バイトの添付 {one.file_name}",
            f"the empty attachment {one.file_name}",
            case=truth.name,
            expected=EMPTY,
            actual=kept.get(one.seq, "（添付なし / no such attachment）"),
        )


@check("AM-3.2-04a")
def values_stand_under_their_items(run: Record) -> None:
    for name in ("k01-plain", "c01-self"):
        truth = run.case(name)
        plain = [one for one in truth.items if one.value and not one.group]
        _compare(run, name, plain, "項目と値の対応", "the value of an item")


def _must_be_quarantined(run: Record, name: str) -> None:
    truth = run.case(name)
    rows = run.summaries("broken", name)
    if any(one.ingestion is Ingestion.STORED for one in rows):
        fail(
            "受け入れてはならない申請ZIPを受け入れた",
            "a package that must be refused was accepted",
            case=name,
            sent=truth.reason_ja,
            expected="隔離 / quarantined",
            actual="格納 / stored",
        )
    if not rows:
        fail(
            "壊れた申請が隔離されず、跡形なく消えた",
            "a broken application vanished instead of being quarantined",
            case=name,
            sent=truth.reason_ja,
            expected="隔離 / quarantined",
            actual="記録なし / no trace",
        )
    if not run.detail("broken", name).quarantine_reason.strip():
        fail(
            "隔離の理由が示されない",
            "no reason is given for the quarantine",
            case=name,
            sent=truth.reason_ja,
            expected="理由 / a reason",
            actual="（空） / (empty)",
        )
    handed_over = [one for pulls in run.pulls.values() for pull in pulls for one in pull.listed]
    if truth.receipt_no in handed_over:
        fail(
            "隔離した申請が基幹に渡った",
            "a quarantined application was handed over",
            case=name,
            expected="渡さない / not handed over",
            actual="渡った / handed over",
        )


@check("AM-3.2-81a")
def a_broken_zip_stops_nothing(run: Record) -> None:
    for name in ("broken-truncated", "broken-crc", "broken-not-zip"):
        _must_be_quarantined(run, name)
    if not stored(run, "broken", "k01-plain#29"):
        fail(
            "壊れたZIPのために、次の申請が取り込まれなかった",
            "because of a broken ZIP the next application was not imported",
            case="k01-plain#29",
            expected="格納済 / stored",
            actual="なし / none",
        )


def _refused(run: Record, *names: str) -> None:
    require_positive_control(run, "broken", "k01-plain#31")
    for name in names:
        _must_be_quarantined(run, name)


@check("AM-3.2-81b")
def hostile_entries_are_refused(run: Record) -> None:
    _refused(
        run,
        "broken-zip-slip",
        "broken-absolute-path",
        "broken-symlink",
        "broken-duplicate-entry",
        "broken-encrypted",
    )


@check("AM-3.2-81c")
def hostile_xml_is_refused(run: Record) -> None:
    _refused(run, "broken-xxe", "broken-billion-laughs")


@check("AM-3.2-81d")
def bombs_are_refused(run: Record) -> None:
    _refused(run, "broken-bomb", "broken-many-entries")


@check("AM-3.2-81e")
def mismatches_with_the_list_are_refused(run: Record) -> None:
    _refused(run, "broken-receipt-mismatch", "broken-dantai-mismatch")


@check("AM-3.2-81f")
def incomplete_packages_are_refused(run: Record) -> None:
    _refused(run, "broken-missing-form", "broken-missing-verification", "broken-attachment-digest")


@check("AM-3.2-82a")
def the_arrival_time_reaches_the_core(run: Record) -> None:
    truth = run.case("k01-before-midnight")
    got = run.received("completed", truth.name)
    for field, expected in (("received_at", truth.received_at), ("arrived_at", truth.arrived_at)):
        same(
            f"基幹に渡った {field}",
            f"{field} at the core",
            case=truth.name,
            expected=moment(expected),
            actual=moment(got.fields.get(field)),
        )
    if moment(got.fields.get("imported_at")) == moment(truth.arrived_at):
        fail(
            "取込日時と到達日時が区別されていない",
            "import time and arrival time are not kept apart",
            case=truth.name,
            expected="別の日時 / two moments",
            actual=str(got.fields.get("imported_at")),
        )


@check("AM-3.2-83a")
def added_items_travel_to_the_core(run: Record) -> None:
    from interface_spec.procedures import load_procedures

    truth = run.case("k01-edited-preset")
    preset = {one.id for one in load_procedures()[truth.procedure_id].items}
    added = [one for one in truth.items if one.item_id not in preset]
    _compare(run, truth.name, added, "団体が足した項目", "an added item")
    at_core = {
        (str(one.get("item_id")), str(one.get("value") or "")) for one in run.received("completed", truth.name).items
    }
    for item in added:
        if (item.item_id, item.value) not in at_core:
            fail(
                f"団体が足した項目（{item.label}）が基幹に渡らない",
                f"an added item ({item.item_id}) does not reach the core",
                case=truth.name,
                expected=item.value,
                actual="なし / none",
            )
