"""Structured logs: one JSON object a line on stderr, without personal data (no bodies, no targets, no receipt data)."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

_json = json.JSONEncoder(ensure_ascii=False).encode
LOGGER = "mock_services"
_FIELDS = ("system", "operation", "status", "fault", "error", "what")


class JsonFormatter(logging.Formatter):
    """``at`` is the machine's time: these lines are about the process, not about the simulated world."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.__dict__
        fields = tuple((name, said[name]) for name in _FIELDS if said.get(name, "") not in ("", None))
        rest = _rest(record.levelname.lower(), record.name, record.getMessage().strip(), fields)
        line = _dated(datetime.fromtimestamp(record.created, UTC), rest)
        if record.exc_info is not None and record.exc_info[2] is not None:
            trace = record.exc_info[2]
            while trace.tb_next is not None:
                trace = trace.tb_next
            # The exception's own text may quote data; the place and kind are enough to find the cause.
            raised = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            line = f'{line[:-1]}, "raised": {_json(raised)}}}'
        return line


def _dated(at: datetime, rest: str) -> str:
    return f'{{"at": "{at.isoformat()}", {rest}'


@lru_cache(maxsize=1024)
def _rest(level: str, logger: str, event: str, fields: tuple[tuple[str, object], ...]) -> str:
    """A line after its time; nothing in it is anybody's, so the same few come again and again."""
    return _json({"level": level, "logger": logger, "event": event} | dict(fields))[1:]


def log_to_stderr(most: int | None = None) -> None:
    """Send the logs of this process to stderr as JSON lines; of more than ``most`` characters the first, and that it is cut."""
    _log_to(logging.StreamHandler(sys.stderr if most is None else _Bounded(sys.stderr, most)))


def log_to_file(path: Path) -> None:
    """Send the logs of this process to a file as JSON lines, for a terminal that a person reads."""
    _log_to(logging.FileHandler(path, encoding="utf-8"))


class _Bounded:
    """The first ``most`` characters that are written to ``stream``, whole lines."""

    def __init__(self, stream: TextIO, most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def write(self, text: str) -> None:
        if self._left < 0:
            return
        self._left -= len(text)
        self._stream.write(text if self._left >= 0 else f'{{"event": "log-cut", "characters": {self._most}}}\n')

    def flush(self) -> None:
        self._stream.flush()


def log_exchange(system: str, operation: str, status: int, faults: tuple[str, ...]) -> None:
    """One line an exchange. There are thousands a second: they go straight to where the log goes, all else as usual.

    Where the log cannot be written (nobody reads the pipe any more) the exchange goes on without.
    """
    if not _lines:
        return
    line = _dated(datetime.now(UTC), _exchanged(system, operation, status, faults))
    handler = _lines[-1]
    with handler.lock or nullcontext(), suppress(OSError, ValueError):
        handler.stream.write(line + "\n")
        handler.flush()


@lru_cache(maxsize=1024)
def _exchanged(system: str, operation: str, status: int, faults: tuple[str, ...]) -> str:
    found = (("system", system), ("operation", operation), ("status", status), ("fault", ",".join(faults)))
    return _rest("info", LOGGER, "exchange", tuple(one for one in found if one[1] != ""))


_lines: list[logging.StreamHandler[Any]] = []
"""Where the log goes, once it was said."""


def _log_to(handler: logging.StreamHandler[Any]) -> None:
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line of ours says them
    logging._srcfile = None  # nor who called (Python's logging HOWTO, Optimization)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    _lines[:] = [handler]
