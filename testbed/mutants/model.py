"""One mutant: the mistake a vendor might make, where it is made, and the checks that must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """``target`` is ``package.module:attribute.path``; ``replace`` gets the original and returns its replacement."""

    name: str
    ja: str
    en: str
    killed_by: tuple[str, ...]
    target: str
    replace: Callable[[Any], Any]

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def path(self) -> list[str]:
        return self.target.partition(":")[2].split(".")
