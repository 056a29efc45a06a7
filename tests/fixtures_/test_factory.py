"""Generated packages: every procedure, every variant, every package conforming, the same every time."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from conformance.suites.package.consistency import Listed
from conformance.suites.package.documents import Plan, read_document
from conformance.suites.package.findings import Findings
from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError, NotExpressible
from fixtures.factory import VARIANTS, PackageFactory, variants_of
from fixtures.forms import GROUP_MEMBERS
from fixtures.outline import travelling_procedures
from fixtures.people.columns import Traits
from fixtures.people.nation import Nation
from fixtures.people.repertoire import SUBSTITUTE, certified
from interface_spec.procedures import ATTACHMENT_TYPES, load_procedures
from interface_spec.profile import load_profile

POPULATION = Nation("test", 5, date(2026, 11, 24)).population("141003")
FACTORY = PackageFactory(POPULATION)
PROFILE = load_profile()
ODD = Path(__file__).parent / "odd.toml"


@pytest.mark.parametrize("procedure", travelling_procedures())
def test_every_procedure_makes_a_conforming_package(procedure: str) -> None:
    one = FACTORY.package(7, procedure)
    report = Validator().validate(one.zip_bytes, Listed(one.receipt_no, one.dantai_code, procedure))
    assert report.conforming
    assert not {rule for rule in report.rules if rule.startswith("PKG-FORM")}
    assert one.dantai_code == "141003"


PAIRS = [(one, kind) for one in travelling_procedures() for kind in variants_of(load_procedures()[one])]


@pytest.mark.parametrize(("procedure", "variant"), PAIRS)
def test_every_variant_of_every_procedure_is_what_it_says(procedure: str, variant: str) -> None:
    spec = load_procedures()[procedure]
    submission, kind = FACTORY.submission(3, procedure, variant)
    one = FACTORY.package(3, procedure, variant)
    report = Validator().validate(one.zip_bytes, Listed(one.receipt_no, one.dantai_code, procedure))
    assert kind == one.variant == variant
    assert report.conforming
    unsigned = {"PKG-VER-UNSIGNED"} if spec.signing == "required" else set()
    expected = {"expired": {"PKG-VER-NOTVALID"}, "revoked": {"PKG-VER-NOTVALID"}, "neither": unsigned}
    assert report.rules == expected.get(variant, set())
    signed = spec.signing != "none"
    assert (submission.login is not None) == (signed and variant not in ("basic4-only", "neither"))
    assert (submission.signing is not None) == (signed and variant not in ("serial-only", "neither"))
    with zipfile.ZipFile(BytesIO(one.zip_bytes)) as archive:
        names = archive.namelist()
        verification = Plan("verification", PROFILE.package.documents["verification"], PROFILE.codes)
        data = next(archive.read(name) for name in names if name.endswith("sigverify.xml"))
        found = (read_document(verification, data, PROFILE.codes, Findings()) or [{}])[0]
    assert (found["serial"] is not None, found["name"] is not None) == (
        submission.login is not None,
        submission.signing is not None,
    )
    match variant:
        case "all-types":
            assert {name.rpartition(".")[2] for name in names if "/attachments/" in name} == set(ATTACHMENT_TYPES)
        case "agent":
            assert submission.signer.household != submission.subject.household
            assert submission.applicant_kind == "agent"
            assert any("委任状" in name for name in names)
        case "several":
            people = {item.occurrence for item in submission.items if item.group in GROUP_MEMBERS}
            assert len(people) >= 2
        case "duplicate":
            assert submission.signer.index == one.signer == FACTORY.submission(2, procedure)[0].signer.index
        case "late":
            assert 1800 <= (one.arrived_at - one.received_at).total_seconds() <= 7200
        case "disagreeing":
            assert submission.login is not None
            assert submission.signing is not None
            assert submission.login.owner != submission.signer.index
            assert found["name"] == submission.signer.name


def test_what_a_definition_does_not_allow_is_refused_in_a_sentence() -> None:
    for procedure, variant in (("S02", "serial-only"), ("C01", "several"), ("S04", "revoked")):
        assert variant not in variants_of(load_procedures()[procedure])
        with pytest.raises(FixtureError, match=f"{procedure}.*{variant}"):
            FACTORY.package(3, procedure, variant)
    with pytest.raises(FixtureError, match="duplicate"):
        FACTORY.package(0, "K01", "duplicate")


def test_a_duplicate_repeats_the_procedure_and_the_person_of_the_package_before() -> None:
    drawn = [FACTORY.submission(number) for number in range(400)]
    duplicates = [number for number, (_, kind) in enumerate(drawn) if kind == "duplicate"]
    assert len(duplicates) > 5
    assert {kind for _, kind in drawn} == set(VARIANTS)
    for number in duplicates:
        before, again = drawn[number - 1][0], drawn[number][0]
        assert (before.procedure.id, before.subject.index) == (again.procedure.id, again.subject.index)
        assert before.receipt_no != again.receipt_no
        assert before.signer.index == again.signer.index


def test_people_in_a_form_are_people_of_the_registers() -> None:
    """Nothing but what no register knows is made up: names in a form are those of the household."""
    for procedure in travelling_procedures():
        submission, _ = FACTORY.submission(5, procedure, "plain")
        made_up = [
            one.item_id
            for one in submission.items
            if one.item_id.endswith(("_kana", "_birth_date")) and one.group not in ("dogs",)
            if one.value in ("テスト",) or (one.item_id.endswith("_kana") and "　" not in one.value)
        ]
        assert made_up == [], procedure


def test_certificates_replace_what_they_cannot_carry() -> None:
    """Everybody has a hard surname here: some survive, some are replaced, and the package says so."""
    nation = Nation(
        "test", 5, date(2026, 11, 24), replace(Traits(), hard_surname_household=10_000, foreign_household=0)
    )
    factory, replaced = PackageFactory(nation.population("141003")), 0
    plan = Plan("verification", PROFILE.package.documents["verification"], PROFILE.codes)
    for number in range(40):
        submission, _ = factory.submission(number, "K01", "plain")
        one = factory.package(number, "K01", "plain")
        with zipfile.ZipFile(BytesIO(one.zip_bytes)) as archive:
            data = next(archive.read(name) for name in archive.namelist() if name.endswith("sigverify.xml"))
        (found,) = read_document(plan, data, PROFILE.codes, Findings()) or [{}]
        stated, mask = certified(submission.signer.name)
        assert (found["name"], found["name_substituted"]) == (stated, bool(mask))
        assert (SUBSTITUTE in stated) == bool(mask)
        assert Validator().validate(one.zip_bytes).conforming
        replaced += bool(mask)
    assert 0 < replaced < 40


def test_an_agent_files_but_the_form_names_who_is_entitled() -> None:
    submission, _ = FACTORY.submission(3, "K01", "agent")
    typed = {one.item_id: one.value for one in submission.items}
    assert typed["claimant_name"] == submission.subject.name != submission.signer.name
    assert submission.signing is not None
    assert submission.signing.person.name == submission.signer.name


def test_the_same_package_every_time() -> None:
    again = PackageFactory(Nation("test", 5, date(2026, 11, 24)).population("141003"))
    assert [again.package(n).manifest for n in range(5)] == [FACTORY.package(n).manifest for n in range(5)]
    assert len({FACTORY.package(n).receipt_no for n in range(40)}) == 40


def test_parents_apply_for_children_and_families_for_the_old() -> None:
    for number in range(30):
        child, _ = FACTORY.submission(number, "K12", "plain")
        assert child.subject.role.startswith("child")
        assert child.applicant_kind == "agent"
        old, _ = FACTORY.submission(number, "C01", "plain")
        assert old.subject.role == "elder"
        assert (date(2026, 11, 24) - old.subject.birth_date).days > 64 * 365


def test_what_does_not_travel_is_named() -> None:
    outside = [one.id for one in load_procedures().values() if not one.items]
    for procedure in (*outside, "X99"):
        with pytest.raises(FixtureError, match=procedure):
            FACTORY.package(0, procedure)
    with pytest.raises(FixtureError, match="sideways"):
        FACTORY.package(0, "K01", "sideways")


def test_another_profile_takes_effect() -> None:
    profile = load_profile("baseline", ODD)
    factory, built = PackageFactory(POPULATION, profile), 0
    for number in range(12):
        try:
            one = factory.package(number, "K01", "plain")
        except NotExpressible:
            continue
        built += 1
        assert Validator(profile).validate(one.zip_bytes).conforming
        assert not Validator().validate(one.zip_bytes).conforming
    assert built > 6
