"""Refusals of the control API that every system shares."""

from __future__ import annotations


class RefusedError(ValueError):
    """Data that cannot be loaded under this profile; ``str()`` is one sentence."""


class UnknownError(KeyError):
    """Something was named that this world does not have; ``str()`` is one sentence."""

    def __str__(self) -> str:
        return str(self.args[0])
