"""Everything that an overlay may change really takes effect; what it cannot carry is named, never bent."""

from __future__ import annotations

import zipfile
from datetime import UTC, date
from hashlib import sha256
from pathlib import Path

import pytest

from fixtures.cases import Case
from fixtures.cases.recipes import load_recipes
from fixtures.errors import NotExpressible
from fixtures.wiring import DocumentWriter, Value
from fixtures.world import World
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from tests.fixtures_.conftest import REFERENCE_DATE
from tests.fixtures_.readback import open_zip, read

ODD = Path(__file__).parent / "odd.toml"
BEYOND_CP932 = {
    "k01-hard-characters": ("form[15 remarks].value", "U+20BB7"),
    "k01-name-substituted": ("form[1 claimant_name].value", "U+20BB7"),
}
NEEDS_XML = ("broken-xxe", "broken-billion-laughs")
CARRIED = tuple(name for name in load_recipes() if name not in BEYOND_CP932 and name not in NEEDS_XML)


@pytest.fixture(scope="module")
def odd() -> World:
    return World(seed=1, reference_date=REFERENCE_DATE, profile=load_profile("baseline", ODD))


def _overlaid(tmp_path: Path, text: str) -> World:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(text, encoding="utf-8")
    return World(seed=1, reference_date=REFERENCE_DATE, profile=load_profile("baseline", overlay))


@pytest.mark.parametrize("name", CARRIED)
def test_the_odd_profile_carries_the_case(odd: World, world: World, name: str) -> None:
    case = odd.case(name)
    assert case.truth.items == world.case(name).truth.items
    assert case.truth.signer == world.case(name).truth.signer
    assert len(case.receipt_no) == 16
    if case.truth.fate == "stored":
        found = read(case.zip_bytes, case.receipt_no, odd.profile)
        assert [row["value"] for row in found.form] == [item.value for item in case.truth.items]
        assert {entry: sha256(data).hexdigest() for entry, data in found.files.items()} == case.manifest
        assert found.application["applied_at"] == case.received_at.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def test_the_registers_do_not_depend_on_the_wire(odd: World, world: World) -> None:
    assert odd.links() == world.links()
    assert odd.atena("kaigo") == world.atena("kaigo")


def _plain(odd: World) -> tuple[Case, zipfile.ZipFile]:
    case = odd.case("k01-plain")
    return case, open_zip(case.zip_bytes, odd.profile)


def test_names_formats_and_codes_of_the_odd_profile(odd: World, world: World) -> None:
    case, archive = _plain(odd)
    text = archive.read("検証.xml").decode("cp932")
    assert text.startswith('<?xml version="1.0" encoding="cp932"?>')
    usual = world.case("k01-plain")
    serial = int(read(usual.zip_bytes, usual.receipt_no, world.profile).verification["serial"], 16)
    assert f"<番号>{serial}</番号>" in text
    assert "<代替>false</代替>" in text
    assert "<result>OK</result>" in text
    assert "<gender>F</gender>" in text or "<gender>M</gender>" in text
    assert "/" in text.partition("<生年月日>")[2].partition("</生年月日>")[0]
    assert archive.read(f"申請/{case.receipt_no}_添付.csv").startswith(b"\xef\xbb\xbfseq,label")
    assert "あたい\r\n" in archive.read(f"申請/{case.receipt_no}_項目.csv").decode("cp932")
    assert {f"申請/{case.receipt_no}.pdf", "添付/002/通帳の写し.jpg"} <= set(archive.namelist())


def test_entry_names_without_the_utf8_flag(odd: World, world: World) -> None:
    _, archive = _plain(odd)
    assert all(not info.flag_bits & 0x800 for info in archive.infolist())
    usual = open_zip(world.case("k01-plain").zip_bytes, world.profile)
    assert any(info.flag_bits & 0x800 for info in usual.infolist())


@pytest.mark.parametrize("name", sorted(BEYOND_CP932))
def test_an_inexpressible_character_is_named(odd: World, name: str) -> None:
    document, character = BEYOND_CP932[name]
    with pytest.raises(NotExpressible) as caught:
        odd.case(name)
    assert document in str(caught.value)
    assert character in str(caught.value)
    assert "cp932" in str(caught.value)


@pytest.mark.parametrize("name", NEEDS_XML)
def test_entities_need_xml(odd: World, name: str) -> None:
    with pytest.raises(NotExpressible, match="csv"):
        odd.case(name)


def test_limits_of_the_odd_profile_are_exceeded(odd: World) -> None:
    many = open_zip(odd.case("broken-many-entries").zip_bytes, odd.profile)
    assert len(many.namelist()) == 13
    bomb = open_zip(odd.case("broken-bomb").zip_bytes, odd.profile)
    assert 3145728 < sum(info.file_size for info in bomb.infolist()) < 2 * 3145728 + 10**6


