"""Entry names: what may not be unpacked on any system, and what two systems would read as different names."""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Sequence

from conformance.suites.package.container import (
    DEFLATED,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    FLAG_STRONG,
    FLAG_UTF8,
    STORED,
    Member,
)
from conformance.suites.package.findings import Findings

_UNIX = 3
_DOS_DIRECTORY = 0x10
_COMPONENT_BYTES = 255
"""Longest file name of common file systems (ext4, XFS: bytes; NTFS: UTF-16 units)."""
_WINDOWS = re.compile(
    r"""(?ix) (?: ^|/ ) (?: con|prn|aux|nul|com[1-9]|lpt[1-9] ) [ ]* (?: \.[^/]* )? (?= /|$ )  # a device
    | [^/.][ .]+ (?= /|$ )                                                                 # dropped at the end
    | [<>:"|?*]"""
)
_POSSIBLY_ODD = ("//", "./", " /", *'\\:<>"|?*', "/con", "/prn", "/aux", "/nul", "/com", "/lpt")
"""Without these in the joined names: no empty part, no dot segment, no backslash, no drive, nothing that Windows refuses."""


def check_members(members: Sequence[Member], findings: Findings) -> None:
    """Entries that cannot be opened or are no regular files."""
    for member in members:
        if member.flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED):
            findings.add(
                "PKG-ZIP-ENCRYPTED", member.label, "暗号化なし / not encrypted", f"フラグ {member.flags:#06x} / flags"
            )
        if member.method not in (STORED, DEFLATED):
            findings.add(
                "PKG-ZIP-METHOD", member.label, "無圧縮か deflate / stored or deflate", f"方式 {member.method} / method"
            )
        elif member.method == STORED and member.packed != member.size and not member.flags & FLAG_ENCRYPTED:
            findings.add("PKG-ZIP-LENGTH", member.label, f"{member.packed}", f"{member.size}")
        mode = member.attributes >> 16
        if member.made_by == _UNIX and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            findings.add("PKG-ZIP-SPECIAL", member.label, "通常のファイル / a regular file", f"モード {mode:#o} / mode")


def decoded_names(members: Sequence[Member], encoding: str, findings: Findings) -> list[str]:
    """The names in ``members``' order; "" for one that a finding says cannot be read."""
    names = []
    for member in members:
        flagged = bool(member.flags & FLAG_UTF8)
        try:
            name = member.raw_name.decode("utf-8" if flagged else encoding)
        except UnicodeDecodeError:
            findings.add(
                "PKG-NAME-ENCODING", member.label, "utf-8" if flagged else encoding, "読めないバイト / undecodable"
            )
            names.append("")
            continue
        if not name.isascii() and flagged != (encoding == "utf-8"):
            wanted = "UTF-8 フラグあり / flagged" if encoding == "utf-8" else "UTF-8 フラグなし / not flagged"
            findings.add("PKG-NAME-FLAG", name, wanted, "あり / set" if flagged else "なし / clear")
        if member.unicode_name is not None and member.unicode_name != name.encode("utf-8", "surrogatepass"):
            other = member.unicode_name.decode("utf-8", "backslashreplace")
            findings.add("PKG-NAME-TWO", name, "名前は1つ / one name", f"拡張領域では {other} / in the extra field")
        names.append(name)
    return names


def check_names(names: Sequence[str], findings: Findings) -> None:
    """Names that lead out of the folder, that collide, or that a person cannot see as they are."""
    if not _all_plain(names):
        for name in filter(None, names):
            _check_path(name, findings)
            _check_appearance(name, findings)
    if len({name.casefold() if name.isascii() else _folded(name) for name in names}) == len(names):
        return
    seen: dict[str, str] = {}
    folded: dict[str, str] = {}
    for name in filter(None, names):
        if name in seen:
            findings.add("PKG-NAME-TWICE", name, "名前は1度 / once", "2度 / twice")
        seen[name] = name
        key = name.lower() if name.isascii() else _folded(name)
        if folded.setdefault(key, name) != name:
            findings.add(
                "PKG-NAME-CASE",
                name,
                "大小・正規化だけの違いなし / not only by case",
                f"{folded[key]} がある / stands too",
            )


def _all_plain(names: Sequence[str]) -> bool:
    """Whether no name at all can be worth a finding of its own: one look at all of them, joined by slashes.

    Stricter than the checks of a single name: whatever is only possibly odd is looked at again name by name.
    """
    together = f"/{'/'.join(names)}/"
    lower = together.lower()
    return (
        together.isprintable()
        and not any(odd in lower for odd in _POSSIBLY_ODD)
        and 4 * max(map(len, together.split("/"))) <= _COMPONENT_BYTES
        and (together.isascii() or unicodedata.is_normalized("NFC", together))
    )


def _folded(name: str) -> str:
    """What Windows and macOS take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_path(name: str, findings: Findings) -> None:
    parts = name.split("/")
    if ".." in parts or "." in parts:
        findings.add("PKG-NAME-PARENT", name, "「..」「.」なし / no dot segments", "あり / present")
    if name.startswith("/"):
        findings.add("PKG-NAME-ABSOLUTE", name, "相対パス / relative", "絶対パス / absolute")
    if "" in parts[1:-1] or (not parts[0] and not name.startswith("/")):
        findings.add("PKG-NAME-EMPTY", name, "空の部分なし / no empty part", "「//」 / double slash")
    if "\\" in name:
        findings.add("PKG-NAME-BACKSLASH", name, "区切りは / だけ / only /", "「\\」 / backslash")
    if name[1:2] == ":" and name[0].isascii() and name[0].isalpha():
        findings.add("PKG-NAME-DRIVE", name, "ドライブ名なし / no drive", name[:2])
    if not name.isprintable() and any(unicodedata.category(one) == "Cc" for one in name):
        findings.add("PKG-NAME-CONTROL", name, "制御文字なし / no control character", "あり / present")


def _check_appearance(name: str, findings: Findings) -> None:
    if not unicodedata.is_normalized("NFC", name) and unicodedata.is_normalized("NFD", name):
        findings.add("PKG-NAME-NFD", name, "合成済み（NFC） / composed", "分解形（NFD） / decomposed")
    if not name.isprintable() and any(unicodedata.category(one) == "Cf" for one in name):
        findings.add("PKG-NAME-HIDDEN", name, "見えない書式文字なし / no format character", "あり / present")
    for part in name.split("/"):
        if part in (".", ".."):
            continue
        if 4 * len(part) > _COMPONENT_BYTES and len(part.encode("utf-8", "surrogatepass")) > _COMPONENT_BYTES:
            size = len(part.encode("utf-8", "surrogatepass"))
            findings.add("PKG-NAME-LONG", name, f"{_COMPONENT_BYTES} バイト以下 / bytes", f"{size} バイト / bytes")
    if odd := _WINDOWS.search(name):
        findings.add("PKG-NAME-WINDOWS", name, "Windows でも使える名前 / usable on Windows", odd[0])


def is_folder(member: Member, name: str) -> bool:
    return name.endswith("/") or (member.made_by != _UNIX and bool(member.attributes & _DOS_DIRECTORY))
