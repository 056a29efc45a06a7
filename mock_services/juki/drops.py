"""既存住基: 番号紐付情報 as files (full, differential) with a manifest, for a product that reads files instead of calling.

Rows first, manifest last; each under a temporary name and renamed. Layout, names and text form come from the profile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from interface_spec.errors import SpecError
from interface_spec.profile import Drop, Profile
from mock_services.clock import WorldClock
from mock_services.fault_kinds import OutOfSequenceParams, WrongTotalsParams
from mock_services.faults import FaultBox
from mock_services.file_faults import deliver
from mock_services.juki.models import LinkStore
from mock_services.juki.responses import link_row
from mock_services.surface import Bound, json_row, write_csv
from mock_services.wiring import JST, Codec, Value

Kind = Literal["full", "diff"]
DROPS: dict[Kind, tuple[str, str, tuple[str, ...]]] = {
    "full": ("link_full", "links", ("kind", "number", "made_at", "last_seq")),
    "diff": ("link_diff", "changes", ("kind", "number", "made_at", "first_seq", "last_seq")),
}
"""Kind → (drop of the profile, its file, items of its manifest)."""
_MANIFEST_ROW = {"name", "records", "size", "sha256"}


@dataclass(frozen=True)
class Dropped:
    """The files of one drop, by name, and the faults that struck."""

    names: tuple[str, ...]
    faults: tuple[str, ...]


class LinkDrops:
    """Writes drops below ``root``; numbers count up per kind, a difference goes on from the drop before."""

    def __init__(
        self, profile: Profile, bound: Bound, links: LinkStore, clock: WorldClock, root: Path, box: FaultBox
    ) -> None:
        for name, file, items in DROPS.values():
            drop = profile.drops.get(name)
            if drop is None or set(drop.files) != {file} or set(drop.manifest.items) != set(items):
                raise SpecError(
                    f"profile {profile.profile.id}", f"drops.{name}", "模擬システムの知る形と違います / unknown shape"
                )
            if set(drop.manifest.row) != _MANIFEST_ROW:
                raise SpecError(
                    f"profile {profile.profile.id}", f"drops.{name}.manifest.row", "項目が違います / other items"
                )
        self._profile, self._bound, self._links, self._clock, self._root, self._box = (
            profile, bound, links, clock, root, box,
        )  # fmt: skip
        self._codec = Codec(profile)
        self._number: dict[Kind, int] = {"full": 0, "diff": 0}
        self._reached = 0
        self._before: dict[Kind, list[tuple[Path, bytes]]] = {"full": [], "diff": []}

    def reset(self) -> None:
        """Take away every file that was dropped. Numbers go on: a reader that keeps them must never see one twice."""
        self._before = {"full": [], "diff": []}
        for folder in {self._root / self._profile.drops[name].folder for name, _, _ in DROPS.values()}:
            for path in folder.iterdir() if folder.is_dir() else ():
                path.unlink()

    def write(self, kind: Kind, dantai_code: str) -> Dropped:
        """Write one drop: the whole table, or what changed since the drop before (full or differential)."""
        name, file_name, _ = DROPS[kind]
        drop = self._profile.drops[name]
        struck: list[str] = []
        skip = 0
        if (armed := self._box.take("file-out-of-sequence", name, struck)) is not None:
            skip = cast(OutOfSequenceParams, armed.params).skip
        self._number[kind] += 1 + skip
        rows, first = self._rows(kind)
        files = self._files(kind, drop, file_name, rows, first, dantai_code, struck)
        self._reached = self._links.last_seq
        if self._before[kind] and self._box.take("file-resend", name, struck) is not None:
            files = self._before[kind]
        self._before[kind] = files
        for path, data in files:
            struck += deliver(self._box, name, path, data, drop.temporary_suffix)
        return Dropped(tuple(path.name for path, _ in files), tuple(struck))

    def _rows(self, kind: Kind) -> tuple[Sequence[Mapping[str, Value]], int]:
        if kind == "full":
            return [link_row(one) for one in self._links.full()], 0
        changes = self._links.since(self._reached)
        rows = [{"seq": one.seq, "change": one.kind, **link_row(one.row)} for one in changes]
        return rows, changes[0].seq if changes else self._links.last_seq

    def _files(
        self,
        kind: Kind,
        drop: Drop,
        file_name: str,
        rows: Sequence[Mapping[str, Value]],
        first: int,
        dantai_code: str,
        struck: list[str],
    ) -> list[tuple[Path, bytes]]:
        now, number, file = self._clock.now(), self._number[kind], drop.files[file_name]
        names = {
            "dantai_code": dantai_code,
            "core_system": "",
            "made_at": f"{now.astimezone(JST):%Y%m%d%H%M%S}",
            "number": f"{number:08d}",
        }
        items = self._bound.operation(kind).row if file.like else file.row
        if file.container == "csv":
            data = write_csv(self._codec, drop.text, items, rows)
        else:
            written = {file.rows: [json_row(self._codec, items, row) for row in rows]}
            data = json.dumps(written, ensure_ascii=False).encode(drop.text.encoding)
        extra = 0
        if (armed := self._box.take("file-wrong-totals", drop_name(kind), struck)) is not None:
            extra = cast(WrongTotalsParams, armed.params).by
        stated: dict[str, Value] = {
            "kind": kind,
            "number": number,
            "made_at": now,
            "first_seq": first,
            "last_seq": self._links.last_seq,
        }
        row: dict[str, Value] = {
            "name": file.name.format(**names),
            "records": len(rows) + extra,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        plan = drop.manifest
        manifest: dict[str, object] = {
            item.wire: self._codec.json(item, stated[name]) for name, item in plan.items.items()
        }
        manifest[plan.rows] = [json_row(self._codec, plan.row, row)]
        folder = self._root / drop.folder
        return [
            (folder / str(row["name"]), data),
            (folder / plan.name.format(**names), json.dumps(manifest, ensure_ascii=False).encode()),
        ]


def drop_name(kind: Kind) -> str:
    return DROPS[kind][0]
