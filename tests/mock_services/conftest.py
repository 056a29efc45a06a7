"""One in-process world a test, one world process a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mock_services.control import WorldClient
from tests.mock_services.support import START, TINY_RELAY, InProcess, Process, in_process, process


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[InProcess]:
    world = in_process(tmp_path)
    yield world
    world.world.recorder.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(tmp_path_factory.mktemp("world"), relay_command=TINY_RELAY) as world:
        yield world


@pytest.fixture
def outside(running: Process) -> WorldClient:
    """The module's world process, emptied."""
    running.client.reset()
    running.client.set_clock(START)
    return running.client
