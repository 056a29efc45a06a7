"""Structured logs: one JSON object a line on stderr, without personal data (no bodies, no targets, no receipt data)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

_json = json.JSONEncoder(ensure_ascii=False).encode
_FIELDS = ("system", "operation", "status", "fault", "error", "what")


class JsonFormatter(logging.Formatter):
    """``at`` is the machine's time: these lines are about the process, not about the simulated world."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage().strip(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if getattr(record, name, "") not in ("", None)}
        if record.exc_info is not None and record.exc_info[2] is not None:
            trace = record.exc_info[2]
            while trace.tb_next is not None:
                trace = trace.tb_next
            # The exception's own text may quote data; the place and kind are enough to find the cause.
            line["raised"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return _json(line)


def log_to_stderr() -> None:
    """Send the logs of this process to stderr as JSON lines."""
    _log_to(logging.StreamHandler(sys.stderr))


def log_to_file(path: Path) -> None:
    """Send the logs of this process to a file as JSON lines, for a terminal that a person reads."""
    _log_to(logging.FileHandler(path, encoding="utf-8"))


def _log_to(handler: logging.Handler) -> None:
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line of ours says them
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("mock_services").setLevel(logging.INFO)
