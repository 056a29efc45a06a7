"""What the LGWAN DNS refuses; each with its response code (RFC 1035, 4.1.1)."""

from __future__ import annotations

from typing import ClassVar


class DnsError(Exception):
    """``code`` is the RCODE of the answer."""

    code: ClassVar[int]


class FormatError(DnsError):
    """Not exactly one question, or one that breaks off."""

    code = 1


class NameUnknownError(DnsError):
    code = 3


class QueryKindError(DnsError):
    """A kind of query that this server does not answer: anything but a standard query (NOTIMP)."""

    code = 4


class NotAQuestionError(Exception):
    """No query at all: nobody answers."""
