"""One world for all tests of this folder; nobody changes it."""

from __future__ import annotations

from datetime import date

import pytest

from fixtures.world import World

REFERENCE_DATE = date(2026, 11, 24)


@pytest.fixture(scope="session")
def world() -> World:
    return World(seed=1, reference_date=REFERENCE_DATE)
