"""Overlays for the tests of the contract."""

from __future__ import annotations

from pathlib import Path

from interface_spec.profile import Profile, load_profile

ODD = Path(__file__).with_name("odd.toml")


def laid_over(folder: Path, text: str) -> Profile:
    """The baseline with an overlay that is given as text."""
    overlay = folder / "overlay.toml"
    overlay.write_text(text, encoding="utf-8")
    return load_profile("baseline", overlay)
