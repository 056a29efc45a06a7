"""Mistakes of a writer in the documents: values, formats, encodings, references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed.mutants.model import Mutant

_APPLICATION = "fixtures.packages:_application_values"
_ATTACHMENTS = "fixtures.packages:_attachment_values"
_VERIFICATION = "fixtures.packages:_verification_values"
_FORM = "fixtures.packages:_form_rows"
_ENCODED = "fixtures.wiring:DocumentWriter._encoded"
_TEXT = "fixtures.wiring:ValueWriter.text"
_XML = "fixtures.wiring:DocumentWriter._xml"
_PDF = "fixtures.packages:_form_pdf"
_Any = Callable[..., Any]


def _values(**changes: Any) -> Callable[[_Any], _Any]:
    """Overrides values of a document of single items; a callable gets the old value."""

    def wrap(original: _Any) -> _Any:
        def values(*arguments: Any) -> dict[str, Any]:
            found: dict[str, Any] = original(*arguments)
            return found | {key: new(found[key]) if callable(new) else new for key, new in changes.items()}

        return values

    return wrap


def _rows(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[_Any], _Any]:
    def wrap(original: _Any) -> _Any:
        return lambda *arguments: change(original(*arguments))

    return wrap


def _first(**changes: Any) -> Callable[[_Any], _Any]:
    """Overrides values of the first row."""
    return _rows(
        lambda rows: [rows[0] | {k: v(rows[0][k]) if callable(v) else v for k, v in changes.items()}, *rows[1:]]
    )


def _written(change: Callable[[Any, str], str]) -> Callable[[_Any], _Any]:
    """Changes every value just before it is written; ``change`` gets the profile's item and the text."""

    def wrap(original: _Any) -> _Any:
        def text(self: Any, item: Any, value: Any, place: str) -> str:
            return change(item, original(self, item, value, place))

        return text

    return wrap


def _of_type(kind: str, change: Callable[[str], str]) -> Callable[[_Any], _Any]:
    return _written(lambda item, text: change(text) if item.type == kind else text)


def _document(change: Callable[[str], bytes]) -> Callable[[_Any], _Any]:
    """Another way from a document's text to its bytes."""

    def wrap(original: _Any) -> _Any:
        del original
        return lambda self, spec, text, document: change(text)  # noqa: ARG005 - the replaced method's signature

    return wrap


def _with_doctype(text: str) -> bytes:
    declaration, _, body = text.partition("?>\n")
    root = body[1:].partition(">")[0]
    return f"{declaration}?>\n<!DOCTYPE {root}>\n{body}".encode()


def _mutant(name: str, ja: str, en: str, target: str, replacing: Any, *rules: str) -> Mutant:
    return Mutant(f"pkg-{name}", ja, en, rules, target, replacing)


