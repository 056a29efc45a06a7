"""The relay's access log: each line read once, half lines left, and never longer than its bound."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from mock_services import relay_log
from mock_services.relay_log import RelayLog
from mock_services.relay_process import RelayProcess, RelaySettings
from tests.mock_services.support import TINY_RELAY


def test_lines_are_given_from_where_the_reader_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = RelayLog(path)
    assert (log.lines(), log.after(0), log.full) == (0, [], False)
    path.write_text('{"a": 1}\n{"a": 2}\n{"a', encoding="utf-8")
    assert (log.lines(), log.after(0), log.after(1)) == (2, [{"a": 1}, {"a": 2}], [{"a": 2}])
    with path.open("a", encoding="utf-8") as file:
        file.write('": 3}\nno object\n')
    assert log.lines() == 4
    assert log.after(2) == [{"a": 3}, {"unreadable": "no object"}]
    assert log.after(4) == log.after(99) == []


def test_a_long_log_is_given_in_portions(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(relay_log.MOST_LINES + 5)), encoding="utf-8")
    log = RelayLog(path)
    assert len(log.after(0)) == relay_log.MOST_LINES
    assert [one["n"] for one in log.after(relay_log.MOST_LINES)] == list(
        range(relay_log.MOST_LINES, relay_log.MOST_LINES + 5)
    )


async def _ask(port: int, times: int) -> None:
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"CONNECT elsewhere.test:443 HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(20):
            await reader.read(100)
        writer.close()


def test_a_client_that_asks_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    settings = RelaySettings(
        tmp_path, TINY_RELAY, "127.0.0.1", "127.0.0.1", (), (("dl.test", 443),), (), most_log_bytes=2000
    )

    async def flood() -> tuple[int, bool, int]:
        relay = RelayProcess(settings)
        await relay.start()
        try:
            await _ask(relay.port, 5)
            before, full = relay.log.lines(), relay.log.full
            await _ask(relay.port, 60)
            assert relay.log.full
            return before, full, relay.log.lines()
        finally:
            await relay.stop()

    before, full, lines = asyncio.run(flood())
    assert (before, full) == (5, False)
    assert settings.log_file.stat().st_size == 2000
    whole = settings.log_file.read_bytes().rpartition(b"\n")[0].splitlines()
    assert lines == len(whole) < 65
    assert {json.loads(one)["verdict"] for one in whole} == {"deny"}
