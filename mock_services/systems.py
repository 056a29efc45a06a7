"""Systems of the simulated world that run only when the configuration asks for them.

Each is built by the function ``build`` of its package's module ``system``; nothing of a system that is not asked for is
imported, so that a run of checks starts as fast as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from interface_spec.profile import Profile
from mock_services.clock import WorldClock
from mock_services.config import WorldConfig
from mock_services.faults import FaultBox
from mock_services.recorder import Recorder

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mock_services.world import World

Zone = Literal["internet", "lgwan", "lgwan-side", "mynumber", "juki-net"]
NAMES = ("togo", "juki_cs", "portal", "kanri", "lgwan")
"""Optional systems in the order in which they are built: a field of `WorldConfig` each."""


@dataclass(frozen=True)
class Site:
    """What every system is built from."""

    world: World
    config: WorldConfig
    profile: Profile
    clock: WorldClock
    recorder: Recorder


class System(Protocol):
    """One running system; ``doors`` are its listening applications by name, each on a port of its own."""

    name: str
    zone: Zone
    boxes: dict[str, FaultBox]

    def doors(self) -> dict[str, Any]:
        """Name → ASGI application."""

    async def start(self, address: str) -> dict[str, str]:
        """Start what is no HTTP on the zone's ``address``; name → URL of what accepts then."""

    async def stop(self) -> None:
        """End what `start` began."""

    def reset(self) -> None:
        """Forget all data; what was configured stays."""

    def take_over(self, filled: Any) -> None:
        """After a `reset`: what the same system of another world was filled with; that world is not used any more."""

    def control(self, app: FastAPI, base: str) -> None:
        """Add the system's own calls to the control API below ``base``."""


class Quiet:
    """A system that is HTTP (or files) alone: nothing to start beside its doors."""

    async def start(self, address: str) -> dict[str, str]:  # noqa: ARG002 - the protocol's parameter
        return {}

    async def stop(self) -> None:
        return


def build_systems(world: World) -> dict[str, System]:
    """The systems that the configuration asks for. SpecError when the profile does not fit one of them."""
    site = Site(world, world.config, world.profile, world.clock, world.recorder)
    return {name: _build(name, site) for name in NAMES if getattr(world.config, name) is not None}


def _build(name: str, site: Site) -> System:
    system: System = import_module(f"mock_services.{name}.system").build(site)
    return system
