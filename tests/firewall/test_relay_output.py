"""What the relay under test writes is read and let grow up to a bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.firewall import relay_output


def test_lines_since_a_request_are_those_it_added(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    assert (relay_output.size(log), relay_output.lines_since(log, 0), relay_output.last_lines(log)) == (0, [], [])
    log.write_text("一\n二\n", encoding="utf-8")
    before = relay_output.size(log)
    with log.open("a", encoding="utf-8") as file:
        file.write("三\n" * 30)
    assert relay_output.lines_since(log, before) == ["三"] * relay_output.MOST_OF_ONE
    assert relay_output.last_lines(log) == ["一", "二", *["三"] * 30]
    log.write_text("新\n", encoding="utf-8")
    assert relay_output.lines_since(log, before) == ["新"]


def test_a_log_of_any_size_costs_a_bounded_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_output, "MOST_READ", 1000)
    log = tmp_path / "access.log"
    log.write_bytes(b"x" * 50_000 + b"\n" + b"last\n" * 3)
    *_, first, second, third = relay_output.last_lines(log)
    assert (first, second, third) == ("last",) * 3
    assert sum(map(len, relay_output.last_lines(log))) < 1000
    assert relay_output.lines_since(log, 10) == ["x" * 1000]
    assert len(relay_output.tail(log, 100)) == 100
    assert relay_output.last_words(log).endswith("x\nlast\nlast\nlast")


def test_no_folder_is_a_log(tmp_path: Path) -> None:
    assert (relay_output.size(tmp_path), relay_output.last_lines(tmp_path)) == (0, [])


def test_a_relay_that_writes_without_end_is_stopped_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_output, "LARGEST_FILE", 100_000)
    source = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
    with (tmp_path / "output.log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-I", "-c", source], stdout=log, stderr=subprocess.DEVNULL, timeout=60, check=False,
            preexec_fn=relay_output.prepared,
        )  # fmt: skip
    assert done.returncode != 0
    assert relay_output.size(tmp_path / "output.log") == 100_000
