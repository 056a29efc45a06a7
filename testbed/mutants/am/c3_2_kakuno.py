"""③-2: mistakes in unpacking and storing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from testbed.mutants.model import Mutant

PACKAGE = "reference_impl.shinsei_kanri.unpack.package"
ARCHIVE = "reference_impl.shinsei_kanri.unpack.archive"
DOCUMENTS = "reference_impl.shinsei_kanri.unpack.documents"


def _items(change: Callable[[list[Any]], list[Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Changes the list of form items after it was read."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def read_form(rows: Any) -> Any:
            return tuple(change(list(original(rows))))

        return read_form

    return wrap


def _files(change: Callable[[list[Any]], list[Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Changes the list of attachments, and lets the counts agree afterwards."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def read_attachments(entries: Any, rows: Any, listed: Any, profile: Any) -> Any:
            from reference_impl.shinsei_kanri.unpack import package

            package.check_attachment_count = _nothing(None)
            package.check_nothing_else = _nothing(None)
            return tuple(change(list(original(entries, rows, listed, profile))))

        return read_attachments

    return wrap


def _nothing(_: Any) -> Callable[..., Any]:
    def unchecked(*arguments: Any, **named: Any) -> None:
        del arguments, named

    return unchecked


def _last_occurrence(items: list[Any]) -> list[Any]:
    return list({(one.group, one.item_id): one for one in items}.values())


def _swapped(items: list[Any]) -> list[Any]:
    names = {"bank_name": "branch_name", "branch_name": "bank_name", "phone": "hospital_name", "hospital_name": "phone"}
    return [one._replace(item_id=names.get(one.item_id, one.item_id)) for one in items]


def _known_only(items: list[Any]) -> list[Any]:
    from interface_spec.procedures import load_procedures

    known = {item.id for one in load_procedures().values() for item in one.items}
    return [one for one in items if one.item_id in known]


def _by_file_name(files: list[Any]) -> list[Any]:
    return list({one.file_name: one for one in files}.values())


def _naive_reader(_: Callable[..., Any]) -> Callable[..., Any]:
    def read_entries(body: bytes, bounds: Any, name_encoding: str) -> dict[str, bytes]:
        import io
        import zipfile
        import zlib

        from reference_impl.shinsei_kanri.unpack import package
        from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

        del bounds
        package.check_nothing_else = _nothing(None)
        found: dict[str, bytes] = {}
        try:
            with zipfile.ZipFile(io.BytesIO(body), metadata_encoding=name_encoding) as archive:
                for member in archive.infolist():
                    found[member.filename] = b"" if member.flag_bits & 1 else archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise RefusedPackage("ZIP として読めません / not readable as a ZIP") from None
        return found

    return read_entries


def _expands(_: Callable[..., Any]) -> Callable[..., Any]:
    def parse_xml(text: str, what: str) -> Any:
        from lxml import etree

        from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage

        parser = etree.XMLParser(encoding="utf-8", resolve_entities=True, load_dtd=True, huge_tree=True)
        try:
            return etree.fromstring(text.encode("utf-8"), parser)
        except etree.XMLSyntaxError:
            raise RefusedPackage(f"{what}: XML として読めません / not well-formed XML") from None

    return parse_xml


def _boundless(_: Callable[..., Any]) -> Callable[..., Any]:
    def bounds(profile: Any) -> Any:
        from reference_impl.shinsei_kanri.unpack.archive import Bounds

        return Bounds(profile.limit("package_bytes"), 1 << 40, 1 << 30)

    return bounds


def _stops(original: Callable[..., Any]) -> Callable[..., Any]:
    def quarantine(connection: Any, listed: Any, body: Any, reason: str, at: Any) -> Any:
        from reference_impl.shinsei_kanri.download_client import DownloadUnavailable

        if reason.startswith("ZIP として読めません"):
            raise DownloadUnavailable(reason)
        return original(connection, listed, body, reason, at)

    return quarantine


def _silent(original: Callable[..., Any]) -> Callable[..., Any]:
    def quarantine(connection: Any, listed: Any, body: Any, reason: str, at: Any) -> Any:
        return original(connection, listed, body, "" if reason else reason, at)

    return quarantine


def _arrival_is_import(original: Callable[..., Any]) -> Callable[..., Any]:
    def header(listed: Any, at: Any) -> Any:
        return original(listed, at) | {"arrived_at": at}

    return header


MUTANTS = (
    Mutant(
        "drops-the-last-item",
        "申請項目の最後の一つを落とす",
        "drops the last form item",
        ("AM-3.2-01a", "AM-3.2-02b", "AM-3.2-83a", "AM-3.4-02a", "AM-3.5-05b"),
        f"{PACKAGE}:read_form",
        _items(lambda items: items[:-1]),
    ),
    Mutant(
        "trims-values",
        "値の前後の空白を削る",
        "trims blanks at the ends of values",
        ("AM-3.2-02a", "AM-3.5-05b"),
        f"{PACKAGE}:read_form",
        _items(lambda items: [one._replace(value=one.value.strip()) for one in items]),
    ),
    Mutant(
        "normalises-characters",
        "値をNFKCで正規化する（半角カナや互換文字が変わる）",
        "normalises values to NFKC",
        ("AM-3.2-02a", "AM-3.2-02b", "AM-3.2-02c", "AM-3.2-04a", "AM-3.4-02a", "AM-3.5-05b"),
        f"{PACKAGE}:read_form",
        _items(lambda items: [one._replace(value=unicodedata.normalize("NFKC", one.value)) for one in items]),
    ),
    Mutant(
        "one-cell-per-item",
        "繰り返す項目の最後の一つだけを残す",
        "keeps only the last of repeated items",
        ("AM-3.2-01a", "AM-3.2-02b", "AM-3.2-02c", "AM-3.2-83a", "AM-3.4-02a", "AM-3.5-05b"),
        f"{PACKAGE}:read_form",
        _items(_last_occurrence),
    ),
    Mutant(
        "skips-tiff",
        "TIFFの添付を格納しない",
        "does not store TIFF attachments",
        ("AM-3.2-03a", "AM-3.4-03a"),
        f"{PACKAGE}:read_attachments",
        _files(lambda files: [one for one in files if not one.file_name.lower().endswith((".tif", ".tiff"))]),
    ),
    Mutant(
        "file-name-as-key",
        "同じ名前の添付を上書きする",
        "overwrites an attachment by another of the same name",
        ("AM-3.2-03b",),
        f"{PACKAGE}:read_attachments",
        _files(_by_file_name),
    ),
    Mutant(
        "skips-empty-files",
        "0バイトの添付を捨てる",
        "throws empty attachments away",
        ("AM-3.2-03c", "AM-3.4-03a"),
        f"{PACKAGE}:read_attachments",
        _files(lambda files: [one for one in files if one.size]),
    ),
    Mutant(
        "swaps-items",
        "項目と値の対応を取り違える",
        "puts values under the wrong items",
        ("AM-3.2-02a", "AM-3.2-02c", "AM-3.2-04a", "AM-3.5-05b"),
        f"{PACKAGE}:read_form",
        _items(_swapped),
    ),
    Mutant(
        "one-bad-zip-stops-the-batch",
        "壊れたZIPに出会うと取込み全体を止める",
        "stops the whole import at a broken ZIP",
        ("AM-3.2-81a",),
        "reference_impl.shinsei_kanri.storage.applications:quarantine",
        _stops,
    ),
    Mutant(
        "quarantines-in-silence",
        "隔離の理由を残さない",
        "keeps no reason with a quarantined package",
        ("AM-3.2-81a", "AM-3.2-81b", "AM-3.2-81c", "AM-3.2-81d", "AM-3.2-81e", "AM-3.2-81f"),
        "reference_impl.shinsei_kanri.storage.applications:quarantine",
        _silent,
    ),
    Mutant(
        "opens-every-entry",
        "エントリの名前も種類も確かめず、すべて開いて知らないものは無視する",
        "opens every entry whatever its name or kind, and ignores what it does not know",
        ("AM-3.2-81b", "AM-3.2-81d"),
        f"{ARCHIVE}:read_entries",
        _naive_reader,
    ),
    Mutant(
        "last-duplicate-wins",
        "同じ名前のエントリが二つあっても気付かない",
        "does not notice two entries of one name",
        ("AM-3.2-81b",),
        f"{ARCHIVE}:check_names",
        _nothing,
    ),
    Mutant(
        "expands-entities",
        "XMLの実体を展開する",
        "expands XML entities",
        ("AM-3.2-81c",),
        f"{DOCUMENTS}:parse_xml",
        _expands,
    ),
    Mutant(
        "no-bounds",
        "展開後の大きさに限度を設けない",
        "sets no bound to the unpacked size",
        ("AM-3.2-81d",),
        f"{PACKAGE}:bounds",
        _boundless,
    ),
    Mutant(
        "no-comparison-with-the-list",
        "ZIPの中の受付番号や団体コードを一覧と比べない",
        "does not compare the ZIP with the list",
        ("AM-3.2-81e",),
        f"{PACKAGE}:check_belongs",
        _nothing,
    ),
    Mutant(
        "no-attachment-digest",
        "添付の大きさとSHA-256を確かめない",
        "does not check size and digest of attachments",
        ("AM-3.2-81f",),
        f"{PACKAGE}:check_attachment",
        _nothing,
    ),
    Mutant(
        "arrival-is-import",
        "到達日時を取込日時で上書きする",
        "overwrites the arrival time by the import time",
        ("AM-3.2-82a",),
        "reference_impl.shinsei_kanri.storage.applications:_header",
        _arrival_is_import,
    ),
    Mutant(
        "drops-unknown-items",
        "団体が足した項目を捨てる",
        "drops items that the municipality added",
        ("AM-3.2-83a", "AM-3.4-02a"),
        f"{PACKAGE}:read_form",
        _items(_known_only),
    ),
)
