"""Mistakes of a writer in the ZIP itself: entries, names, sizes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from testbed.mutants.model import Mutant

_WRITE = "fixtures.packages:write_zip"
_Writer = Callable[..., bytes]


def _entries(change: Callable[[list[Any]], list[Any]]) -> Callable[[_Writer], _Writer]:
    """Changes the entries just before they are written."""

    def wrap(original: _Writer) -> _Writer:
        def write(entries: Any, at: Any, encoding: Any = "utf-8") -> bytes:
            return original(change(list(entries)), at, encoding)

        return write

    return wrap


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[_Writer], _Writer]:
    """Changes the finished file."""

    def wrap(original: _Writer) -> _Writer:
        def write(entries: Any, at: Any, encoding: Any = "utf-8") -> bytes:
            return change(original(entries, at, encoding))

        return write

    return wrap


def _each(**changes: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda entries: [replace(one, **changes) for one in entries]


def _named(change: Callable[[str], str]) -> Callable[[list[Any]], list[Any]]:
    return lambda entries: [replace(one, name=change(one.name)) for one in entries]


def _without(part: str) -> Callable[[list[Any]], list[Any]]:
    return lambda entries: [one for one in entries if one.part != part]


def _cp932_names(original: _Writer) -> _Writer:
    def write(entries: Any, at: Any, encoding: Any = "utf-8") -> bytes:
        del encoding
        return original(entries, at, "cp932")

    return write


def _mutant(name: str, ja: str, en: str, replacing: Any, *rules: str) -> Mutant:
    return Mutant(f"pkg-{name}", ja, en, rules, _WRITE, replacing)


MUTANTS: tuple[Mutant, ...] = (
    _mutant("crc", "CRCを計算しない", "Does not compute the CRC", _entries(_each(wrong_crc=True)), "PKG-ZIP-CRC"),
    _mutant("encrypted", "ZIPを暗号化する", "Encrypts the ZIP", _entries(_each(encrypted=True)), "PKG-ZIP-ENCRYPTED"),
    _mutant("symlink", "添付をリンクで入れる", "Adds attachments as links",
            _entries(lambda es: [replace(one, mode=0o120777) if one.part.startswith("attachment:") else one for one in es]),
            "PKG-ZIP-SPECIAL"),
    _mutant("backslash", "Windowsの区切りで名前を書く", "Writes names with backslashes",
            _entries(_named(lambda name: name.replace("/", "\\"))), "PKG-NAME-BACKSLASH"),
    _mutant("absolute", "絶対パスで名前を書く", "Writes absolute names", _entries(_named(lambda name: f"/{name}")),
            "PKG-NAME-ABSOLUTE"),
    _mutant("parent", "「..」を含む名前を書く", "Writes names with dot segments",
            _entries(_named(lambda name: f"x/../{name}")), "PKG-NAME-PARENT"),
    _mutant("drive", "ドライブ名から書く", "Writes names from the drive on",
            _entries(_named(lambda name: f"C:/{name}")), "PKG-NAME-DRIVE", "PKG-NAME-WINDOWS"),
    _mutant("cp932-names", "名前をCP932で書く", "Writes names in CP932", _cp932_names, "PKG-NAME-ENCODING"),
    _mutant("twice", "申請項目データを2度入れる", "Adds the form twice",
            _entries(lambda es: [*es, next(one for one in es if one.part == "form")]), "PKG-NAME-TWICE"),
    _mutant("case", "大文字の名前でもう一度入れる", "Adds the form again in capitals",
            _entries(lambda es: [*es, *[replace(one, name=one.name.upper()) for one in es if one.part == "form"]]),
            "PKG-NAME-CASE"),
    _mutant("no-form", "申請項目データを入れ忘れる", "Forgets the form data", _entries(_without("form")), "PKG-LAYOUT-MISSING"),
    _mutant("no-verification", "電子署名検証結果を入れ忘れる", "Forgets the verification result",
            _entries(_without("verification")), "PKG-LAYOUT-MISSING"),
    _mutant("no-pdf", "申請書PDFを入れ忘れる", "Forgets the form PDF", _entries(_without("form_pdf")), "PKG-LAYOUT-MISSING"),
    _mutant("no-attachment", "添付を1つ落とす", "Loses one attachment", _entries(_without("attachment:1")), "PKG-ATT-MISSING"),
    _mutant("temporary-file", "作業ファイルを入れてしまう", "Leaves a temporary file in",
            _entries(lambda es: [*es, replace(es[0], name="work.tmp", part="work")]), "PKG-LAYOUT-EXTRA"),
    _mutant("cut", "最後まで書かない", "Does not finish writing", _bytes(lambda data: data[: len(data) // 2]), "PKG-ZIP-END"),
    _mutant("trailing", "末尾に改行を足す", "Adds a line end", _bytes(lambda data: data + b"\r\n"), "PKG-ZIP-JUNK"),
    _mutant("gzip", "さらにgzipで包む", "Wraps the file in gzip", _bytes(gzip.compress), "PKG-ZIP-END"),
    _mutant("twice-appended", "前のZIPに続けて書く", "Appends to the ZIP before", _bytes(lambda data: data + data), "PKG-ZIP-JUNK"),
)  # fmt: skip
