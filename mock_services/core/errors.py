"""The refusals of a core system; each names its entry in the profile's error table."""

from __future__ import annotations

from typing import ClassVar


class CoreError(Exception):
    """``name`` is the key in ``surfaces.atena.errors``."""

    name: ClassVar[str]


class UnauthorizedError(CoreError):
    name = "unauthorized"


ERRORS = tuple(kind.name for kind in CoreError.__subclasses__())
