"""Keeps secrets out of the evidence: every known secret is blotted out of whatever is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

BLOT = "［秘匿］"
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+")
SHORTEST = 6
"""Anything shorter would blot innocent text, and is no secret."""


def _forms(secret: str) -> set[str]:
    """A secret as it may stand in a file: itself, in JSON, in a URL."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")}


class Redactor:
    """Blots out known secrets and every bearer token."""

    def __init__(self, secrets: Iterable[str]) -> None:
        plain = {one for one in secrets if len(one) >= SHORTEST}
        known = sorted({form for one in plain for form in _forms(one)}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(one) for one in known)) if known else None

    def __call__(self, text: str) -> str:
        return _BEARER.sub(rf"\1 {BLOT}", self.known(text))

    def known(self, text: str) -> str:
        """Only the known secrets, as they are, as in JSON and as in a URL."""
        return self._known.sub(BLOT, text) if self._known else text

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: self(value) for name, value in headers.items()}
