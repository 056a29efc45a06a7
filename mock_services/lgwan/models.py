"""The LGWAN DNS: the names that it knows, and who asked for what: that is the evidence. No datagrams.

公開: from the DMZ only the download function may be reached, no other site of the LGWAN (手順書5章①-2, 図表13). 仮定:
the names, and that this DNS answers for A records over UDP (RFC 1035).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mock_services.clock import WorldClock
from mock_services.lgwan.errors import NameUnknownError

KEPT = 10_000


@dataclass(frozen=True)
class Query:
    """One question. ``answer``: the address, "" when the name is not known."""

    at: datetime
    peer: str
    name: str
    answer: str


class Names:
    """Name → IPv4 address; ``queries``: the newest `KEPT`."""

    def __init__(self, names: Mapping[str, str], clock: WorldClock) -> None:
        self._names = {name.lower().rstrip("."): address for name, address in names.items()}
        self._clock = clock
        self.queries: deque[Query] = deque(maxlen=KEPT)

    def ask(self, peer: str, name: str) -> str:
        """The address of ``name``. NameUnknownError; noted either way."""
        address = self._names.get(name, "")
        self.queries.append(Query(self._clock.now(), peer, name, address))
        if not address:
            raise NameUnknownError
        return address

    def reset(self) -> None:
        self.queries.clear()
