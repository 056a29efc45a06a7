"""What the documents say about one another, about the list of the download function, and about the procedure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from conformance.suites.package.documents import Row
from conformance.suites.package.findings import Findings
from interface_spec.procedures import FormItemSpec, Procedure

_WEIGHTS = (6, 5, 4, 3, 2)
_BASIC4 = ("name", "birth_date", "gender", "address")


@dataclass(frozen=True)
class Listed:
    """What 申請データ一覧 said about this package; an empty text is not compared."""

    receipt_no: str = ""
    dantai_code: str = ""
    procedure_id: str = ""


def check_application(
    row: Row, receipt_in_names: str, listed: Listed, attachments: int | None, findings: Findings
) -> None:
    """申請情報 against entry names, list and number of attachments."""
    inner = row["receipt_no"]
    for expected, where in ((listed.receipt_no, "一覧 / the list"), (receipt_in_names, "エントリ名 / entry names")):
        if isinstance(inner, str) and expected and inner != expected:
            findings.add("PKG-APP-RECEIPT", "application.receipt_no", f"{where}: {expected}", str(inner))
            break
    code = row["dantai_code"]
    if isinstance(code, str):
        if not _code_is_right(code):
            findings.add(
                "PKG-APP-CHECKDIGIT", "application.dantai_code", "検査数字の合う6桁 / six digits that check", code
            )
        if listed.dantai_code and code != listed.dantai_code:
            findings.add("PKG-APP-DANTAI", "application.dantai_code", f"一覧 / the list: {listed.dantai_code}", code)
    procedure = row["procedure_id"]
    if isinstance(procedure, str) and listed.procedure_id and procedure != listed.procedure_id:
        findings.add(
            "PKG-APP-PROCEDURE", "application.procedure_id", f"一覧 / the list: {listed.procedure_id}", str(procedure)
        )
    count = row["attachment_count"]
    if isinstance(count, int) and attachments is not None and count != attachments:
        findings.add("PKG-ATT-COUNT", "application.attachment_count", f"{attachments} 件 / listed", str(count))


def _code_is_right(code: str) -> bool:
    """団体コード: weights 6,5,4,3,2; last digit of 11 - (sum mod 11)."""
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(code, _WEIGHTS, strict=False))
    return (11 - total % 11) % 10 == int(code[5])


def check_verification(row: Row, application: Row | None, procedure: Procedure | None, findings: Findings) -> None:
    """電子署名検証結果データ: its parts must fit its result; what staff must look at is a notice."""
    result, place = row["result"], "verification"
    basic4 = [part for part in _BASIC4 if row[part] not in (None, "")]
    stated = [part for part in ("serial", *_BASIC4) if row[part] not in (None, "")]
    if result == "unsigned" and stated:
        findings.add("PKG-VER-CONTRADICTION", place, "署名なし: 値なし / unsigned: no values", ", ".join(stated))
    if result == "valid" and not stated:
        findings.add(
            "PKG-VER-CONTRADICTION", place, "有効: シリアル番号か基本4情報 / valid: serial or 基本4情報", "なし / none"
        )
    if 0 < len(basic4) < len(_BASIC4):
        missing = ", ".join(part for part in _BASIC4 if part not in basic4)
        findings.add(
            "PKG-VER-PARTIAL", place, "基本4情報はすべてかなし / all four or none", f"なし / missing: {missing}"
        )
    if result in ("invalid", "expired", "revoked"):
        findings.add("PKG-VER-NOTVALID", f"{place}.result", "valid", str(result))
    if result == "unsigned" and procedure is not None and procedure.signing == "required":
        findings.add(
            "PKG-VER-UNSIGNED", f"{place}.result", f"{procedure.id}: 署名が要る / needs a signature", "unsigned"
        )
    verified, applied = row["verified_at"], application["applied_at"] if application else None
    if isinstance(verified, datetime) and isinstance(applied, datetime):
        if verified < applied:
            findings.add(
                "PKG-VER-TIME", f"{place}.verified_at", f"{applied.isoformat()} 以降 / or later", verified.isoformat()
            )
        born = row["birth_date"]
        if isinstance(born, date) and born > applied.date():
            findings.add(
                "PKG-VER-TIME", f"{place}.birth_date", "申請日以前 / on or before the application", "未来の日 / later"
            )


def check_form(rows: Sequence[Row], procedure: Procedure | None, findings: Findings) -> None:
    """申請項目データ: no item twice, occurrences from 1 on; items against the procedure where it is known."""
    keys = [(row["group"] or "", row["occurrence"], row["item_id"]) for row in rows]
    seen = set(keys)
    if len(seen) < len(keys):
        earlier: set[tuple[object, ...]] = set()
        for number, key in enumerate(keys, start=1):
            if key in earlier:
                findings.add("PKG-FORM-TWICE", f"form[{number}]", "1度 / once", " ".join(map(str, key)))
            earlier.add(key)
    repeated: dict[tuple[object, object], set[int]] = defaultdict(set)
    for group, occurrence, item in keys:
        if isinstance(occurrence, int) and occurrence != 1:
            repeated[group, item].add(occurrence)
    for (group_id, item_id), found in repeated.items():
        if (group_id, 1, item_id) in seen:
            found.add(1)
        if found != set(range(1, len(found) + 1)):
            numbers = ", ".join(map(str, sorted(found)[:20]))
            findings.add("PKG-FORM-OCCURRENCE", f"form {group_id} {item_id}", "1 からの連番 / 1, 2, …", numbers)
    if procedure is not None:
        _check_items(rows, procedure, findings)


def _check_items(rows: Sequence[Row], procedure: Procedure, findings: Findings) -> None:
    known: Mapping[str, FormItemSpec] = {one.id: one for one in procedure.items}
    present = {row["item_id"] for row in rows}
    for number, row in enumerate(rows, start=1):
        item_id, value = row["item_id"], row["value"]
        if not isinstance(item_id, str):
            continue
        spec = known.get(item_id)
        if spec is None:
            unknown = f"{procedure.id} の項目 / an item of the procedure"
            findings.add("PKG-FORM-UNKNOWN", f"form[{number}] {item_id}", unknown, "知らない項目 / unknown")
        elif isinstance(value, str) and value and (problem := _misfit(spec, value)):
            findings.add("PKG-FORM-VALUE", f"form[{number}] {item_id}", problem, "合わない値 / does not fit")
    for item_id, spec in known.items():
        if spec.required and not spec.group and item_id not in present:
            findings.add("PKG-FORM-ABSENT", f"form {item_id}", f"{spec.ja}（必須 / required）", "なし / absent")


def _misfit(spec: FormItemSpec, value: str) -> str:
    """What ``spec`` expects when ``value`` does not fit it, else ""."""
    if len(value) > spec.length:
        return f"{spec.length} 文字以下 / characters"
    match spec.type:
        case "date":
            try:
                date.fromisoformat(value)
            except ValueError:
                return "YYYY-MM-DD"
            return "" if len(value) == 10 else "YYYY-MM-DD"
        case "integer":
            return "" if value.isascii() and value.removeprefix("-").isdigit() else "整数 / a whole number"
        case "choice":
            return "" if value in spec.choices else " | ".join(spec.choices)
        case "flag":
            return "" if value in ("0", "1") else "0 | 1"
    return ""
