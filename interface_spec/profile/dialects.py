"""Dialects: ways of a surface that no renaming can express (paging style, nesting, another way to prove oneself).

A dialect is one small class on each side. It turns the plain call of the profile into its own and back, on the wire,
so that nothing behind it knows that it exists. The profile only names it, declares its own items, and says where the
classes are; reports name it.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Item, Provenance, Spec

_CLASS_PATH = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"


class Dialect(Spec):
    """One dialect of one surface. ``server`` and ``client`` are class paths (``package.module:Class``)."""

    ja: str
    en: str
    surface: str
    operations: tuple[str, ...] = Field(min_length=1)
    server: str = Field(pattern=_CLASS_PATH)
    client: str = Field(pattern=_CLASS_PATH)
    items: dict[str, Item] = Field(default={})
    provenance: Provenance = "仮定"
    note: str = ""

    @model_validator(mode="after")
    def _operations_are_named_once(self) -> Self:
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations に同じ名前が二度あります / an operation stands twice")
        return self
