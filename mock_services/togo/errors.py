"""The refusals of 団体内統合宛名: those of its table (E0001–E0004, 401) and those of the token endpoint (RFC 6749 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

ERRORS = ("required", "character", "length", "relation", "unauthorized", "unexpected")
"""Keys of ``surfaces.togo.errors``."""


@dataclass(frozen=True)
class Breach:
    """One thing wrong with a request: the key in the error table and the wire name of the item."""

    name: str
    wire: str


class BadRequestError(Exception):
    """The request breaks the contract; every breach is named, the answer lists them all."""

    def __init__(self, breaches: list[Breach]) -> None:
        self.breaches = breaches
        super().__init__(", ".join(one.name for one in breaches))


class UnauthorizedError(Exception):
    """No token, a token that is not valid (any more), or one without the scope of the call."""


class TokenError(Exception):
    """``error`` is the value of RFC 6749 5.2; the status follows from it."""

    error: ClassVar[str]
    status: ClassVar[int] = 400


class InvalidRequestError(TokenError):
    error = "invalid_request"


class InvalidClientError(TokenError):
    error, status = "invalid_client", 401


class UnsupportedGrantError(TokenError):
    error = "unsupported_grant_type"


class InvalidScopeError(TokenError):
    error = "invalid_scope"
