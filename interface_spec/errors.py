"""The one error of every loader here: a sentence that names file, place and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError


class SpecError(ValueError):
    """A contract file cannot be used. ``str()`` is one sentence: file, place in the file, what is wrong, what to write."""

    def __init__(self, source: Path | str, place: str, problem: str) -> None:
        self.source, self.place, self.problem = str(source), place, problem
        super().__init__(f"{self.source}: {place}: {problem}" if place else f"{self.source}: {problem}")


_WORDS = {
    "missing": "必須の項目がありません / required key is missing",
    "extra_forbidden": "知らない項目です（綴りを確認してください） / unknown key (check the spelling)",
    "int_type": "整数を書きます / write an integer",
    "int_parsing": "整数を書きます / write an integer",
    "int_from_float": "整数を書きます / write an integer",
    "float_type": "数を書きます / write a number",
    "float_parsing": "数を書きます / write a number",
    "bool_type": "true か false を書きます / write true or false",
    "bool_parsing": "true か false を書きます / write true or false",
    "string_type": '文字列（"…"）を書きます / write a string',
    "string_too_short": "空にはできません / must not be empty",
    "tuple_type": "配列（[…]）を書きます / write an array",
    "list_type": "配列（[…]）を書きます / write an array",
    "dict_type": "表（[…] の節）を書きます / write a table",
    "model_type": "表（[…] の節）を書きます / write a table",
    "model_attributes_type": "表（[…] の節）を書きます / write a table",
    "date_type": "日付を 2026-01-31 の形で書きます / write a date like 2026-01-31",
    "date_parsing": "日付を 2026-01-31 の形で書きます / write a date like 2026-01-31",
    "date_from_datetime_parsing": "日付を 2026-01-31 の形で書きます / write a date like 2026-01-31",
    "datetime_type": "日時を 2026-01-31T09:00:00+09:00 の形で書きます / write a time like 2026-01-31T09:00:00+09:00",
    "datetime_parsing": "日時を 2026-01-31T09:00:00+09:00 の形で書きます / write a time like 2026-01-31T09:00:00+09:00",
    "datetime_from_date_parsing": "日時を 2026-01-31T09:00:00+09:00 の形で書きます / write a time like 2026-01-31T09:00:00+09:00",
    "timezone_aware": "時差（+09:00 など）も書きます / write the time zone, too (+09:00, say)",
    "greater_than": "{gt} より大きい数を書きます / must be greater than {gt}",
    "greater_than_equal": "{ge} 以上の数を書きます / must be at least {ge}",
    "less_than": "{lt} より小さい数を書きます / must be less than {lt}",
    "less_than_equal": "{le} 以下の数を書きます / must be at most {le}",
    "too_short": "少なくとも {min_length} 個書きます / give at least {min_length}",
    "too_long": "多くても {max_length} 個です / give at most {max_length}",
    "string_too_long": "多くても {max_length} 字です / at most {max_length} characters",
    "base64_decode": "Base64 で書きます / write Base64",
    "json_invalid": "JSON として読めません / cannot be read as JSON",
    "string_pattern_mismatch": "書き方が違います（形式 {pattern}） / does not match {pattern}",
    "literal_error": "値は {expected} のいずれかです / must be one of {expected}",
    "enum": "値は {expected} のいずれかです / must be one of {expected}",
}


def first_problem(error: ValidationError, *, hidden: str = "") -> tuple[str, str]:
    """(place, problem) of the first finding of a Pydantic error, as a person would say it: ``ja / en``.

    Values below the place ``hidden`` are never repeated.
    """
    return finding(error.errors()[0], hidden=hidden)


def finding(found: Mapping[str, Any], *, hidden: str = "") -> tuple[str, str]:
    """`first_problem` of one finding as Pydantic, or what is built on it, lists it (``type``, ``loc``, ``msg``, …)."""
    place = ".".join(str(part) for part in found["loc"])
    kind = found["type"]
    if kind == "value_error":
        return place, found["msg"].removeprefix("Value error, ")
    context = {key: str(value) for key, value in found.get("ctx", {}).items()}
    words = _WORDS[kind].format_map(context) if kind in _WORDS else found["msg"]
    if kind in ("missing", "extra_forbidden") or (hidden and place.split(".")[0] == hidden):
        return place, words
    ja, _, en = words.partition(" / ")
    given = f"{str(found.get('input'))[:80]!r}"
    return place, f"{ja}（値: {given}） / {en or ja} (value: {given})"
