"""形式チェック: what a resident typed, against the definition of the procedure's form.

公開: ぴったりサービス checks required fields and forms of values. 仮定: the forms themselves (dates YYYY-MM-DD, flags 1/0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from interface_spec.procedures import FormItemSpec, Procedure

_KANA = re.compile(r"[ァ-ヶー・ 　]+")
_PHONE = re.compile(r"[0-9][0-9-]{8,18}[0-9]", re.ASCII)
_POSTAL = re.compile(r"[0-9]{3}-?[0-9]{4}", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,11})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

HINTS = {
    "kana": "全角カタカナ",
    "date": "年月日",
    "integer": "半角の数字",
    "phone": "半角の数字とハイフン（例: 090-0000-0000）",
    "postal": "半角の数字7桁（例: 000-0000）",
}


@dataclass(frozen=True)
class Typed:
    """One value as it was typed. ``occurrence`` counts from 1; ``group`` "" = single item."""

    item_id: str
    value: str
    group: str = ""
    occurrence: int = 1

    @property
    def key(self) -> tuple[str, str, int]:
        return self.item_id, self.group, self.occurrence


@dataclass(frozen=True)
class Problem:
    """Where and what, for the person who typed it."""

    item_id: str
    occurrence: int
    ja: str


def check(procedure: Procedure, typed: Iterable[Typed]) -> list[Problem]:
    """Every breach of the form, in the form's order; empty = the form is complete and right."""
    given = list(typed)
    specs = {one.id: one for one in procedure.items}
    problems = [
        Problem(one.item_id, one.occurrence, "この手続に無い項目です")
        for one in given
        if one.item_id not in specs or specs[one.item_id].group != one.group or (not one.group and one.occurrence != 1)
    ]
    values = {one.key: one.value for one in given}
    if len(values) != len(given):
        problems.append(Problem("", 1, "同じ項目が二度あります"))
    if problems:
        return problems
    counts = {name: _count(name, given) for name in procedure.groups}
    for name, group in procedure.groups.items():
        if not group.least <= counts[name] <= group.most:
            first = next(one.id for one in procedure.items if one.group == name)
            problems.append(Problem(first, 1, f"{group.ja}は {group.least} 件から {group.most} 件までです"))
    for spec in procedure.items:
        for occurrence in range(1, (counts[spec.group] if spec.group else 1) + 1):
            found = _value_problem(spec, values.get((spec.id, spec.group, occurrence), ""))
            if found:
                problems.append(Problem(spec.id, occurrence, f"{spec.ja}: {found}"))
    return problems


def _count(group: str, given: list[Typed]) -> int:
    numbers = [one.occurrence for one in given if one.group == group]
    return max(numbers, default=0)


def _value_problem(spec: FormItemSpec, value: str) -> str:
    if not value.strip():
        return "入力してください" if spec.required else ""
    if len(value) > spec.length:
        return f"{spec.length} 文字までで入力してください"
    if _CONTROL.search(value):
        return "使えない文字があります"
    match spec.type:
        case "kana" if _KANA.fullmatch(value) is None:
            return "全角カタカナで入力してください"
        case "date" if not _is_date(value):
            return "実在する日付を入力してください"
        case "integer" if _INTEGER.fullmatch(value) is None:
            return "半角の数字で入力してください"
        case "phone" if _PHONE.fullmatch(value) is None:
            return "半角の数字とハイフンで入力してください"
        case "postal" if _POSTAL.fullmatch(value) is None:
            return "半角の数字7桁で入力してください"
        case "flag" if value not in ("0", "1"):
            return "選んでください"
        case "choice" if value not in spec.choices:
            return "選択肢から選んでください"
    return ""


def _is_date(value: str) -> bool:
    if _DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
