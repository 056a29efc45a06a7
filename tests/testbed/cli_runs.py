"""Runs of the real command line, as a user starts it, and a look at what is left afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shinsei_testbed import module_command

FAKE = Path(__file__).with_name("fake_product.py")
SECRET = "fake-control-token-77"

TARGET = """\
role = "am"
[product]
name = "偽製品"
version = "0"
vendor = "試験"
[declare]
patterns = ["i", "iii"]
methods = {{ K01 = "iv", C01 = "iv" }}
[endpoints]
control = "{control}"
handover = "{control}"
[credentials]
control_token = "env:FAKE_TOKEN"
[adapter]
call_timeout_seconds = 5
job_timeout_seconds = 60
{more}
"""
START = """\
[start]
command = [{command}]
ready_file = "{{run_dir}}/product-ready.json"
ready_timeout_seconds = {seconds}
"""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A plain user's environment."""
    return {
        "PATH": os.defpath,
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "FAKE_TOKEN": SECRET,
        **(extra or {}),
    }


def shinsei(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``shinsei words…`` in ``cwd`` until it ends."""
    return subprocess.run(
        module_command("testbed.cli.run", *words),
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


def begin(*words: str, cwd: Path) -> subprocess.Popen[bytes]:
    """The same, left running; its output goes to ``cwd/cli.log``."""
    with (cwd / "cli.log").open("wb") as log:
        return subprocess.Popen(
            module_command("testbed.cli.run", *words),
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def fake_target(folder: Path, mode: str, *, seconds: float = 10, more: str = "") -> Path:
    """A target whose product is `fake_product` in ``mode``."""
    words = [sys.executable, "-I", str(FAKE), mode, "{run_dir}/product-ready.json"]
    start = START.format(command=", ".join(json.dumps(word) for word in words), seconds=seconds)
    path = folder / "target.toml"
    path.write_text(TARGET.format(control="{ready.url}", more=more + start), encoding="utf-8")
    return path


def run_folder(out: Path) -> Path:
    """The only run below ``out``."""
    (only,) = [path for path in out.iterdir() if path.is_dir()]
    return only


def results_in(out: Path) -> dict[str, Any]:
    """results.json of the only run below ``out``."""
    data: dict[str, Any] = json.loads((run_folder(out) / "results.json").read_text(encoding="utf-8"))
    return data


def until(true: Callable[[], object], seconds: float = 60) -> bool:
    """Whether ``true`` comes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def descendants(pid: int) -> dict[int, str]:
    """Every process below ``pid`` with its start time and name (a number that is used again is another process)."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = rest.split()
        parents[int(path.name)] = (int(fields[1]), f"{fields[19]} {name.partition('(')[2]}")
    found, wave = {}, {pid}
    while wave:
        wave = {one for one, (parent, _) in parents.items() if parent in wave}
        found.update({one: parents[one][1] for one in wave})
    return found


def still_there(processes: Mapping[int, str]) -> list[str]:
    """Those of ``processes`` that run on (a zombie waits for its parent only and is gone)."""
    left = []
    for pid, identity in processes.items():
        try:
            name, _, rest = (
                (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = rest.split()
        if fields[0] != "Z" and f"{fields[19]} {name.partition('(')[2]}" == identity:
            left.append(identity)
    return left
