"""Dialects of a simulated system: a plug-in between the wire and the plain contract of the profile.

A dialect class is built with (profile, its entry in the profile) and has two methods, see `ServerDialect`. It may live
in any importable module: the profile names it (``dialects.<name>.server = "package.module:Class"``).
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from typing import Protocol

from interface_spec.errors import SpecError
from interface_spec.profile import Dialect, Profile
from mock_services.http import Answer, MalformedError, Request
from mock_services.surface import Bound, error_answer

SERVED = ("download", "link", "atena")
"""Surfaces that the simulated systems serve, and so can speak a dialect on."""


class ServerDialect(Protocol):
    def __init__(self, profile: Profile, dialect: Dialect) -> None: ...

    def to_plain(self, request: Request) -> Request:
        """The call as the plain profile has it. MalformedError when it is not in the dialect."""

    def from_plain(self, request: Request, answer: Answer) -> Answer:
        """The plain answer to the plain ``request``, turned into the dialect's."""


class Service(Protocol):
    system: str

    async def handle(self, request: Request) -> Answer: ...


class Spoken:
    """A service behind its dialect."""

    def __init__(self, service: Service, bound: Bound, dialect: ServerDialect, operations: Collection[str]) -> None:
        """``operations``: those whose answers the dialect changes; it gets their bodies in memory."""
        self.system = service.system
        self._service, self._bound, self._dialect, self._operations = service, bound, dialect, operations

    async def handle(self, request: Request) -> Answer:
        try:
            plain = self._dialect.to_plain(request)
        except MalformedError:
            return (
                error_answer(self._bound, "bad_request") if "bad_request" in self._bound.surface.errors else Answer(400)
            )
        answer = await self._service.handle(plain)
        return self._dialect.from_plain(plain, answer.in_memory() if answer.operation in self._operations else answer)


def spoken(service: Service, bound: Bound, profile: Profile) -> Service:
    """``service`` in the dialect that the profile gives its surface; itself when there is none."""
    entry = profile.dialects_in_force().get(bound.name)
    return service if entry is None else Spoken(service, bound, _load(profile, bound.name, entry), entry.operations)


def check_dialects(profile: Profile) -> None:
    """SpecError for a dialect on a surface that no simulated system serves, or whose class cannot be had."""
    for surface, entry in profile.dialects_in_force().items():
        if surface not in SERVED:
            raise SpecError(
                f"profile {profile.profile.id}",
                f"surfaces.{surface}.dialect",
                f"方言を話せるのは {', '.join(SERVED)} です / no dialect on this surface",
            )
        _load(profile, surface, entry)


def _load(profile: Profile, surface: str, entry: Dialect) -> ServerDialect:
    module, _, name = entry.server.partition(":")
    try:
        kind: type[ServerDialect] = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise SpecError(
            f"profile {profile.profile.id}",
            f"dialects.{profile.surfaces[surface].dialect}.server",
            f"{entry.server} を読み込めません / cannot be imported",
        ) from None
    return kind(profile, entry)
