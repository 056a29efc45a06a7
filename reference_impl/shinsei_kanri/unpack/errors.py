"""The one refusal of this package."""

from __future__ import annotations


class RefusedPackage(ValueError):
    """The ZIP goes into quarantine; ``str()`` is the reason as staff read it (Japanese, English after the slash)."""
