"""What must agree between the parts of one profile. Each breach is one sentence that begins with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interface_spec.profile.items import Item
from interface_spec.profile.records import RecordField

if TYPE_CHECKING:
    from interface_spec.profile.model import Profile

CARRIED_ON = {
    "package.documents.form.row": "handover.fetch.row",
    "package.documents.attachments.row": "handover.attachments.row",
}
"""What an application holds → where the same items go on to the core system: no shorter there, or values are lost."""


def check_agreement(profile: Profile) -> None:
    """ValueError with one sentence when the profile contradicts itself."""
    _codes_exist_and_fit(profile)
    _limits_leave_room(profile)
    _nothing_gets_shorter(profile)
    _dialects_fit(profile)
    _drops_resolve(profile)


def _codes_exist_and_fit(profile: Profile) -> None:
    coded: list[tuple[str, Item | RecordField]] = [*profile.items(), *profile.record_fields()]
    for place, one in coded:
        if one.codes is None:
            continue
        if one.codes not in profile.codes:
            raise ValueError(f"{place}: コード表 {one.codes!r} がありません / no such code list")
        longest = max(len(value.wire) for value in profile.codes[one.codes].values.values())
        if one.length is not None and one.length < longest:
            raise ValueError(
                f"{place}: 長さ {one.length} はコード表 {one.codes} の値（最長 {longest} 文字）より短いです / "
                "length below the longest code value"
            )


def _limits_leave_room(profile: Profile) -> None:
    limits = {name: limit.value for name, limit in profile.limits.items()}
    longest = max(
        (item.length or 0 for one in profile.package.documents.values() for item in (one.items or one.row).values()),
        default=0,
    )
    for name in ("package_bytes", "unpacked_bytes"):
        value = limits.get(name)
        if value is not None and value < longest:
            raise ValueError(
                f"limits.{name}: {value} は、申請ZIPの項目の長さ {longest} より小さいです / limit below the length of an item"
            )
    entries, least = limits.get("package_entries"), len(profile.package.documents) + 1
    if entries is not None and entries < least:
        raise ValueError(
            f"limits.package_entries: {entries} では、文書 {least} 件が入りません / too few for the documents themselves"
        )


def _nothing_gets_shorter(profile: Profile) -> None:
    handover = profile.surfaces.get("handover")
    if handover is None:
        return
    for source, target in CARRIED_ON.items():
        document = profile.package.documents.get(source.split(".")[2])
        operation = handover.operations.get(target.split(".")[1])
        if document is None or operation is None:
            continue
        for name, item in document.row.items():
            onward = operation.row.get(name)
            if onward is not None and onward.length is not None and (item.length or 0) > onward.length:
                raise ValueError(
                    f"surfaces.{target}.{name}: 長さ {onward.length} が、申請ZIPの {item.length} より短く、値が失われます / "
                    "shorter than in the package: values would be lost"
                )


def _dialects_fit(profile: Profile) -> None:
    for name, surface in profile.surfaces.items():
        if surface.dialect and surface.dialect not in profile.dialects:
            known = ", ".join(profile.dialects) or "なし"
            raise ValueError(
                f"surfaces.{name}.dialect: 方言 {surface.dialect!r} がありません（あるもの: {known}） / no such dialect"
            )
        if surface.dialect and profile.dialects[surface.dialect].surface != name:
            raise ValueError(f"surfaces.{name}.dialect: この面の方言ではありません / a dialect of another surface")
    for name, dialect in profile.dialects.items():
        known_operations = profile.surfaces[dialect.surface].operations if dialect.surface in profile.surfaces else {}
        for operation in dialect.operations:
            if operation not in known_operations:
                raise ValueError(
                    f"dialects.{name}.operations: {dialect.surface}.{operation} という呼出しはありません / no such operation"
                )


def _drops_resolve(profile: Profile) -> None:
    for drop_name, drop in profile.drops.items():
        for file_name, file in drop.files.items():
            surface, _, operation = file.like.partition(".")
            if file.like and (surface not in profile.surfaces or not _rows_of(profile, surface, operation)):
                raise ValueError(
                    f"drops.{drop_name}.files.{file_name}.like: {file.like!r} は行を持つ呼出しではありません / no operation with rows"
                )


def _rows_of(profile: Profile, surface: str, operation: str) -> bool:
    found = profile.surfaces[surface].operations.get(operation)
    return found is not None and bool(found.row)
