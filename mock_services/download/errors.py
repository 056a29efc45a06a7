"""The refusals of the download function; each names its entry in the profile's error table."""

from __future__ import annotations

from typing import ClassVar


class DownloadError(Exception):
    """``name`` is the key in ``surfaces.download.errors``."""

    name: ClassVar[str]


class BadRequestError(DownloadError):
    name = "bad_request"


class BadCredentialsError(DownloadError):
    name = "bad_credentials"


class BadTokenError(DownloadError):
    name = "bad_token"


class ForbiddenError(DownloadError):
    name = "forbidden"


class NotFoundError(DownloadError):
    name = "not_found"


class TooManyError(DownloadError):
    name = "too_many"


class MaintenanceError(DownloadError):
    name = "maintenance"


ERRORS = tuple(kind.name for kind in DownloadError.__subclasses__())
