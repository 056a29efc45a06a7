"""A handful of the kills that ``make crash`` does by the hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.crash import prove
from testbed.postgres import embedded_server


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    told: list[str] = []
    with embedded_server() as server:
        assert prove(5, 4, server, tmp_path, told.append) == []
    assert len(told) == 5
