"""One PostgreSQL server for all tests here; a database of its own for every test that asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from testbed.postgres import EmbeddedServer, embedded_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


@pytest.fixture
def database_url(server: EmbeddedServer) -> str:
    return server.create_database(f"am{next(_numbers)}")
