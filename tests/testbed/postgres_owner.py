"""An owner of an embedded server, run as a program: postgres_owner.py ENDING [PARENT].

It prints one JSON line about its server, then ends by ENDING: `normal`, `exception`, `hold` (until killed) or
`fork` (hold, with a forked child that keeps every file descriptor open). `limited` first becomes root of a
namespace in which no further user namespace can be made, as on hosts that refuse them, then ends normally.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

import psycopg

from testbed.postgres import embedded_server

CLONE_NEWUSER = 0x10000000


def refuse_user_namespaces() -> None:
    """Enter a user namespace with every id mapped and forbid more of them; a host that refuses them is as wished."""
    parent = os.getpid()
    mapped_read, mapped_write = os.pipe()
    unshared_read, unshared_write = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        if os.read(unshared_read, 1) == b"1":
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{parent}/{name}").write_text("0 0 65536", encoding="ascii")
        os.write(mapped_write, b"1")
        os._exit(0)
    allowed = ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0
    os.write(unshared_write, b"1" if allowed else b"0")
    os.read(mapped_read, 1)
    os.waitpid(mapper, 0)
    if allowed:
        Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def main(ending: str, parent: str | None = None) -> None:
    """Run one server and end as told."""
    if ending == "limited":
        refuse_user_namespaces()
    started = time.monotonic()
    with embedded_server(Path(parent) if parent else None) as server:
        seconds = time.monotonic() - started
        url = server.create_database("made")
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT lower('ÄÖ') || chr(23665), current_setting('listen_addresses')").fetchone()
        report = {
            "folder": str(server.folder),
            "sockets": str(server.socket_folder),
            "pid": server.pid,
            "watcher": server.watcher,
            "mode": oct(server.folder.stat().st_mode & 0o7777),
            "server_uid": (Path("/proc") / str(server.pid)).stat().st_uid,
            "seconds": seconds,
            "row": row,
        }
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        if ending == "exception":
            raise LookupError("the owner failed")
        if ending == "fork" and os.fork() == 0:
            os.close(1)
            time.sleep(20)
            os._exit(0)
        if ending in ("hold", "fork"):
            time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
