"""What the profile says about a recorded exchange, so that no check has to know a status, a code or a place by heart."""

from __future__ import annotations

import json

from interface_spec.profile import Operation, Profile

_SURFACES = {"download": "download", "juki": "link", "core": "atena", "pull": "handover"}
"""Recorded system (before a colon) → surface of the profile."""

OUTWARD = ("status_update",)


class Contract:
    """Reads exchanges under one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def has_body(self, system: str, operation: str) -> bool:
        """Whether the contract gives this call a request body that takes nothing outward; False for unknown calls.

        A status update, where a profile declares it, does take something outward: 3.2 is one-way.
        """
        if operation in OUTWARD:
            return False
        known = self._operation(system, operation)
        return known is not None and any(item.place == "body" for item in known.request.values())

    def refusal(self, system: str, status: int, body: str) -> str:
        """Canonical name of the surface's error that this answer is; "" when it is none of them."""
        surface = self._profile.surfaces[_SURFACES[system.partition(":")[0]]]
        named = {name: error for name, error in surface.errors.items() if error.status == status}
        if not named:
            return ""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        code = document.get(surface.error_body.code) if isinstance(document, dict) else None
        return next((name for name, error in named.items() if code is None or error.code == code), "")

    def acknowledged(self, status: int) -> bool:
        """Whether this status is the one with which 受領確認 is accepted."""
        return status == self._profile.operation("handover", "ack").status

    def _operation(self, system: str, operation: str) -> Operation | None:
        return self._profile.surfaces[_SURFACES[system.partition(":")[0]]].operations.get(operation)
