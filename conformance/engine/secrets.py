"""Keeps secrets out of the evidence: every known secret is blotted out of whatever is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLOT = "［秘匿］"
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+")


class Redactor:
    """Blots out known secrets and every bearer token."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({one for one in secrets if len(one) >= 6}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(one) for one in known)) if known else None

    def __call__(self, text: str) -> str:
        clean = self._known.sub(BLOT, text) if self._known else text
        return _BEARER.sub(rf"\1 {BLOT}", clean)

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: self(value) for name, value in headers.items()}
