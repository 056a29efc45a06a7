"""The refusals of the application API; each names its entry in the profile's error table."""

from __future__ import annotations

from typing import ClassVar


class PortalError(Exception):
    """``name`` is the key in ``surfaces.portal.errors``."""

    name: ClassVar[str]


class BadRequestError(PortalError):
    name = "bad_request"


class UnauthorizedError(PortalError):
    name = "unauthorized"


class NotFoundError(PortalError):
    name = "not_found"


class ConflictError(PortalError):
    name = "conflict"


class TooLargeError(PortalError):
    name = "too_large"


class RefusedTypeError(PortalError):
    name = "refused_type"


class BadItemsError(PortalError):
    """Items or signature break the form; ``problems`` say where, for the screens."""

    name = "bad_items"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


ERRORS = (*(kind.name for kind in PortalError.__subclasses__()), "maintenance")
