"""Dates and times in a format of the profile, read strictly: `strptime` takes '2026-1-5' and full-width digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_DIRECTIVES = {
    "Y": ("year", r"[0-9]{4}"),
    "m": ("month", r"[0-9]{2}"),
    "d": ("day", r"[0-9]{2}"),
    "H": ("hour", r"[0-9]{2}"),
    "M": ("minute", r"[0-9]{2}"),
    "S": ("second", r"[0-9]{2}"),
    "f": ("microsecond", r"[0-9]{6}"),
    "z": ("zone", r"[+-][0-9]{4}|[+-][0-9]{2}:[0-9]{2}|Z"),
}
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)


def parse_moment(form: str, text: str) -> datetime:
    """``text`` in the `strftime` format ``form``; aware when it has ``%z``. ValueError when it is not in that form."""
    return _parser(form)(text)


@lru_cache(maxsize=64)
def _parser(form: str) -> Callable[[str], datetime]:
    names = _DIRECTIVE.findall(form)
    if len(set(names)) != len(names) or not set(names) <= _DIRECTIVES.keys():
        return lambda text: _by_strptime(form, text)
    pattern = re.compile("".join(_parts(form)))

    def parse(text: str) -> datetime:
        found = pattern.fullmatch(text)
        if found is None:
            raise ValueError(f"not in format {form}")
        numbers = found.groupdict()
        zone = numbers.pop("zone", None)
        values = {"year": 1900, "month": 1, "day": 1} | {name: int(digits) for name, digits in numbers.items()}
        return datetime(**values, tzinfo=None if zone is None else _zone(zone))

    return parse


def _parts(form: str) -> list[str]:
    texts = _DIRECTIVE.split(form)
    return [
        f"(?P<{_DIRECTIVES[part][0]}>{_DIRECTIVES[part][1]})" if number % 2 else re.escape(part)
        for number, part in enumerate(texts)
    ]


@lru_cache(maxsize=256)
def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if int(text[-2:]) > 59:
        raise ValueError("no such offset")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _by_strptime(form: str, text: str) -> datetime:
    moment = datetime.strptime(text, form)  # noqa: DTZ007 - a format without %z states its zone aside
    full = re.sub(r"Z$", "+0000", text) if form.endswith("%z") else text
    digits = [char for char in full if char.isdigit()]
    if not "".join(digits).isascii() or len(digits) != sum(map(str.isdigit, moment.strftime(form))):
        raise ValueError(f"not in format {form}")
    return moment
