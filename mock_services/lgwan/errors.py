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


class NotImplementedYetError(DnsError):
    """Anything but a standard query."""

    code = 4


class NotAQuestionError(Exception):
    """No query at all: nobody answers."""