MUTANTS: tuple[Mutant, ...] = (
    _mutant("receipt", "別の申請の受付番号を書く", "Writes another application's 受付番号", _APPLICATION,
            _values(receipt_no="R0000000000000000000"), "PKG-APP-RECEIPT"),
    _mutant("dantai-five", "団体コードを5桁で書く", "Writes the 団体コード without check digit", _APPLICATION,
            _values(dantai_code=lambda code: code[:5]), "PKG-APP-CHECKDIGIT", "PKG-APP-DANTAI"),
    _mutant("procedure", "手続IDを取り違える", "Mixes up the procedure", _APPLICATION,
            _values(procedure_id="K99"), "PKG-APP-PROCEDURE", "PKG-APP-UNKNOWN"),
    _mutant("count", "添付件数に申請書PDFを数える", "Counts the form PDF as an attachment", _APPLICATION,
            _values(attachment_count=lambda count: count + 1), "PKG-ATT-COUNT"),
    _mutant("seq-from-zero", "添付の連番を0から振る", "Numbers attachments from 0", _ATTACHMENTS,
            _rows(lambda rows: [row | {"seq": row["seq"] - 1} for row in rows]),
            "PKG-ATT-SEQ", "PKG-ATT-MISSING", "PKG-LAYOUT-EXTRA"),
    _mutant("size", "添付の大きさを切り上げて書く", "Rounds the size of attachments up", _ATTACHMENTS,
            _first(size=lambda size: -(-size // 1024) * 1024), "PKG-ATT-SIZE"),
    _mutant("digest", "前の添付のSHA-256を書く", "Writes the digest of another attachment", _ATTACHMENTS,
            _rows(lambda rows: [row | {"sha256": rows[-1]["sha256"]} for row in rows]), "PKG-ATT-DIGEST"),
    _mutant("path-in-name", "ファイル名にパスを書く", "Writes a path as the file name", _ATTACHMENTS,
            _first(file_name=lambda name: f"C:\\fakepath\\{name}"),
            "PKG-ATT-NAME", "PKG-ATT-MISSING", "PKG-LAYOUT-EXTRA"),
    _mutant("form-twice", "項目を2度書く", "Writes an item twice", _FORM, _rows(lambda rows: [*rows, rows[0]]), "PKG-FORM-TWICE"),
    _mutant("occurrence", "繰返し番号を書かない（すべて1）", "Writes occurrence 1 for every child", _FORM,
            _rows(lambda rows: [row | {"occurrence": 1} for row in rows]), "PKG-FORM-TWICE"),
    _mutant("item-id", "項目IDに項目名を書く", "Writes the label as the item id", _FORM,
            _first(item_id="shimei"), "PKG-FORM-UNKNOWN", "PKG-FORM-ABSENT"),
    _mutant("choice", "選択肢の番号を書く", "Writes the number of a choice", _FORM,
            _rows(lambda rows: [row | {"value": "1"} if row["item_id"] == "child_cohabits" else row for row in rows]),
            "PKG-FORM-VALUE"),
    _mutant("unsigned-values", "署名なしとしながら値を書く", "Says unsigned and states values", _VERIFICATION,
            _values(result="unsigned"), "PKG-VER-CONTRADICTION", "PKG-VER-UNSIGNED"),
    _mutant("no-values", "有効としながら値を書かない", "Says valid and states nothing", _VERIFICATION,
            _values(serial=None, name=None, birth_date=None, gender=None, address=None), "PKG-VER-CONTRADICTION"),
    _mutant("no-address", "住所を書かない", "Leaves out the address", _VERIFICATION, _values(address=None), "PKG-VER-PARTIAL"),
    _mutant("verified-early", "検証日時を0時で書く", "Writes the verification time as midnight", _VERIFICATION,
            _values(verified_at=lambda at: at.replace(hour=0, minute=0, second=0)), "PKG-VER-TIME"),
    _mutant("not-valid", "期限切れの証明書を送る", "Sends an expired certificate", _VERIFICATION,
            _values(result="expired"), "PKG-VER-NOTVALID"),
    _mutant("code-text", "コードの代わりに名前を書く", "Writes names instead of codes", _TEXT,
            _of_type("CODE", lambda text: f"code-{text}"), "PKG-VALUE-CODE"),
    _mutant("zone", "日時の時差を書かない", "Writes times without a zone", _TEXT,
            _of_type("DATETIME", lambda text: text[:19]), "PKG-VALUE-FORMAT"),
    _mutant("serial-colons", "シリアル番号をコロンで区切る", "Writes serials with colons", _TEXT,
            _of_type("SERIAL", lambda text: f"{text[:2]}:{text[2:]}"), "PKG-VALUE-FORMAT"),
    _mutant("required-empty", "日時を空で書く", "Writes empty times", _TEXT,
            _of_type("DATETIME", lambda _: ""), "PKG-VALUE-MISSING"),
    _mutant("too-long", "長さを確かめない", "Does not check lengths", _TEXT,
            _written(lambda item, text: text * 300 if item.wire == "procedureName" else text), "PKG-VALUE-LENGTH"),
    _mutant("bom", "BOMを付ける", "Adds a byte order mark", _ENCODED,
            _document(lambda text: b"\xef\xbb\xbf" + text.encode()), "PKG-DOC-BOM"),
    _mutant("sjis", "文書をCP932で書く", "Writes documents in CP932", _ENCODED,
            _document(lambda text: text.encode("cp932")), "PKG-DOC-ENCODING"),
    _mutant("sjis-declared", "宣言だけShift_JISにする", "Declares Shift_JIS for UTF-8", _ENCODED,
            _document(lambda text: text.replace('"UTF-8"', '"Shift_JIS"').encode()), "PKG-DOC-DECLARATION"),
    _mutant("doctype", "DTDを付ける", "Adds a document type declaration", _ENCODED, _document(_with_doctype), "PKG-DOC-DTD"),
    _mutant("unescaped", "「<」を書き換えない", "Does not escape markup", _ENCODED,
            _document(lambda text: text.replace("\u3000", "\u3000<").encode()), "PKG-DOC-SYNTAX"),
    _mutant("nul", "固定長の残りをNULで埋める", "Pads with NUL", _ENCODED,
            _document(lambda text: (text + "\0").encode()), "PKG-DOC-CONTROL"),
    _mutant("root", "根の要素名を変える", "Renames the root element", _ENCODED,
            _document(lambda text: text.replace("<application>", "<data>").replace("</application>", "</data>").encode()),
            "PKG-DOC-STRUCTURE"),
    _mutant("html-pdf", "申請書PDFの代わりにHTMLを入れる", "Puts HTML where the form PDF belongs", _PDF,
            lambda _: lambda submission: f"<html>{submission.receipt_no}</html>".encode(), "PKG-LAYOUT-PDF"),
)  # fmt: skip
