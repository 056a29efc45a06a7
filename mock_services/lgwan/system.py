"""その他LGWANサイト and the LGWAN DNS as one system of the simulated world."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel

from interface_spec.errors import SpecError
from mock_services.asgi import ServiceApp
from mock_services.disturb import DisturbedScreen
from mock_services.faults import FaultBox, Reach
from mock_services.lgwan.models import Names
from mock_services.lgwan.responses import site_openapi
from mock_services.lgwan.routes import DNS, SITE, VISIT, DnsDoor, NeighbourService
from mock_services.systems import Site, Zone

if TYPE_CHECKING:
    from fastapi import FastAPI


class QueryLine(BaseModel):
    at: AwareDatetime
    peer: str
    name: str
    answer: str


class LgwanSystem:
    """Door: ``lgwan-site``; beside it ``lgwan-dns`` over UDP."""

    name = "lgwan"
    zone: Zone = "lgwan"

    def __init__(self, site: Site) -> None:
        config = site.config.lgwan
        if config is None:
            raise SpecError("world.json", "lgwan", "この節が要ります / needed")
        self._port, self._recorder = config.dns_port, site.recorder
        known = {site.config.download.fqdn: site.config.addresses.zone_lgwan}
        self.names = Names(known | config.names, site.clock)
        self._transport: asyncio.BaseTransport | None = None
        self.boxes: dict[str, FaultBox] = {SITE: FaultBox(Reach(SITE, (VISIT,)))}

    def doors(self) -> dict[str, Any]:
        site = DisturbedScreen(NeighbourService(), self.boxes[SITE], VISIT)
        return {SITE: ServiceApp(site, self._recorder, openapi=site_openapi)}

    async def start(self, address: str) -> dict[str, str]:
        loop = asyncio.get_running_loop()
        door = DnsDoor(self.names)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: door, (address, self._port))
        host, port = self._transport.get_extra_info("sockname")[:2]
        return {DNS: f"udp://{host}:{port}"}

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        self.names.reset()

    def take_over(self, filled: LgwanSystem) -> None:
        """Nothing of what a world is filled with lies here."""

    def control(self, app: FastAPI, base: str) -> None:
        @app.get(f"{base}/lgwan/queries", tags=["lgwan"], summary="LGWAN DNS への問合せ / questions to the LGWAN DNS")
        async def queries() -> list[QueryLine]:
            """Who asked the LGWAN DNS for which name since the last reset (the newest 10,000)."""
            return [QueryLine(**vars(one)) for one in self.names.queries]


def build(site: Site) -> LgwanSystem:
    return LgwanSystem(site)
