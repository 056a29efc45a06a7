"""Starts the lab process in a world of its own, follows it, and always ends it; `clean` removes what a kill left behind."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from conformance.firewall.job import Job
from conformance.firewall.netns import check_available, unshare_command
from conformance.firewall.record import LabRecord

LAB_MODULE = "conformance.firewall.lab_process"
FOLDER_PREFIX = "shinsei-lab-"
PID_FILE = "owner.pid"
PR_SET_PDEATHSIG = 1
Progress = Callable[[str, str, float], None]
ModuleCommand = Callable[..., list[str]]


class LabFailed(Exception):
    """The lab process ended early: a fault of the harness. ``str()`` is one sentence, ``detail`` its last words."""

    def __init__(self, message: str, detail: str) -> None:
        self.detail = detail
        super().__init__(message)


@dataclass(frozen=True)
class Started:
    """Where a lab works. ``folder`` is private and removed afterwards."""

    folder: Path
    prefix: str


@contextmanager
def lab_folder() -> Iterator[Started]:
    """A private folder for one lab, removed whatever happens."""
    token = secrets.token_hex(3)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{token}-"))
    (folder / PID_FILE).write_text(str(os.getpid()), encoding="ascii")
    try:
        yield Started(folder, f"s{token}-")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_lab(
    job: Job,
    module_command: ModuleCommand,
    *,
    limit_seconds: float,
    progress: Progress = lambda _step, _variant, _seconds: None,
    extra_tools: Sequence[str] = (),
    command_prefix: Sequence[str] | None = None,
) -> dict[str, LabRecord]:
    """The record of each variant by name. ToolMissing; LabUnavailable when there can be no lab; LabFailed when it broke."""
    check_available(extra_tools)
    work = Path(job.work)
    (work / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ
    }
    if os.geteuid() != 0:
        environment["SHINSEI_LAB_USER"] = "1"
    words = list(unshare_command() if command_prefix is None else command_prefix)
    errors = (work / "lab.err").open("wb")
    with errors:
        process = subprocess.Popen(
            [*words, *module_command(LAB_MODULE, str(work / "job.json"))],
            env={**environment, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    (work / "lab.pid").write_text(str(process.pid), encoding="ascii")
    watchdog = threading.Timer(limit_seconds, _end, [process])
    watchdog.start()
    try:
        records = _follow(process, work, progress)
        code = process.wait(30)
    finally:
        watchdog.cancel()
        _end(process)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
    missing = [one.name for one in job.variants if one.name not in records]
    if code != 0 or missing:
        detail = (work / "lab.err").read_text(encoding="utf-8", errors="replace")[-4000:]
        last = (detail.strip().splitlines() or ["?"])[-1]
        raise LabFailed(f"実験網のプロセスが途中で終わりました（{code}）: {last} / the lab ended early: {last}", detail)
    return records


def _die_with_parent() -> None:
    """A killed run takes its lab along: ``unshare`` dies with us, and with it everything in its process namespace."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _follow(process: subprocess.Popen[str], work: Path, progress: Progress) -> dict[str, LabRecord]:
    records: dict[str, LabRecord] = {}
    assert process.stdout is not None  # noqa: S101 — opened as a pipe
    for line in process.stdout:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            continue
        if "record" in message:
            text = (work / message["record"]).read_text(encoding="utf-8")
            records[message["variant"]] = LabRecord.model_validate_json(text)
        progress(str(message.get("step", "record")), str(message.get("variant", "")), float(message.get("seconds", 0)))
    return records


def _end(process: subprocess.Popen[str]) -> None:
    """Ends ``unshare``; its first child is the init of the lab's process namespace and takes everything along."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def clean() -> list[str]:
    """Ends labs whose owner is gone and removes their folders; the names of the folders removed. Other users' labs stay."""
    removed = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")):
        owner = _number(folder / PID_FILE)
        if owner and owner != os.getpid() and Path(f"/proc/{owner}").exists():
            continue
        lab = _number(folder / "lab.pid")
        if lab and _is_lab(lab, folder):
            with suppress(PermissionError):
                os.kill(lab, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():  # another user's stays
            removed.append(folder.name)
    return removed


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _is_lab(pid: int, folder: Path) -> bool:
    """Whether this process is our lab of this folder: a number may have been given to another process since."""
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
