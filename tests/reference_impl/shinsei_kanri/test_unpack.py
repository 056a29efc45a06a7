"""③-2: what is stored is what was sent, and every hostile ZIP is refused with one sentence."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from interface_spec.profile import Limit, Profile
from reference_impl.shinsei_kanri.unpack import archive, structure
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from tests.reference_impl.shinsei_kanri.packages import (
    PDF,
    PROFILE,
    RECEIPT,
    Builder,
    application_xml,
    attachments_xml,
    form_xml,
    unpack,
    verification_xml,
)


def test_sound_package() -> None:
    found = unpack(Builder().bytes())
    assert (found.receipt_no, found.procedure_id, found.origin) == (RECEIPT, "K01", "portal")
    assert found.attachments[0].body == found.form_pdf == PDF
    assert found.attachments[0].media_type == "application/pdf"
    assert found.verification.serial is None
    assert not found.verification.basic4.present


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("  前後　", "  前後　"),
        ("&lt;&amp;&#34;'", "<&\"'"),
        ("一行&#13;&#10;二行", "一行\r\n二行"),
        ("𠮷葛\U000e0100か\u3099ｶﾞ", "𠮷葛\U000e0100か\u3099ｶﾞ"),
        ("", ""),
        ("<![CDATA[<!DOCTYPE x>]]>", "<!DOCTYPE x>"),
        ("字" * 1000, "字" * 1000),
    ],
)
def test_values_are_kept_character_by_character(written: str, value: str) -> None:
    (item,) = unpack(Builder().replace("form.xml", form_xml(written)).bytes()).items
    assert item.value == value


def test_repeats_are_kept_in_order() -> None:
    items = unpack(Builder().replace("form.xml", form_xml("一", "二", "三")).bytes()).items
    assert [(item.occurrence, item.value) for item in items] == [(1, "一"), (2, "二"), (3, "三")]


def test_byte_order_mark_declaration_and_folders_are_fine() -> None:
    builder = Builder().replace(
        "form.xml", b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>" + form_xml("一").encode()
    )
    builder.entries[f"{RECEIPT}/"] = b""
    builder.entries[f"{RECEIPT}/attachments/"] = b""
    assert unpack(builder.bytes()).items[0].value == "一"


def test_birth_date_with_unknown_parts_is_kept_as_text() -> None:
    found = unpack(Builder().replace("sigverify.xml", verification_xml(birthDate="1950-00-00")).bytes())
    assert (found.verification.basic4.birth_date, found.verification.basic4.birth_text) == (None, "1950-00-00")


def added(name: str, content: bytes = b"x", **attributes: int) -> Callable[[], bytes]:
    def build() -> bytes:
        info = zipfile.ZipInfo(name)
        for key, value in attributes.items():
            setattr(info, key, value)
        return Builder(raw=[(info, content)]).bytes()

    return build


def renamed(before: bytes, after: bytes) -> Callable[[], bytes]:
    """Change a name of the same length in both headers: what zipfile would not write itself."""
    return lambda: added(before.decode())().replace(before, after)


def doubled() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of the very thing that this test needs
        return Builder(raw=[(zipfile.ZipInfo(f"{RECEIPT}/form.xml"), form_xml("別").encode())]).bytes()


def encrypted() -> bytes:
    body = bytearray(Builder().bytes())
    at = body.rindex(b"PK\x01\x02")
    flags = struct.unpack_from("<H", body, at + 8)[0]
    struct.pack_into("<H", body, at + 8, flags | 1)
    return bytes(body)


def crc_broken() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in Builder().entries.items():
            archive.writestr(name, content)
    body = buffer.getvalue()
    return body.replace("一郎".encode(), "二郎".encode(), 1)


def spoiled(name: str, content: str | bytes) -> Callable[[], bytes]:
    return lambda: Builder().replace(name, content).bytes()


DTD = '<!DOCTYPE form [<!ENTITY a "b">]>'
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "not a zip": (lambda: b"hello", "ZIP として"),
    "empty": (lambda: b"", "ZIP として"),
    "truncated": (lambda: Builder().bytes()[:-30], "ZIP として"),
    "crc": (crc_broken, "CRC"),
    "parent folder": (added("../evil.txt"), "外を指し"),
    "inner parent folder": (added(f"{RECEIPT}/../../evil.txt"), "外を指し"),
    "absolute": (added("/etc/evil"), "絶対パス"),
    "drive": (added("C:evil"), "絶対パス"),
    "backslash": (renamed(b"abXcd.txt", b"ab\\cd.txt"), "逆斜線"),
    "nul": (renamed(b"abXcd.txt", b"ab\x00cd.txt"), "NUL"),
    "symlink": (added("link", external_attr=(stat.S_IFLNK | 0o777) << 16, create_system=3), "シンボリックリンク"),
    "encrypted": (encrypted, "暗号化"),
    "twice": (doubled, "二度"),
    "bzip2": (added("x", compress_type=zipfile.ZIP_BZIP2), "圧縮方式"),
    "unknown entry": (added(f"{RECEIPT}/extra.txt"), "仕様にない"),
    "no form": (lambda: Builder().without("form.xml").bytes(), "申請項目データ"),
    "no verification": (lambda: Builder().without("sigverify.xml").bytes(), "電子署名検証結果"),
    "no pdf": (lambda: Builder().without("form.pdf").bytes(), "PDF"),
    "no attachment": (lambda: Builder().without("attachments/01_copy.pdf").bytes(), "添付ファイル 1"),
    "other receipt": (spoiled("application.xml", application_xml(receiptNo="R9")), "受付番号"),
    "other dantai": (spoiled("application.xml", application_xml(dantaiCode="131016")), "団体コード"),
    "other procedure": (spoiled("application.xml", application_xml(procedureId="C01")), "手続ID"),
    "other count": (spoiled("application.xml", application_xml(attachmentCount="2")), "件数"),
    "digest": (spoiled("attachments.xml", attachments_xml(sha256="0" * 64)), "SHA-256"),
    "size": (spoiled("attachments.xml", attachments_xml(size="1")), "大きさ"),
    "attachment path": (spoiled("attachments.xml", attachments_xml(fileName="../x.pdf")), "外を指し"),
    "doctype": (spoiled("form.xml", DTD + form_xml("&a;")), "DTD"),
    "doctype after comment": (spoiled("form.xml", f"<!-- x --> \n{DTD}{form_xml('一')}"), "DTD"),
    "undeclared entity": (spoiled("form.xml", form_xml("&a;")), "XML として"),
    "not xml": (spoiled("form.xml", "<form>"), "XML として"),
    "not utf-8": (spoiled("form.xml", form_xml("一").encode("cp932")), "文字コード"),
    "other root": (spoiled("form.xml", form_xml("一").replace("form>", "forn>")), "最上位"),
    "unknown element": (spoiled("application.xml", application_xml(mystery="1")), "知らない要素"),
    "element twice": (
        spoiled("application.xml", application_xml().replace("<origin>", "<origin>1</origin><origin>")),
        "二度",
    ),
    "nested element": (spoiled("application.xml", application_xml(procedureName="<b>x</b>")), "中に要素"),
    "missing item": (spoiled("application.xml", application_xml(origin="")), "必須"),
    "unknown code": (spoiled("sigverify.xml", verification_xml(result="77")), "コード表"),
    "serial": (spoiled("sigverify.xml", verification_xml(authSerial="xyz")), "シリアル番号"),
    "item twice": (
        spoiled("form.xml", form_xml("一", "二").replace("<occurrence>2<", "<occurrence>1<")),
        "同じ項目",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_package_is_refused_with_its_reason(name: str) -> None:
    build, reason = HOSTILE[name]
    with pytest.raises(RefusedPackage) as caught:
        unpack(build())
    sentence = str(caught.value)
    assert reason in sentence
    assert " / " in sentence
    assert len(sentence.splitlines()) == 1


@pytest.mark.parametrize(("limit", "value"), [("package_bytes", 200), ("unpacked_bytes", 100), ("package_entries", 5)])
def test_limits_of_the_profile(limit: str, value: int) -> None:
    with pytest.raises(RefusedPackage) as caught:
        unpack(Builder().bytes(), limited(limit, value))
    assert "上限" in str(caught.value)


def test_bomb_that_lies_about_its_size_is_refused() -> None:
    body = bytearray(Builder().replace("form.pdf", b"\0" * 1_000_000).bytes())
    name = f"{RECEIPT}/form.pdf".encode()
    for signature, offset in ((b"PK\x03\x04", 30), (b"PK\x01\x02", 46)):
        at = (
            body.index(name, body.index(signature) if signature == b"PK\x03\x04" else body.index(b"PK\x01\x02"))
            - offset
        )
        struct.pack_into("<I", body, at + (22 if offset == 30 else 24), 10)
    with pytest.raises(RefusedPackage):
        unpack(bytes(body), limited("unpacked_bytes", 500_000))


def limited(name: str, value: int) -> Profile:
    limit = Limit(value=value, unit="", ja="")
    return PROFILE.model_copy(update={"limits": {**PROFILE.limits, name: limit}})


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (structure, "entries"),
        (archive, "check_count"),
        (archive, "check_member"),
        (archive, "check_names"),
        (archive, "check_declared_size"),
        (archive, "_contents"),
        (archive, "unpacked"),
        (archive, "check_size"),
    ],
)
@pytest.mark.parametrize("bug", [ValueError, IndexError, OSError, EOFError])
def test_a_mistake_of_ours_is_no_broken_package(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, bug: type[Exception]
) -> None:
    def mistaken(*_: object) -> None:
        raise bug("ours")

    sound = Builder().bytes()
    monkeypatch.setattr(owner, name, mistaken)
    with pytest.raises(bug, match="ours") as raised:
        unpack(sound)
    assert not isinstance(raised.value, RefusedPackage)


def _directory_at(body: bytes) -> int:
    return int(struct.unpack("<I", body[-6:-2])[0])


@pytest.mark.parametrize("kind", ["NotImplementedError", "UnicodeDecodeError", "error"])
def test_what_the_library_cannot_read_is_refused_with_the_kind_of_damage(kind: str) -> None:
    body = bytearray(Builder().bytes())
    directory = _directory_at(bytes(body))
    if kind == "NotImplementedError":
        body[directory + 6 : directory + 8] = b"\xff\x00"  # the edition of ZIP that is needed: 25.5
    elif kind == "UnicodeDecodeError":
        for place in (30, directory + 46):
            body[place] = 0xFF
    else:
        body[30 + body[26]] = 0xFF  # the first byte of what was compressed: a block of no known kind
    with pytest.raises(RefusedPackage, match=f"壊れています.*{kind}$"):
        unpack(bytes(body))
