"""``shinsei validate``: exit codes, JSON, the list's values, a vendor's profile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fixtures.world import World
from interface_spec.profile import load_profile
from testbed.cli.app import app

ODD = Path(__file__).parent / "odd.toml"


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["validate", *words])
    return result.exit_code, result.output


@pytest.fixture
def plain(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "plain.zip"
    path.write_bytes(world.case("k01-plain").zip_bytes)
    return path


def test_a_good_package_ends_with_0(plain: Path) -> None:
    code, output = run(str(plain))
    assert code == 0
    assert "適合" in output


def test_a_bad_package_ends_with_1_and_names_rule_clause_and_place(world: World, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(world.case("broken-crc").zip_bytes)
    code, output = run(str(path), "--lang", "en")
    assert code == 1
    assert "PKG-ZIP-CRC" in output
    assert "APPNOTE" in output
    code, output = run(str(path), "--json")
    finding = json.loads(output)["findings"][0]
    assert code == 1
    assert finding.keys() == {"rule", "level", "ja", "en", "clause", "provenance", "place", "expected", "actual"}


def test_values_of_the_list_are_compared(world: World, plain: Path) -> None:
    case = world.case("k01-plain")
    right = ("--receipt-no", case.receipt_no, "--dantai-code", case.dantai_code, "--procedure", "K01")
    assert run(str(plain), *right)[0] == 0
    for option, wrong, rule in (
        ("--dantai-code", "131016", "PKG-APP-DANTAI"),
        ("--procedure", "C01", "PKG-APP-PROCEDURE"),
        ("--receipt-no", "R1", "PKG-LAYOUT-MISSING"),
    ):
        code, output = run(str(plain), option, wrong, "--json")
        assert code == 1
        assert rule in output


def test_several_files_end_with_the_worst(world: World, plain: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"")
    code, output = run(str(plain), str(bad), "--json")
    assert code == 1
    assert [one["conforming"] for one in json.loads(output)] == [True, False]


@pytest.mark.parametrize("words", [("missing.zip",), (".",), ("x.zip", "--lang", "fr")])
def test_what_cannot_be_used_ends_with_2(words: tuple[str, ...]) -> None:
    code, output = run(*words)
    assert code == 2
    assert "Traceback" not in output


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate(load_profile().limit("package_bytes") + 1)
    code, output = run(str(path), "--json")
    assert code == 1
    assert json.loads(output)["findings"][0]["rule"] == "PKG-ZIP-SIZE"


def test_a_vendors_profile_takes_effect(world: World, plain: Path, tmp_path: Path) -> None:
    odd = World(seed=1, reference_date=world.reference_date, profile=load_profile("baseline", ODD))
    path = tmp_path / "odd.zip"
    path.write_bytes(odd.case("k01-serial-only").zip_bytes)
    assert run(str(path), "--overlay", str(ODD))[0] == 0
    assert run(str(path))[0] == 1
    assert run(str(plain), "--overlay", str(ODD))[0] == 1


def test_a_bad_overlay_ends_with_2(plain: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "bad.toml"
    overlay.write_text("[package]\nform_pfd = 'x'\n", encoding="utf-8")
    code, output = run(str(plain), "--overlay", str(overlay))
    assert code == 2
    assert "form_pfd" in output
