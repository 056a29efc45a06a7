"""What the simulated world sees of a product that takes in on its own schedule: when it is at work, and when it has done."""

from __future__ import annotations

from mock_services.control import WorldClient

DOWNLOAD = "download"


class Activity:
    """One run's eyes on the product's way to the download function; used while an import is waited for."""

    def __init__(self, client: WorldClient) -> None:
        self._client = client
        self._good: set[str] = set()
        self._asked: list[str] = []
        self._seen = 0

    def expect(self, receipts: set[str]) -> None:
        """Applications that a product takes in once it has them: an import is not over before they are listed."""
        self._good |= receipts

    def moves(self) -> tuple[int, int]:
        """Changes whenever the product calls the download function, or tries to (the relay's log)."""
        self._look()
        health = self._client.health()
        return health.exchanges + health.dropped, health.relay_lines

    def delivered(self) -> set[str]:
        """受付番号 of the expected applications whose ZIPs have been handed out whole so far, in any import."""
        self._look()
        return {receipt for receipt in self._good if any(receipt in asked for asked in self._asked)}

    def _look(self) -> None:
        for one in self._client.exchanges(self._seen, DOWNLOAD):
            self._seen = one.seq
            if one.operation == "get" and one.status == 200 and not one.fault:
                self._asked.append(f"{one.target} {one.request_body.text or ''} {one.request_headers}")
