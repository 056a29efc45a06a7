"""Generated packages: every procedure, every variant, every package conforming, the same every time."""

from __future__ import annotations

import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from conformance.suites.package.consistency import Listed
from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError, NotExpressible
from fixtures.factory import VARIANTS, PackageFactory, travelling_procedures
from fixtures.people.nation import Nation
from interface_spec.procedures import load_procedures
from interface_spec.profile import load_profile

POPULATION = Nation("test", 5, date(2026, 11, 24)).population("141003")
FACTORY = PackageFactory(POPULATION)
ODD = Path(__file__).parent / "odd.toml"


@pytest.mark.parametrize("procedure", travelling_procedures())
def test_every_procedure_makes_a_conforming_package(procedure: str) -> None:
    one = FACTORY.package(7, procedure)
    report = Validator().validate(one.zip_bytes, Listed(one.receipt_no, one.dantai_code, procedure))
    assert report.conforming
    assert not {rule for rule in report.rules if rule.startswith("PKG-FORM")}
    assert one.dantai_code == "141003"


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_what_it_says(variant: str) -> None:
    submission, kind = FACTORY.submission(3, "K01", variant)
    one = FACTORY.package(3, "K01", variant)
    report = Validator().validate(one.zip_bytes)
    assert kind == one.variant == variant
    assert report.conforming
    expected = {"expired": {"PKG-VER-NOTVALID"}, "neither": {"PKG-VER-UNSIGNED"}}
    assert report.rules == expected.get(variant, set())
    assert (submission.login is None) == (variant in ("basic4-only", "neither"))
    assert (submission.signing is None) == (variant in ("serial-only", "neither"))
    if variant == "duplicate":
        assert one.signer == FACTORY.submission(2, "K01", "plain")[0].signer.index
        assert one.receipt_no != FACTORY.package(2, "K01", "plain").receipt_no
    if variant == "late":
        assert (one.arrived_at - one.received_at).total_seconds() >= 1800
    if variant == "all-types":
        with zipfile.ZipFile(BytesIO(one.zip_bytes)) as archive:
            assert len(archive.namelist()) == 5 + 16
    if variant == "disagreeing":
        assert submission.login is not None
        assert submission.login.owner != submission.signer.index


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


def test_an_agent_comes_from_another_household() -> None:
    submission, _ = FACTORY.submission(1, "C01", "agent")
    assert submission.signer.household != submission.subject.household
    assert submission.applicant_kind == "agent"


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
