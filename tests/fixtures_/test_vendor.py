"""What a vendor's own tests use: the Faker provider and the pytest fixtures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from faker import Faker

from conformance.suites.package.validate import Validator
from fixtures.errors import FixtureError
from fixtures.faker_provider import ShinseiProvider
from shinsei_testbed.bridge import load
from tests.foundation.wheels import ROOT, Environment, build_wheel

VENDOR_TEST = """
def test_package(shinsei_package):
    assert shinsei_package(3, "C01", "plain").procedure_id == "C01"


def test_people(shinsei_population, shinsei_residents, shinsei_world):
    import fixtures

    assert fixtures.OWNER == "the vendor"
    assert shinsei_residents(2)[1].index == 1
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


PEOPLE_OF_THE_VENDOR = """
from faker import Faker
from shinsei_testbed.faker import ShinseiProvider

fake = Faker("ja_JP")
fake.add_provider(ShinseiProvider(fake))
fake.seed_instance(7)
print(fake.resident().name, fake.application_package("K01", "plain").procedure_id, fake.hostile_package("slip-parent").sha256)
import fixtures
print(fixtures.OWNER)
"""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, Path]:
    """An environment with our wheel, and a vendor's folder that has a package ``fixtures`` of its own."""
    environment = Environment(tmp_path_factory.mktemp("vendor") / "venv")
    environment.install(build_wheel(ROOT, tmp_path_factory.mktemp("wheel")))
    folder = tmp_path_factory.mktemp("product")
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "__init__.py").write_text('OWNER = "the vendor"\n', encoding="utf-8")
    (folder / "interface_spec.py").write_text(
        "raise SystemExit('somebody loaded the vendor\\'s module')\n", encoding="utf-8"
    )
    (folder / "test_vendor_product.py").write_text(VENDOR_TEST, encoding="utf-8")
    return environment, folder


def run_there(environment: Environment, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(environment.python), *words], capture_output=True, text=True, encoding="utf-8", check=False, cwd=folder
    )


def test_the_provider_of_the_wheel_beside_a_vendors_own_fixtures(vendor: tuple[Environment, Path]) -> None:
    done = run_there(*vendor, "-X", "utf8", "-c", PEOPLE_OF_THE_VENDOR)
    assert done.returncode == 0, done.stdout + done.stderr
    made = fake(7)
    expected = f"{made.resident().name} K01 {made.hostile_package('slip-parent').sha256}"
    made = fake(7)
    assert done.stdout.splitlines() == [expected, "the vendor"]


def test_a_vendors_pytest_has_the_fixtures_of_the_wheel(vendor: tuple[Environment, Path]) -> None:
    words = ("-q", "-p", "no:cacheprovider", "-W", "error", "--shinsei-seed", "3", "-k", "package or people or slip")
    done = run_there(*vendor, "-m", "pytest", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d\d passed", done.stdout.splitlines()[-1])


def test_a_wrong_day_is_one_sentence(vendor: tuple[Environment, Path]) -> None:
    done = run_there(*vendor, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--shinsei-date", "soon", "-k", "people")
    assert done.returncode != 0
    assert "--shinsei-date soon" in done.stdout + done.stderr


def test_the_bridge_offers_the_people_and_nothing_else() -> None:
    assert load("fixtures.numbers").ATENA_DIGITS == 15
    assert load("fixtures.numbers").__name__ == "shinsei_testbed.lib.fixtures.numbers"
    for name in ("reference_impl", "fixtures.nothing"):
        with pytest.raises(ModuleNotFoundError):
            load(name)


def test_every_module_of_ours_can_cross_the_bridge() -> None:
    """No module imports another in a form that the bridge does not read."""
    for package in ("fixtures", "interface_spec"):
        for file in (ROOT / package).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            assert load(name).__name__ == f"shinsei_testbed.lib.{name}"
