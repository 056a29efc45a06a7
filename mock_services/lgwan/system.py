"""その他LGWANサイト and the LGWAN DNS as one system of the simulated world."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel

from interface_spec.errors import SpecError
from mock_services.asgi import ServiceApp
from mock_services.disturb import DisturbedScreen
from mock_services.faults import FaultBox, Reach
from mock_services.http import Answer, Request
from mock_services.lgwan.dns import Names
from mock_services.systems import Site, Zone

if TYPE_CHECKING:
    from fastapi import FastAPI


_SITE = "lgwan-site"


class NeighbourService:
    """Another LGWAN site: it answers everything alike; that somebody came is what counts (the recorder has it)."""

    system = _SITE

    async def handle(self, request: Request) -> Answer:
        page = "その他LGWANサイト / another LGWAN site\n"
        body = b"" if request.method == "HEAD" else page.encode()
        return Answer(200, (("Content-Type", "text/plain; charset=utf-8"),), body, operation="visit")


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
        self.boxes: dict[str, FaultBox] = {_SITE: FaultBox(Reach(_SITE, ("visit",)))}

    def doors(self) -> dict[str, Any]:
        return {_SITE: ServiceApp(DisturbedScreen(NeighbourService(), self.boxes[_SITE], "visit"), self._recorder)}

    async def start(self, address: str) -> dict[str, str]:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self.names, (address, self._port))
        host, port = self._transport.get_extra_info("sockname")[:2]
        return {"lgwan-dns": f"udp://{host}:{port}"}

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        self.names.queries.clear()

    def control(self, app: FastAPI, base: str) -> None:
        @app.get(f"{base}/lgwan/queries", tags=["lgwan"])
        async def queries() -> list[QueryLine]:
            """Who asked the LGWAN DNS for which name since the last reset (at most 10,000 kept)."""
            return [QueryLine(**vars(one)) for one in self.names.queries]


def build(site: Site) -> LgwanSystem:
    return LgwanSystem(site)
