"""The README says what is there: every fault and every method of the client."""

from __future__ import annotations

import pytest

from mock_services.control import WorldClient
from mock_services.fault_kinds import FAULTS
from tests.mock_services.support import ROOT
from tests.mock_services.test_layout import SYSTEMS

README = (ROOT / "mock_services" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_stands_in_the_table_with_its_sentences(name: str) -> None:
    line = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    kind = FAULTS[name]
    assert kind.ja in line
    assert kind.en in line
    assert all(f"`{param}`" in line for param in kind.params.model_fields)


def test_every_method_of_the_client_is_named() -> None:
    methods = [name for name in vars(WorldClient) if not name.startswith("_") and name != "close"]
    assert methods
    assert [name for name in methods if f"`{name}(" not in README] == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_is_named(system: str) -> None:
    assert f"`{system}/`" in README
