"""③-2: what was sent, read by the procedure's definition. Nothing is refused for it: staff see the remark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from interface_spec.procedures import FormItemSpec, Procedure
from reference_impl.shinsei_kanri.records import FormValue, Typed

UNKNOWN = "手続の定義にない項目です / not in the procedure's definition"
_WHOLE = re.compile(r"-?[0-9]{1,100}")
_FLAGS = {"0": False, "false": False, "1": True, "true": True}
_PHONE = re.compile(r"[0-9()+ -]{9,20}")
_POSTAL = re.compile(r"[0-9]{3}-?[0-9]{4}")
_KANA = re.compile(r"[\u30a0-\u30ff\uff65-\uff9f\u3000 -]*")


def typed(procedure: Procedure | None, items: Iterable[FormValue]) -> list[Typed]:
    """Each item as the definition types it, in their order; without a definition nothing is known."""
    types = {(spec.group, spec.id): spec.type for spec in procedure.items} if procedure else {}
    return [_typed(types.get((item.group, item.item_id), ""), item.value) for item in items]


def _typed(kind: str, value: str) -> Typed:
    match kind:
        case "date":
            return Typed(kind, day=_day(value))
        case "integer":
            return Typed(kind, number=int(value) if _WHOLE.fullmatch(value) else None)
        case "flag":
            return Typed(kind, flag=_FLAGS.get(value))
        case _:
            return Typed(kind)


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def remark(procedure: Procedure | None, item_id: str, group: str, value: str) -> str:
    """Why staff should look at this value; "" when it fits the definition."""
    if procedure is None:
        return ""
    spec = next((one for one in procedure.items if one.id == item_id and one.group == group), None)
    if spec is None:
        return UNKNOWN
    if not value:
        return "必須の項目が空です / required and empty" if spec.required else ""
    if len(value) > spec.length:
        return f"{spec.length} 文字を超えています / longer than defined"
    return "" if _fits(spec, value) else f"{_NAMES[spec.type]}として読めません / does not fit its type"


_NAMES = {
    "date": "日付",
    "integer": "整数",
    "choice": "選択肢",
    "flag": "はい・いいえ",
    "phone": "電話番号",
    "postal": "郵便番号",
    "kana": "カナ",
}


def _fits(spec: FormItemSpec, value: str) -> bool:
    match spec.type:
        case "date":
            return _day(value) is not None
        case "integer":
            return bool(_WHOLE.fullmatch(value))
        case "choice":
            return value in spec.choices
        case "flag":
            return value in _FLAGS
        case "phone":
            return bool(_PHONE.fullmatch(value))
        case "postal":
            return bool(_POSTAL.fullmatch(value))
        case "kana":
            return bool(_KANA.fullmatch(value))
        case _:
            return True
