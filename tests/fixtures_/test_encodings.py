"""Every encoding variant is what its name says, conforms under its profile, and reads back to the same values."""

from __future__ import annotations

import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from conformance.suites.package.documents import Plan, read_document
from conformance.suites.package.findings import Findings
from conformance.suites.package.validate import Validator
from fixtures.encodings import ENCODINGS, encoded, overlay
from fixtures.errors import FixtureError
from fixtures.factory import PackageFactory
from fixtures.people.nation import Nation
from interface_spec.profile import load_profile

BASE = load_profile()
POPULATION = Nation("test", 5, date(2026, 11, 24)).population("141003")
BOM = b"\xef\xbb\xbf"


def test_all_combinations_are_there() -> None:
    assert len(ENCODINGS) == 2 * 3 * 2
    assert encoded(BASE, "xml-utf-8") == BASE
    with pytest.raises(FixtureError, match="xml-utf-8-bom"):
        encoded(BASE, "utf-16")


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("procedure", ["K01", "C10", "S04"])
def test_a_package_in_every_encoding(name: str, procedure: str, tmp_path: Path) -> None:
    wanted, profile = ENCODINGS[name], encoded(BASE, name)
    factory = PackageFactory(POPULATION, profile)
    one = factory.package(4, procedure, "plain")
    report = Validator(profile).validate(one.zip_bytes)
    assert (report.conforming, report.rules) == (True, frozenset())
    as_baseline = Validator().validate(one.zip_bytes)
    assert (as_baseline.rules == frozenset()) == (name == "xml-utf-8")
    with zipfile.ZipFile(BytesIO(one.zip_bytes)) as archive:
        infos = archive.infolist()
        form = next(archive.read(info) for info in infos if info.filename.endswith("form.xml"))
    assert form.startswith(BOM) == wanted.bom
    assert form.removeprefix(BOM).decode(wanted.text)
    assert form.removeprefix(BOM).startswith(b"<?xml") == (wanted.container == "xml")
    flags = {bool(info.flag_bits & 0x800) for info in infos if not info.orig_filename.isascii()}
    assert flags == {wanted.names == "utf-8"}
    rows = read_document(
        Plan("form", profile.package.documents["form"], profile.codes), form, profile.codes, Findings()
    )
    typed = [one.value for one in factory.submission(4, procedure, "plain")[0].items]
    assert [row["value"] or "" for row in rows or []] == typed
    file = tmp_path / "overlay.toml"
    file.write_text(overlay(BASE, name), encoding="utf-8")
    assert load_profile("baseline", file).package == profile.package
