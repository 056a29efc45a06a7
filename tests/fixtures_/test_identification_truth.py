"""The stated truth against a careful identification written here from the registers and the package alone."""

from __future__ import annotations

import pytest

from fixtures.cases import AtenaRow, Case, LinkRow
from fixtures.cases.recipes import load_recipes
from fixtures.world import World
from interface_spec.procedures import load_procedures
from tests.fixtures_.readback import read

SIGNED = tuple(
    name
    for name, recipe in load_recipes().items()
    if recipe.fate == "stored" and load_procedures()[recipe.procedure].signing != "none"
)
MUNICIPAL = {"1": "male", "2": "female", "3": "unknown"}


def _careful(world: World, case: Case) -> tuple[str, str]:
    """(how, 住民の宛名番号) as ③-3 i and iii allow; anything else is ("staff", "")."""
    found = read(case.zip_bytes, case.receipt_no, world.profile).verification
    if found["result"] != world.profile.codes["verification_result"].values["valid"].wire:
        return "staff", ""
    core = load_procedures()[case.procedure_id].core_system
    links: list[LinkRow] = [row for row in world.links() if row.serial not in case.withdrawn_links]
    links += case.late_links
    by_serial = [row.atena_no for row in links if row.serial == found.get("serial") and row.state == "valid"]
    four = (found.get("name"), found.get("birth_date"), MUNICIPAL.get(found.get("gender", "")), found.get("address"))

    def same(row: AtenaRow) -> bool:
        born = row.birth_date.isoformat() if row.birth_date else None
        return (row.name, born, row.gender, row.address) == four

    by_four = [row.juki_atena_no for row in world.atena(core) if same(row)]
    if by_serial:
        agrees = "name" not in found or by_serial[-1] in by_four
        return ("serial", by_serial[-1]) if agrees else ("staff", "")
    return ("basic4", by_four[0]) if len(by_four) == 1 else ("staff", "")


@pytest.mark.parametrize("name", SIGNED)
def test_a_careful_reader_ends_with_the_truth(world: World, name: str) -> None:
    case = world.case(name)
    signer = case.truth.signer
    assert signer is not None
    how, number = _careful(world, case)
    assert how == signer.identifiable
    if how != "staff":
        assert number == signer.juki_atena_no
    if signer.juki_atena_no:
        for core in world.core_systems():
            row = next(one for one in world.atena(core) if one.atena_no == signer.numbers[core])
            assert (row.juki_atena_no, row.name) == (signer.juki_atena_no, signer.name)
    else:
        assert signer.numbers == {}


def _serial(world: World, name: str) -> str:
    case = world.case(name)
    return read(case.zip_bytes, case.receipt_no, world.profile).verification["serial"]


def test_serial_traits(world: World) -> None:
    rows = {row.serial: row for row in world.links()}
    assert _serial(world, "k01-unknown-serial") not in rows
    assert _serial(world, "k01-non-resident") not in rows
    renewed = [row for row in rows.values() if row.atena_no == rows[_serial(world, "k01-renewed-card")].atena_no]
    assert sorted(row.state for row in renewed) == ["revoked", "valid"]
    second = [row for row in rows.values() if row.atena_no == rows[_serial(world, "k01-second-card")].atena_no]
    assert [row.state for row in second] == ["valid", "valid"]
    assert min(second, key=lambda row: row.valid_from).serial == _serial(world, "k01-second-card")
    assert rows[_serial(world, "k01-revoked")].state == "valid"
    withdrawn = world.case("k01-withdrawn-link")
    assert withdrawn.withdrawn_links == (_serial(world, "k01-withdrawn-link"),)
    assert withdrawn.truth.signer is not None
    assert rows[withdrawn.withdrawn_links[0]].atena_no not in ("", withdrawn.truth.signer.juki_atena_no)


def test_the_digits_trap_bites_in_both_directions(world: World) -> None:
    rows = {row.serial: row for row in world.links()}
    text = _serial(world, "k01-serial-digits-trap")
    assert text.isdigit()
    right, wrong = rows[text], rows[f"{int(text):X}"]
    assert wrong.atena_no != right.atena_no
    decimal = str(int(text, 16))
    assert rows[f"{int(decimal, 16):X}"].atena_no == wrong.atena_no


def test_disagreeing_certificates_are_two_residents(world: World) -> None:
    rows = {row.serial: row for row in world.links()}
    signer = world.case("k01-disagreeing").truth.signer
    assert signer is not None
    assert rows[_serial(world, "k01-disagreeing")].atena_no != signer.juki_atena_no


def test_the_insured_person_is_found_by_the_typed_four(world: World) -> None:
    for name in ("c01-self", "c01-family"):
        subject = world.case(name).truth.subject
        assert subject is not None
        assert subject.identifiable == "basic4"
        assert subject.numbers["kaigo"] != subject.juki_atena_no
