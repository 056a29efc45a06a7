"""What a vendor's own tests use: the Faker provider and the pytest fixtures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from faker import Faker

from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError
from fixtures.faker_provider import ShinseiProvider

ROOT = Path(__file__).parents[2]
VENDOR_TEST = """
pytest_plugins = ["fixtures.pytest_plugin"]


def test_package(shinsei_package):
    assert shinsei_package(3, "C01", "plain").procedure_id == "C01"


def test_people(shinsei_population, shinsei_world):
    assert shinsei_population.resident(0).name
    assert shinsei_world.case("k01-plain").truth.fate == "stored"


def test_hostile(shinsei_hostile):
    assert shinsei_hostile.recipe.outcome in ("refuse", "accept")
"""


def fake(seed: int, **options: str) -> Faker:
    made = Faker("ja_JP")
    made.add_provider(ShinseiProvider(made, **options))  # type: ignore[arg-type]
    made.seed_instance(seed)
    return made


def test_faker_draws_the_same_for_the_same_seed() -> None:
    one, same, other = fake(7), fake(7), fake(8)
    people = [one.resident() for _ in range(5)]
    assert people == [same.resident() for _ in range(5)]
    assert people != [other.resident() for _ in range(5)]
    assert len({member.household for member in one.household()}) == 1


def test_faker_makes_packages() -> None:
    made = fake(7, municipality="131121")
    package = made.application_package(procedure="K12", variant="plain")
    assert package.procedure_id == "K12"
    assert Validator().validate(package.zip_bytes).conforming
    assert made.resident().address.startswith("東京都世田谷区")
    assert made.hostile_package("slip-parent").recipe.outcome == "refuse"
    assert made.hostile_package().zip_bytes is not None
    with pytest.raises(FixtureError, match="X9"):
        made.application_package(procedure="X9")


def test_a_vendors_pytest_uses_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["fixtures.pytest_plugin"]\n', encoding="utf-8")
    (tmp_path / "test_vendor_product.py").write_text(VENDOR_TEST, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, str(tmp_path), "--shinsei-seed", "3", "-k", "package or people or slip"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