def test_every_document_as_csv(tmp_path: Path) -> None:
    documents = ("application", "attachments", "form", "verification")
    flat = _overlaid(tmp_path, "".join(f'[package.documents.{name}]\ncontainer = "csv"\n' for name in documents))
    case = flat.case("k01-hard-characters")
    found = read(case.zip_bytes, case.receipt_no, flat.profile)
    assert [row["value"] for row in found.form] == [item.value for item in case.truth.items]
    unsigned = flat.case("k01-unsigned")
    cells = read(unsigned.zip_bytes, unsigned.receipt_no, flat.profile).verification
    assert {name for name, value in cells.items() if value} == {"result", "verified_at"}


def test_equal_attachment_paths_are_refused_not_overwritten(tmp_path: Path) -> None:
    flat = _overlaid(tmp_path, '[package]\nattachment = "{receipt_no}/{file_name}"\n')
    assert flat.case("k01-plain").size > 0
    with pytest.raises(NotExpressible, match=r"package\.attachment"):
        flat.case("k01-same-file-names")


def test_a_value_longer_than_the_profile_allows_is_named(tmp_path: Path) -> None:
    short = _overlaid(
        tmp_path,
        "[package.documents.form.row]\n"
        'value = { wire = "value", ja = "値", type = "N", length = 100, required = false }\n',
    )
    assert short.case("k01-plain").size > 0
    with pytest.raises(NotExpressible, match=r"form\[15 remarks\]\.value.*1000"):
        short.case("k01-hard-characters")


def test_a_required_verification_item_cannot_be_left_out(tmp_path: Path) -> None:
    strict = _overlaid(
        tmp_path,
        "[package.documents.verification.items]\n"
        'name = { wire = "name", ja = "氏名", type = "N", length = 200, required = true }\n',
    )
    assert strict.case("k01-plain").size > 0
    with pytest.raises(NotExpressible, match=r"verification\.name"):
        strict.case("k01-unsigned")


ITEM = '{ wire = "w", ja = "w", type = "X" }'


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"[package.documents.form.row]\nvalu = {ITEM}\n", "valu"),
        ('[package.documents.extra]\nja = "x"\npath = "x.xml"\nitems = { a = ' + ITEM + " }\n", "extra"),
        ('[package]\nattachment = "{receipt_no}/{number}"\n', "number|attachment"),
        ('[package]\nform_pdf = "{receipt_no"\n', "form_pdf"),
        ('[package.documents.form]\nencoding = "cp932"\nbom = true\n', "BOM"),
        ('[package.documents.form]\nroot = "1x"\n', "1x"),
        (
            '[package.documents.application.items]\napplied_at = { wire = "a", ja = "a", type = "DATETIME", '
            'format = "%Y%m%d", zone = "Mars/Base" }\n',
            "Mars/Base",
        ),
        (
            '[package.documents.application.items]\norigin = { wire = "o", ja = "o", type = "CODE", codes = "core_result" }\n',
            "portal",
        ),
        (
            '[package.documents.application.items]\nreceipt_no = { wire = "r", ja = "r", type = "X", length = 8 }\n',
            "receipt_no",
        ),
    ],
)
def test_a_wrong_profile_is_one_sentence(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(SpecError, match=hint) as caught:
        _overlaid(tmp_path, text).case("k01-plain")
    assert "\n" not in str(caught.value)


def test_wrong_python_types_are_refused() -> None:
    writer = DocumentWriter(load_profile())
    row: dict[str, Value] = {"seq": "1", "label": "x", "file_name": "x.txt", "size": 1, "sha256": "0" * 64}
    with pytest.raises(ValueError, match="seq"):
        writer.table("attachments", [row])
    assert b"<seq>1</seq>" in writer.table("attachments", [row | {"seq": 1}])


def test_control_characters_are_named() -> None:
    writer = DocumentWriter(load_profile())
    row: dict[str, Value] = {"item_id": "a", "label": "a", "group": "", "occurrence": 1, "value": "a\x01"}
    with pytest.raises(NotExpressible, match="制御文字"):
        writer.table("form", [row])


def test_the_date_of_the_case_is_not_a_datetime_by_accident() -> None:
    writer = DocumentWriter(load_profile())
    values: dict[str, Value] = dict.fromkeys(
        ["reason", "serial", "name", "name_substituted", "birth_date", "gender", "address", "address_substituted"]
    ) | {"result": "valid", "verified_at": date(2026, 11, 1)}
    with pytest.raises(ValueError, match="verified_at"):
        writer.record("verification", values)
