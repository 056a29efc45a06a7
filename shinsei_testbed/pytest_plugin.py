"""pytest fixtures for a vendor's own tests; an installed shinsei-testbed offers them without a line in ``conftest.py``.

Everything is deterministic: ``--shinsei-seed``, ``--shinsei-date`` and ``--shinsei-municipality`` choose another world.
Nothing of ours is loaded before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest

from shinsei_testbed.bridge import load

if TYPE_CHECKING:
    from fixtures.factory import Generated
    from fixtures.hostile import HostilePackage
    from fixtures.population import Population, Resident
    from fixtures.world import World

FICTIONAL = "991236"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("shinsei", "申請連携テストベッド / shinsei-testbed")
    group.addoption("--shinsei-seed", type=int, default=1, help="乱数種 / seed")
    group.addoption("--shinsei-date", default="2026-04-01", help="基準日 / reference date")
    group.addoption("--shinsei-municipality", default=FICTIONAL, help="団体コード / municipality")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``shinsei_hostile`` runs once per package of the hostile corpus."""
    if "shinsei_hostile" in metafunc.fixturenames:
        metafunc.parametrize("shinsei_hostile", list(load("fixtures.hostile").load_corpus()), indirect=True)


def _day(config: pytest.Config) -> date:
    text = config.getoption("--shinsei-date")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise pytest.UsageError(
            f"--shinsei-date {text}: 2026-04-01 の形で書きます / write a day like 2026-04-01"
        ) from None


@pytest.fixture(scope="session")
def shinsei_population(pytestconfig: pytest.Config) -> Population:
    """The residents of the chosen municipality."""
    version: str = load("fixtures.world").WORLD_VERSION
    nation = load("fixtures.people.nation").Nation(
        version, pytestconfig.getoption("--shinsei-seed"), _day(pytestconfig)
    )
    found: Population = nation.population(pytestconfig.getoption("--shinsei-municipality"))
    return found


@pytest.fixture(scope="session")
def shinsei_residents(shinsei_population: Population) -> Callable[[int], tuple[Resident, ...]]:
    """``shinsei_residents(20)``: the first twenty residents."""
    return lambda count: shinsei_population.people(0, count)


@pytest.fixture(scope="session")
def shinsei_world(pytestconfig: pytest.Config) -> World:
    """The world with the named cases and their truth."""
    world: World = load("fixtures.world").World(
        seed=pytestconfig.getoption("--shinsei-seed"),
        reference_date=_day(pytestconfig),
        dantai_code=pytestconfig.getoption("--shinsei-municipality"),
    )
    return world


@pytest.fixture(scope="session")
def shinsei_package(shinsei_population: Population) -> Callable[..., Generated]:
    """``shinsei_package(number, procedure_id="K01", variant="plain")`` makes an application ZIP."""
    package: Callable[..., Generated] = load("fixtures.factory").PackageFactory(shinsei_population).package
    return package


@pytest.fixture
def shinsei_hostile(request: pytest.FixtureRequest, shinsei_world: World) -> HostilePackage:
    """One package of the hostile corpus after the other: ``recipe.outcome`` and ``recipe.reason`` say what is right."""
    made: HostilePackage = load("fixtures.hostile").build(shinsei_world, request.param)
    return made
