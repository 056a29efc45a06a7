"""Each broken package breaks exactly what its name says, and nothing else that a reader would stumble over first."""

from __future__ import annotations

import io
import posixpath
import stat
import zipfile
from hashlib import sha256

import pytest
from lxml import etree

from fixtures.cases import Case
from fixtures.cases.recipes import load_recipes
from fixtures.world import World
from fixtures.zip_writer import PASSWORD
from tests.fixtures_.readback import read

BROKEN = tuple(name for name, recipe in load_recipes().items() if recipe.fate == "quarantined")


def _zip(case: Case) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(case.zip_bytes))


@pytest.mark.parametrize("name", BROKEN)
def test_a_reason_and_true_facts_about_the_bytes(world: World, name: str) -> None:
    case = world.case(name)
    assert case.truth.fate == "quarantined"
    assert case.truth.reason_ja
    assert case.sha256 == sha256(case.zip_bytes).hexdigest()
    assert case.size < world.profile.limit("package_bytes")


@pytest.mark.parametrize("name", ["broken-truncated", "broken-not-zip"])
def test_no_zip_at_all(world: World, name: str) -> None:
    with pytest.raises(zipfile.BadZipFile):
        _zip(world.case(name))


def test_truncated_starts_like_a_zip(world: World) -> None:
    assert world.case("broken-truncated").zip_bytes.startswith(b"PK\x03\x04")


def test_crc(world: World) -> None:
    case = world.case("broken-crc")
    assert _zip(case).testzip() == f"{case.receipt_no}/form.xml"


def test_escaping_names(world: World) -> None:
    slip = [name for name in _zip(world.case("broken-zip-slip")).namelist() if ".." in name]
    assert len(slip) == 1
    assert posixpath.normpath(slip[0]).startswith("../")
    absolute = [name for name in _zip(world.case("broken-absolute-path")).namelist() if name.startswith("/")]
    assert len(absolute) == 1


def test_symlink(world: World) -> None:
    links = [info for info in _zip(world.case("broken-symlink")).infolist() if stat.S_ISLNK(info.external_attr >> 16)]
    assert len(links) == 1
    assert _zip(world.case("broken-symlink")).read(links[0]).startswith(b"../")


def test_mismatches(world: World) -> None:
    receipt = world.case("broken-receipt-mismatch")
    found = read(receipt.zip_bytes, receipt.receipt_no, world.profile)
    assert found.application["receipt_no"] != receipt.receipt_no
    assert len(found.application["receipt_no"]) == len(receipt.receipt_no)
    dantai = world.case("broken-dantai-mismatch")
    assert read(dantai.zip_bytes, dantai.receipt_no, world.profile).application["dantai_code"] != dantai.dantai_code
    digest = world.case("broken-attachment-digest")
    listed = read(digest.zip_bytes, digest.receipt_no, world.profile).attachments
    wrong = [row["sha256"] != truth.sha256 for row, truth in zip(listed, digest.truth.attachments, strict=True)]
    assert wrong == [True, False]


def test_entities(world: World) -> None:
    xxe = world.case("broken-xxe")
    raw = _zip(xxe).read(f"{xxe.receipt_no}/form.xml")
    tree = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True)).getroottree()
    assert tree.docinfo.internalDTD is not None
    assert b'<!ENTITY e9 SYSTEM "file:///etc/hostname">' in raw
    assert [node.text for node in tree.iter(etree.Entity)] == ["&e9;"]
    laughs = world.case("broken-billion-laughs")
    raw = _zip(laughs).read(f"{laughs.receipt_no}/form.xml")
    assert raw.count(b"<!ENTITY") == 10
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(raw)


def test_bomb_is_small_true_and_too_large_unpacked(world: World) -> None:
    case = world.case("broken-bomb")
    archive = _zip(case)
    unpacked = sum(info.file_size for info in archive.infolist())
    limit = world.profile.limit("unpacked_bytes")
    assert limit < unpacked < limit * 1.1
    assert case.size < 1_000_000
    assert len(archive.namelist()) <= world.profile.limit("package_entries")
    first = next(info for info in archive.infolist() if info.filename.endswith("_01.txt"))
    assert sha256(archive.read(first)).hexdigest() == case.truth.attachments[0].sha256


def test_many_entries(world: World) -> None:
    case = world.case("broken-many-entries")
    assert len(_zip(case).namelist()) == world.profile.limit("package_entries") + 1
    assert _zip(case).testzip() is None


def test_encrypted(world: World) -> None:
    case = world.case("broken-encrypted")
    archive = _zip(case)
    assert all(info.flag_bits & 1 for info in archive.infolist())
    with pytest.raises(RuntimeError, match="encrypted"):
        archive.read(archive.namelist()[0])
    for name in archive.namelist():
        assert sha256(archive.read(name, pwd=PASSWORD)).hexdigest() == case.manifest[name]


@pytest.mark.parametrize(
    ("name", "document"), [("broken-missing-form", "form"), ("broken-missing-verification", "verification")]
)
def test_missing_documents(world: World, name: str, document: str) -> None:
    case = world.case(name)
    missing = world.profile.package.documents[document].path.format(receipt_no=case.receipt_no)
    assert missing not in _zip(case).namelist()
    assert len(_zip(case).namelist()) == len(world.case("k01-plain").manifest) - 1


def test_duplicate(world: World) -> None:
    case = world.case("broken-duplicate-entry")
    names = _zip(case).namelist()
    twice = f"{case.receipt_no}/form.xml"
    assert names.count(twice) == 2
    assert case.manifest[twice] != case.manifest[f"{twice}#2"]
