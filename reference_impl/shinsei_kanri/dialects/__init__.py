"""Dialects of the other systems, as this product speaks them: a plug-in between the plain contract and the wire.

A dialect class is built with (profile, its entry in the profile) and has two methods, see `ClientDialect`. It may live
in any importable module: the profile names it (``dialects.<name>.client = "package.module:Class"``).
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

import httpx

from interface_spec.errors import SpecError
from interface_spec.profile import Dialect, Profile
from reference_impl.shinsei_kanri.wiring.calls import Call

CALLED = ("download", "link", "atena")
"""Surfaces on which this product is the client."""


class ClientDialect(Protocol):
    def __init__(self, profile: Profile, dialect: Dialect) -> None: ...

    def from_plain(self, operation: str, call: Call) -> Call:
        """The plain call of ``operation``, turned into the dialect's."""

    def to_plain(self, operation: str, call: Call, response: httpx.Response) -> httpx.Response:
        """The answer to the plain ``call`` as the plain profile has it."""


class Plain:
    """The contract as the profile states it."""

    def from_plain(self, operation: str, call: Call) -> Call:  # noqa: ARG002 - the plain contract changes nothing
        return call

    def to_plain(self, operation: str, call: Call, response: httpx.Response) -> httpx.Response:  # noqa: ARG002
        return response


def dialect_of(profile: Profile, surface: str) -> ClientDialect | Plain:
    """How ``surface`` is spoken. SpecError when its class cannot be had."""
    entry = profile.dialects_in_force().get(surface)
    if entry is None:
        return Plain()
    module, _, name = entry.client.partition(":")
    try:
        kind: type[ClientDialect] = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        place = f"dialects.{profile.surfaces[surface].dialect}.client"
        raise SpecError(profile.profile.id, place, f"{entry.client} を読み込めません / cannot be imported") from None
    return kind(profile, entry)


def check_dialects(profile: Profile) -> None:
    """SpecError for a dialect on a surface that this product does not call, or whose class cannot be had."""
    for surface in profile.dialects_in_force():
        if surface not in CALLED:
            problem = f"方言を話せるのは {', '.join(CALLED)} です / no dialect on this surface"
            raise SpecError(profile.profile.id, f"surfaces.{surface}.dialect", problem)
        dialect_of(profile, surface)
