"""The two doors of the neighbours: その他LGWANサイト over HTTP, the LGWAN DNS over UDP."""

from __future__ import annotations

import asyncio
from typing import cast

from mock_services.http import Answer, Request
from mock_services.lgwan.errors import NotAQuestionError
from mock_services.lgwan.models import Names
from mock_services.lgwan.responses import resolved, visited

SITE, DNS = "lgwan-site", "lgwan-dns"
VISIT = "visit"
"""The one operation of the site."""


class NeighbourService:
    """その他LGWANサイト behind HTTP."""

    system = SITE

    async def handle(self, request: Request) -> Answer:
        return visited(request)


class DnsDoor(asyncio.DatagramProtocol):
    """Answers one question a datagram, and what is no question with nothing."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            answer = resolved(self._names, data, f"{addr[0]}:{addr[1]}")
        except NotAQuestionError:
            return
        if self._transport is not None:
            self._transport.sendto(answer, addr)
