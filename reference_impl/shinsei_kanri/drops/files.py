"""Files of a drop on disk: never seen half written, the manifest last, nothing read that it does not vouch for."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from interface_spec.profile import Profile
from interface_spec.profile.drops import Drop, DropFile
from interface_spec.profile.items import Item
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.wiring import formats, tables
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import FormatError, Value

STAMP = "%Y%m%d%H%M%S"
LARGEST_BYTES = 512 * 1024 * 1024
NAME_BYTES = 200
Row = Mapping[str, Value]


class DropTrouble(Exception):
    """A drop is not what its manifest says: nothing of it counts. One sentence."""


@dataclass(frozen=True)
class Written:
    """One file for the manifest."""

    name: str
    records: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """A drop that was read completely: the manifest's items, and the rows of each file by its canonical name."""

    head: Fields
    rows: Mapping[str, Sequence[Fields]]


class Folder:
    """The folder of one drop of the profile, for one core system."""

    def __init__(self, root: Path, profile: Profile, name: str, names: Mapping[str, str]) -> None:
        self._profile, self._names = profile, names
        self.drop: Drop = profile.drops[name]
        self.path = root / self.drop.folder.format(**names)

    def name(self, template: str, number: int, made_at: datetime) -> str:
        """A file's name: the number with eight digits, the time in Japan."""
        template = template.replace("{number}", "{number:08d}")
        return template.format(**self._names, number=number, made_at=made_at.astimezone(JST).strftime(STAMP))

    def manifest_name(self, number: int, made_at: datetime) -> str:
        return self.name(self.drop.manifest.name, number, made_at)

    def put_rows(self, file: str, rows: Sequence[Row], number: int, made_at: datetime) -> Written:
        """Write one of the drop's files of rows."""
        spec = self.drop.files[file]
        body = self._table(spec, rows)
        return self.put(self.name(spec.name, number, made_at), body, len(rows))

    def put(self, name: str, body: bytes | memoryview, records: int) -> Written:
        """Write ``body`` as ``name``: under a temporary name, on disk, then renamed."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}{self.drop.temporary_suffix}")
        with beside.open("wb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return Written(name, records, len(body), hashlib.sha256(body).hexdigest())

    def put_manifest(self, head: Row, files: Iterable[Written], number: int, made_at: datetime) -> None:
        """The last file: from now on the drop is there."""
        manifest, codes = self.drop.manifest, self._profile.codes
        document: dict[str, Any] = {
            item.wire: formats.write_json(item, head.get(name), codes) for name, item in manifest.items.items()
        }
        document[manifest.rows] = [
            {item.wire: formats.write_json(item, getattr(file, name), codes) for name, item in manifest.row.items()}
            for file in files
        ]
        body = json.dumps(document, ensure_ascii=False, indent=1).encode()
        self.put(self.manifest_name(number, made_at), body, 0)

    def _table(self, spec: DropFile, rows: Sequence[Row]) -> bytes:
        codes, text = self._profile.codes, self.drop.text
        if spec.container == "json":
            content = {
                spec.rows: [
                    {item.wire: formats.write_json(item, row.get(name), codes) for name, item in spec.row.items()}
                    for row in rows
                ]
            }
            written = json.dumps(content, ensure_ascii=False)
        else:
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator=text.newline)
            if text.header:
                writer.writerow([item.wire for item in spec.row.values()])
            for row in rows:
                writer.writerow([formats.write(item, row.get(name), codes) for name, item in spec.row.items()])
            written = buffer.getvalue()
        try:
            return (b"\xef\xbb\xbf" if text.bom else b"") + written.encode(text.encoding)
        except UnicodeEncodeError as error:
            raise DropTrouble(
                f"{spec.ja}: {text.encoding} で書けない文字（U+{ord(written[error.start]):04X}）があります / not in this encoding"
            ) from None

    def manifests(self) -> list[Path]:
        """The manifests that are there, by name."""
        parts = re.split(r"\{(\w+)(?::[^}]*)?\}", self.drop.manifest.name)
        pattern = "".join(
            re.escape(part)
            if index % 2 == 0
            else re.escape(self._names[part])
            if part in self._names
            else r"[0-9A-Za-z]+"
            for index, part in enumerate(parts)
        )
        if not self.path.is_dir():
            return []
        return sorted(one for one in self.path.iterdir() if re.fullmatch(pattern, one.name))

    def head(self, manifest: Path) -> Fields:
        """The items of a manifest. Raises DropTrouble."""
        return self._fields(self._document(manifest), self.drop.manifest.items, manifest.name)

    def read(self, manifest: Path, lenient: Collection[str] = ()) -> Content:
        """Everything that a manifest names, checked byte by byte before a row counts. Raises DropTrouble.

        Unreadable ``lenient`` items become None.
        """
        document = self._document(manifest)
        listed = document.get(self.drop.manifest.rows)
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise DropTrouble(f"{manifest.name}: ファイルの一覧がありません / names no files")
        head = self._fields(document, self.drop.manifest.items, manifest.name)
        files = [self._fields(one, self.drop.manifest.row, manifest.name) for one in listed]
        number, made_at = head.whole("number"), head.moment("made_at")
        by_name = {one.text("name"): one for one in files}
        rows = {}
        for canonical, spec in self.drop.files.items():
            name = self.name(spec.name, number, made_at)
            if name not in by_name:
                raise DropTrouble(f"{manifest.name}: {spec.ja}（{name}）が載っていません / the file is not named")
            rows[canonical] = self._rows(
                spec, self._vouched(by_name[name], name), by_name[name].whole("records"), lenient
            )
        if extra := set(by_name) - {self.name(spec.name, number, made_at) for spec in self.drop.files.values()}:
            raise DropTrouble(f"{manifest.name}: 仕様にないファイル {min(extra)!r} が載っています / an unknown file")
        return Content(head, rows)

    def _document(self, manifest: Path) -> dict[str, Any]:
        try:
            document = json.loads(self._bytes(manifest).decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise DropTrouble(f"{manifest.name}: JSON として読めません / not readable as JSON") from None
        if not isinstance(document, dict):
            raise DropTrouble(f"{manifest.name}: JSON オブジェクトではありません / not a JSON object")
        return document

    def _fields(self, document: Mapping[str, Any], items: Mapping[str, Item], where: str) -> Fields:
        raw = {name: document.get(item.wire) for name, item in items.items()}
        try:
            return tables.read_row(raw, items, self._profile.codes)
        except FormatError as error:
            raise DropTrouble(f"{where}: {error}") from None

    def _vouched(self, listed: Fields, name: str) -> bytes:
        body = self._bytes(self.path / name)
        if len(body) != listed.whole("size") or hashlib.sha256(body).hexdigest() != listed.text("sha256").lower():
            raise DropTrouble(f"{name}: バイト数かSHA-256が目録と違います / size or SHA-256 differs")
        return body

    def _bytes(self, path: Path) -> bytes:
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_BYTES:
                raise DropTrouble(f"{path.name}: 通常のファイルでないか、大きすぎます / no regular file, or too large")
            return path.read_bytes()
        except OSError as error:
            raise DropTrouble(f"{path.name}: 読めません / cannot be read ({error.strerror})") from None

    def _items(self, spec: DropFile) -> Mapping[str, Item]:
        """The columns of a file: its own, or those of the operation that it is ``like``."""
        surface, _, operation = spec.like.partition(".")
        return self._profile.surfaces[surface].operations[operation].row if spec.like else spec.row

    def _rows(self, spec: DropFile, body: bytes, records: int, lenient: Collection[str]) -> list[Fields]:
        items, codes = self._items(spec), self._profile.codes
        try:
            text = tables.decode(body, self.drop.text.encoding)
            if spec.container == "json":
                content = json.loads(text)
                raw = content.get(spec.rows) if isinstance(content, dict) else None
                if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
                    raise DropTrouble(f"{spec.ja}: 行の配列がありません / no row array")
                named = ({name: one.get(item.wire) for name, item in items.items()} for one in raw)
                rows = [tables.read_row(one, items, codes, lenient) for one in named]
            else:
                header = self.drop.text.header
                rows = list(tables.read_csv(text, items, codes, header=header, lenient=lenient))
        except (tables.TableError, FormatError, ValueError, RecursionError) as error:
            raise DropTrouble(f"{spec.ja}: {error}") from None
        if len(rows) != records:
            raise DropTrouble(f"{spec.ja}: {len(rows)} 件ですが目録は {records} 件です / number of records differs")
        return rows


def safe_name(file_name: str) -> str:
    """``file_name`` as one short name of a file: applicants' names may be long or hold slashes."""
    name = re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", file_name)
    stem, dot, extension = name.rpartition(".")
    while len(name.encode()) > NAME_BYTES and stem:
        stem = stem[:-1]
        name = f"{stem}{dot}{extension}"
    return name.encode()[:NAME_BYTES].decode(errors="ignore")
