"""③-3 rule by rule: only an exact, unique and undisputed hit is automatic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interface_spec.control import Method, PersonState
from interface_spec.procedures import load_procedures
from interface_spec.profile import load_profile
from reference_impl.shinsei_kanri import identify
from reference_impl.shinsei_kanri.records import Atena, Basic4, FormValue, Verification
from tests.reference_impl.shinsei_kanri.people import CORE, HANAKO, TARO, Memory, link, signed


def test_serial_leads_to_the_number_in_the_core_systems_own_space() -> None:
    found = identify.signer(signed(0xA1), CORE, Memory(rows=[link(0xA1, "R1")]))
    assert (found.state, found.method) == (PersonState.IDENTIFIED, Method.SERIAL)
    assert (found.juki_atena_no, found.atena_no) == ("R1", "J1")


@pytest.mark.parametrize("result", ["invalid", "revoked", "expired", "unsigned"])
def test_signature_that_is_not_valid_identifies_nobody(result: str) -> None:
    found = identify.signer(signed(0xA1, HANAKO.basic4, result), CORE, Memory(rows=[link(0xA1, "R1")]))
    assert found.state is PersonState.STAFF
    assert result in found.reasons[0]
    assert found.candidates[0].atena_no == "J1"


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_serial_that_is_no_longer_valid_identifies_nobody(state: str) -> None:
    found = identify.signer(signed(0xA1, HANAKO.basic4), CORE, Memory(rows=[link(0xA1, "R1", state)]))
    assert found.state is PersonState.STAFF


def test_serial_with_two_numbers_is_for_staff() -> None:
    rows = [link(0xA1, "R1"), link(0xA1, "R2")]
    assert identify.signer(signed(0xA1), CORE, Memory(rows=rows)).state is PersonState.STAFF


def test_basic4_of_another_person_dispute_the_serial() -> None:
    found = identify.signer(signed(0xA1, TARO.basic4), CORE, Memory(rows=[link(0xA1, "R1")]))
    assert found.state is PersonState.STAFF
    assert "氏名" in found.reasons[0]
    assert {one.atena_no for one in found.candidates} == {"J1", "J2"}


def test_another_spelling_does_not_dispute_the_serial() -> None:
    stated = replace(HANAKO.basic4, name="高橋 花子", address="架空県架空湊市港町1-2-3")
    found = identify.signer(signed(0xA1, stated), CORE, Memory(rows=[link(0xA1, "R1")]))
    assert found.method is Method.SERIAL


def test_substituted_character_does_not_dispute_the_serial_only_with_its_flag() -> None:
    stated = replace(HANAKO.basic4, name="〓橋　花子")
    rows = [link(0xA1, "R1")]
    with_flag = signed(0xA1, stated, substituted=True)
    assert identify.signer(with_flag, CORE, Memory(rows=rows)).method is Method.SERIAL
    assert identify.signer(signed(0xA1, stated), CORE, Memory(rows=rows)).state is PersonState.STAFF


@pytest.mark.parametrize("serial", [None, 0xFF])
def test_without_a_known_serial_all_four_decide(serial: int | None) -> None:
    found = identify.signer(signed(serial, HANAKO.basic4), CORE, Memory(rows=[link(0xA1, "R2")]))
    assert (found.state, found.method, found.atena_no) == (PersonState.IDENTIFIED, Method.BASIC4, "J1")


@pytest.mark.parametrize("part", ["name", "birth_date", "gender", "address"])
def test_each_of_the_four_counts(part: str) -> None:
    other = {"name": TARO.name, "birth_date": TARO.birth_date, "gender": "male", "address": "別の住所"}[part]
    stated = replace(HANAKO.basic4, **{part: other})  # type: ignore[arg-type]
    found = identify.signer(signed(None, stated), CORE, Memory())
    assert found.state is PersonState.STAFF
    missing = replace(HANAKO.basic4, **{part: None if part == "birth_date" else ""})  # type: ignore[arg-type]
    assert identify.signer(signed(None, missing), CORE, Memory()).state is PersonState.STAFF


def test_weaker_than_exact_is_a_candidate_with_reasons() -> None:
    stated = replace(HANAKO.basic4, name="高橋　花子")
    found = identify.signer(signed(None, stated), CORE, Memory())
    assert found.state is PersonState.STAFF
    assert found.candidates[0].atena_no == "J1"
    assert any("異体字" in reason for reason in found.candidates[0].reasons)


def test_two_people_with_the_same_four_are_for_staff() -> None:
    double = replace(HANAKO, atena_no="J9", juki_atena_no="R9")
    found = identify.signer(signed(None, HANAKO.basic4), CORE, Memory(people=[HANAKO, double]))
    assert found.state is PersonState.STAFF
    assert {one.atena_no for one in found.candidates} == {"J1", "J9"}


def test_substituted_characters_are_never_exact() -> None:
    found = identify.signer(signed(None, HANAKO.basic4, substituted=True), CORE, Memory())
    assert found.state is PersonState.STAFF


@pytest.mark.parametrize("state", ["deceased", "erased"])
def test_closed_records_are_for_staff(state: str) -> None:
    closed = replace(HANAKO, state=state)
    memory = Memory(people=[closed], rows=[link(0xA1, "R1")])
    assert identify.signer(signed(0xA1), CORE, memory).state is PersonState.STAFF
    assert identify.signer(signed(None, HANAKO.basic4), CORE, memory).state is PersonState.STAFF


def test_number_of_another_space_is_never_used() -> None:
    """The resident's number R1 happens to be another person's number in this core system."""
    trap = Atena("R1", "R5", "別人", "", None, "male", "別の住所", "resident")
    memory = Memory(people=[trap], rows=[link(0xA1, "R1")])
    assert identify.signer(signed(0xA1), CORE, memory).state is PersonState.STAFF


def test_serial_and_basic4_of_different_residents_without_core_number() -> None:
    memory = Memory(people=[TARO], rows=[link(0xA1, "R1")])
    assert identify.signer(signed(0xA1, TARO.basic4), CORE, memory).state is PersonState.STAFF


K01, C01 = load_procedures()["K01"], load_procedures()["C01"]
GENDERS = load_profile().codes["gender_municipal"]


def form(person: Basic4) -> list[FormValue]:
    gender = {"male": "男", "female": "女"}.get(person.gender, "")
    birth = person.birth_date.isoformat() if person.birth_date else person.birth_text
    values = {
        "insured_name": person.name,
        "insured_birth_date": birth,
        "insured_gender": gender,
        "insured_address": person.address,
    }
    return [FormValue(key, key, "", 1, value) for key, value in values.items()]


def both(verification: Verification, typed: Basic4, memory: Memory) -> tuple[str, str]:
    signer, subject = identify.persons(form(typed), verification, C01, memory, GENDERS)
    return signer.atena_no, subject.atena_no


def test_subject_is_matched_on_its_own() -> None:
    memory = Memory(rows=[link(0xA1, "R1")], core_system=C01.core_system)
    assert both(signed(0xA1, HANAKO.basic4), TARO.basic4, memory) == ("J1", "J2")
    assert both(signed(0xA1, HANAKO.basic4), HANAKO.basic4, memory) == ("J1", "J1")
    unknown = replace(TARO.basic4, address="よその町")
    assert both(signed(0xA1, HANAKO.basic4), unknown, memory) == ("J1", "")


def test_subject_that_is_the_signer_in_another_spelling() -> None:
    spelled = replace(HANAKO.basic4, name="高橋　花子")
    memory = Memory(rows=[link(0xA1, "R1")], core_system=C01.core_system)
    assert both(signed(0xA1, spelled), spelled, memory) == ("J1", "J1")
    assert both(signed(0xA1, HANAKO.basic4), spelled, memory) == ("J1", "")


def test_subject_of_an_invalid_signature_is_for_staff() -> None:
    memory = Memory(core_system=C01.core_system)
    assert both(signed(None, None, "invalid"), TARO.basic4, memory) == ("", "")


def test_procedure_of_the_signer_has_one_person() -> None:
    assert len(identify.persons([], signed(None, HANAKO.basic4), K01, Memory(), GENDERS)) == 1


def test_subject_with_an_unreadable_birth_date_is_for_staff() -> None:
    typed = replace(TARO.basic4, birth_date=None, birth_text="昭和五十八年")
    stated = identify.stated_subject(form(typed), C01, GENDERS)
    assert (stated.birth_date, stated.birth_text) == (None, "昭和五十八年")
