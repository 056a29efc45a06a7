"""A whole profile, and what must agree between its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Self

from pydantic import Field, model_validator

from interface_spec.profile.codes import CodeList, Limit, Timing
from interface_spec.profile.dialects import Dialect
from interface_spec.profile.drops import Drop
from interface_spec.profile.items import Item, Provenance, Spec
from interface_spec.profile.numbers import CheckDigit
from interface_spec.profile.package import Package
from interface_spec.profile.records import RecordExchange, RecordField
from interface_spec.profile.surfaces import Operation, Surface

PARTS = ("request", "request_row", "response", "row")


class Identity(Spec):
    id: str
    edition: str
    ja: str
    en: str


class Assumption(Spec):
    """One statement of the profile that no published source confirms."""

    place: str
    what: str
    provenance: Provenance


def _within(place: str, parts: Collection[str]) -> bool:
    return any(place == part or place.startswith(f"{part}.") for part in parts)


class Profile(Spec):
    """A whole profile; `load_profile` is the way to get one."""

    profile: Identity
    surfaces: dict[str, Surface]
    package: Package
    records: dict[str, RecordExchange] = Field(default={})
    drops: dict[str, Drop] = Field(default={})
    codes: dict[str, CodeList]
    limits: dict[str, Limit]
    timings: dict[str, Timing] = Field(default={})
    dialects: dict[str, Dialect] = Field(default={})
    check_digits: dict[str, CheckDigit] = Field(default={})

    def operation(self, surface: str, name: str) -> Operation:
        """The operation ``surface.name``; KeyError names what is missing."""
        return self.surfaces[surface].operations[name]

    def limit(self, name: str) -> int:
        return self.limits[name].value

    def dialects_in_force(self) -> dict[str, Dialect]:
        """Surface → the dialect that it is spoken in; plain surfaces are left out."""
        return {name: self.dialects[one.dialect] for name, one in self.surfaces.items() if one.dialect}

    def items(self) -> Iterator[tuple[str, Item]]:
        """Every item with its place in the profile (``surfaces.download.list.row.receipt_no``)."""
        for surface_name, surface in self.surfaces.items():
            for operation_name, operation in (surface.operations | surface.undeclared).items():
                for part in PARTS:
                    for name, item in getattr(operation, part).items():
                        yield f"surfaces.{surface_name}.{operation_name}.{part}.{name}", item
        for document_name, document in self.package.documents.items():
            for name, item in (document.items or document.row).items():
                yield f"package.{document_name}.{name}", item
        for drop_name, drop in self.drops.items():
            for file_name, file in drop.files.items():
                for name, item in file.row.items():
                    yield f"drops.{drop_name}.{file_name}.{name}", item
            for name, item in (*drop.manifest.items.items(), *drop.manifest.row.items()):
                yield f"drops.{drop_name}.manifest.{name}", item
        for dialect_name, dialect in self.dialects.items():
            for name, item in dialect.items.items():
                yield f"dialects.{dialect_name}.{name}", item

    def record_fields(self) -> Iterator[tuple[str, RecordField]]:
        """Every field of the record files with its place (``records.juki_cs.full.data.serial``)."""
        for exchange_name, exchange in self.records.items():
            for file_name, file in exchange.files.items():
                for kind_name, kind in file.kinds.items():
                    for name, field in kind.fields.items():
                        yield f"records.{exchange_name}.{file_name}.{kind_name}.{name}", field

    def assumptions(self, parts: Collection[str] = ()) -> list[Assumption]:
        """What in this profile is not 公開, in file order: printed with every verdict that rests on it.

        ``parts``: first words of places (``surfaces.download``, ``package``); code lists count when an item of those
        parts uses them, limits and timings always. Empty: the whole profile.
        """
        found = self._all_assumptions()
        if not parts:
            return found
        coded: list[tuple[str, Item | RecordField]] = [*self.items(), *self.record_fields()]
        used = {f"codes.{one.codes}" for place, one in coded if one.codes and _within(place, parts)}
        return [
            one
            for one in found
            if _within(one.place, parts) or one.place in used or one.place.startswith(("limits.", "timings."))
        ]

    def _all_assumptions(self) -> list[Assumption]:
        spoken = {surface.dialect for surface in self.surfaces.values()}
        found = [
            Assumption(place=place, what=item.ja, provenance=item.provenance)
            for place, item in self.items()
            if not place.startswith("dialects.") or place.split(".")[1] in spoken
        ]
        for surface_name, surface in self.surfaces.items():
            for name, operation in surface.operations.items():
                found.append(
                    Assumption(
                        place=f"surfaces.{surface_name}.{name}",
                        what=f"{operation.ja} {operation.method} {operation.path}",
                        provenance=operation.provenance,
                    )
                )
        found += [Assumption(place=p, what=f.ja, provenance=f.provenance) for p, f in self.record_fields()]
        found += [Assumption(place=f"codes.{n}", what=c.ja, provenance=c.provenance) for n, c in self.codes.items()]
        found += [Assumption(place=f"limits.{n}", what=v.ja, provenance=v.provenance) for n, v in self.limits.items()]
        found += [Assumption(place=f"timings.{n}", what=t.ja, provenance=t.provenance) for n, t in self.timings.items()]
        found += [
            Assumption(place=f"check_digits.{n}", what=f"{d.ja}: {d.in_force.ja}", provenance=d.in_force.provenance)
            for n, d in self.check_digits.items()
        ]
        return [one for one in found if one.provenance != "公開"]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        from interface_spec.profile.agreement import check_agreement

        check_agreement(self)
        return self
