"""A bundle as a hostile ZIP: bounded, read into memory only, and whatever is wrong with it is `Spoiled`, nothing else."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from conformance.evidence.manifest import LARGEST_BUNDLE, MOST_FILES

T = TypeVar("T")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1 | 0x20 | 0x40
"""Flags of entries that no plain reader opens: encrypted, compressed patched data, strongly encrypted."""
PIECE = 1 << 20


class Spoiled(ValueError):
    """The file, or one entry of it, cannot be read. ``str()`` says what the ZIP reader found."""


class Opened:
    """The entries of a bundle. Every reading raises `Spoiled` for what is damaged, KeyError for what is not there."""

    def __init__(self, bundle: zipfile.ZipFile) -> None:
        self._bundle = bundle

    def infolist(self) -> list[zipfile.ZipInfo]:
        return self._bundle.infolist()

    def namelist(self) -> list[str]:
        return self._bundle.namelist()

    def read(self, name: str) -> bytes:
        """The whole entry; never more than its directory entry says."""
        info = self._bundle.getinfo(name)
        return _reading(lambda: self._bundle.read(info))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The entry piece by piece."""
        info = self._bundle.getinfo(name)
        file = _reading(lambda: self._bundle.open(info))
        with file:
            while piece := _reading(lambda: file.read(PIECE)):
                yield piece


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The bundle at ``path``. Spoiled when it is no ZIP; what its user raises passes through untouched."""
    bundle = _reading(lambda: zipfile.ZipFile(path))
    with bundle:
        yield Opened(bundle)


def forbidden(infos: list[zipfile.ZipInfo]) -> Iterator[tuple[str, str, str]]:
    """What no bundle of ours has, found before anything is read: (name, Japanese, English)."""
    names = [info.filename for info in infos]
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > LARGEST_BUNDLE:
        yield "", "証跡が大きすぎます", "the bundle is too large"
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or ":" in parts[0]:
            yield name, "許されない名前のファイルです", "a file with a forbidden name"
    for info in infos:
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            yield info.filename, "通常のファイルではありません", "not a regular file"
        if info.flag_bits & ENCRYPTED:
            yield info.filename, "暗号化されています", "encrypted"
        if info.compress_type not in METHODS:
            yield info.filename, "知らない圧縮方式です", "a compression method that no bundle has"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield name, "同じ名前のファイルが二つあります", "two files of one name"


def _reading(read: Callable[[], T]) -> T:
    """Runs one call of the ZIP reader, and nothing else: only there may these errors mean a spoiled file.

    BadZipFile, zlib.error, EOFError: damaged structure or data; OSError: the disk, or an offset outside the file;
    ValueError: a name that is no text, a negative offset; NotImplementedError: a version of ZIP that nobody reads;
    OverflowError: an offset that fits no file.
    """
    try:
        return read()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        OverflowError,
    ) as error:
        raise Spoiled(str(error) or type(error).__name__) from None
