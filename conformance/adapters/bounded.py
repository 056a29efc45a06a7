"""Runs a vendor's command with bounds: on time, and on what it may print. Nothing of it is left afterwards."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance.engine.processes import die_with_parent

PIECE = 65536


@dataclass(frozen=True)
class Ended:
    """A command that ended. ``code`` None: it was ended by us, for the reason in ``why`` (time | size)."""

    code: int | None
    out: bytes
    err: bytes
    why: str = ""


def run_bounded(
    words: Sequence[str], given: bytes, *, cwd: Path, env: Mapping[str, str], seconds: float, most: int
) -> Ended:
    """``words`` with ``given`` on standard input, at most ``seconds`` long and ``most`` bytes loud. OSError when it cannot start.

    Its whole process group is ended when it breaks a bound, and whatever it left behind when it ends by itself.
    """
    process = subprocess.Popen(
        list(words),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(env),
        start_new_session=True,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    try:
        return _converse(process, given, time.monotonic() + seconds, most)
    finally:
        end_group(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _converse(process: subprocess.Popen[bytes], given: bytes, deadline: float, most: int) -> Ended:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("pipes were asked for")
    heard = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, err = (heard[one.fileno()] for one in (process.stdout, process.stderr))
    rest = memoryview(given)
    with selectors.DefaultSelector() as watch:
        for number in heard:
            watch.register(number, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        watch.register(process.stdin.fileno(), selectors.EVENT_WRITE)
        while watch.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return Ended(None, bytes(out), bytes(err), "time")
            for key, _ in watch.select(left):
                if key.fd in heard:
                    piece = os.read(key.fd, PIECE)
                    heard[key.fd] += piece
                    if not piece:
                        watch.unregister(key.fd)
                else:
                    rest = _write(key.fd, rest)
                    if not rest:
                        watch.unregister(key.fd)
                        _close(process.stdin)
            if len(out) > most or len(err) > most:
                return Ended(None, bytes(out[:most]), bytes(err[:most]), "size")
    try:
        return Ended(process.wait(max(deadline - time.monotonic(), 0)), bytes(out), bytes(err))
    except subprocess.TimeoutExpired:
        return Ended(None, bytes(out), bytes(err), "time")


def _write(fd: int, rest: memoryview) -> memoryview:
    try:
        return rest[os.write(fd, rest) :] if rest else rest
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and whatever it started, and collects it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
