"""Disturbances of interfaces by files, and the one place that writes such files.

A file is written under a temporary name, closed and renamed; a fault changes what arrives, never how our own state goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from mock_services.fault_kinds import PartialFileParams
from mock_services.faults import FaultBox


def drop_file(path: Path, data: bytes, temporary_suffix: str) -> None:
    """Write and rename; nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + temporary_suffix)
    unfinished.write_bytes(data)
    unfinished.replace(path)


def deliver(box: FaultBox, operation: str, path: Path, data: bytes, temporary_suffix: str) -> list[str]:
    """Let a file arrive as the armed faults want it. Returns the names of those that struck."""
    struck: list[str] = []
    if (armed := box.take("file-partial", operation, struck)) is not None:
        data = data[: max(1, len(data) * cast(PartialFileParams, armed.params).percent // 100)]
    if box.take("file-wrong-encoding", operation, struck) is not None:
        data = data.decode("utf-8", "surrogateescape").encode("utf-16", "surrogatepass")
    if box.take("file-vanished", operation, struck) is not None:
        path.unlink(missing_ok=True)
        return struck
    drop_file(path, data, temporary_suffix)
    return struck
