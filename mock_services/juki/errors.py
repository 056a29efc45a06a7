"""The refusals of 既存住基; each names its entry in the profile's error table."""

from __future__ import annotations

from typing import ClassVar


class JukiError(Exception):
    """``name`` is the key in ``surfaces.link.errors``."""

    name: ClassVar[str]


class BadRequestError(JukiError):
    name = "bad_request"


class UnauthorizedError(JukiError):
    name = "unauthorized"


ERRORS = tuple(kind.name for kind in JukiError.__subclasses__())
