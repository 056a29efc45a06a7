"""Network namespaces: whether they can be had here, how a lab process is started in its own world, how to step into one.

The lab runs below ``unshare`` with its own network, mount and process namespaces (and a user namespace when not root):
nothing of it is visible outside, and when its first process dies the kernel takes everything else along.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
CHECK_SECONDS = 20
NETNS_FOLDER = Path("/run/netns")
TOOLS = ("unshare", "ip", "nft")
PACKAGES = {"unshare": "util-linux", "ip": "iproute2", "nft": "nftables"}
"""Debian's packages of the programs whose package has another name."""
ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


class LabUnavailable(Exception):
    """No lab can be had on this machine; ``str()`` says why, Japanese / English. The run is 未検証, never a pass."""


class ToolMissing(Exception):
    """A program that this run needs is not installed (exit 2); ``str()`` names it and how to install it."""


def tool(name: str) -> str | None:
    """Path of a program; administrators' folders are searched even when PATH lacks them."""
    return shutil.which(name) or shutil.which(name, path=ADMIN_PATH)


def missing_tools(extra: Sequence[str] = ()) -> list[str]:
    return [name for name in (*TOOLS, *extra) if tool(name) is None]


def unshare_command(*, privileged: bool | None = None) -> list[str]:
    """The words that start a program in a world of its own. ``privileged`` None: as the present user allows."""
    root = os.geteuid() == 0 if privileged is None else privileged
    flags = "-nm" if root else "-Urnm"
    return [
        tool("unshare") or "unshare",
        flags,
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]


def check_available(extra_tools: Sequence[str] = ()) -> None:
    """Raises ToolMissing, or LabUnavailable when the kernel gives no namespaces."""
    if sys.platform != "linux":
        raise LabUnavailable("ネットワーク名前空間は Linux にしかありません / network namespaces exist on Linux only")
    missing = missing_tools(extra_tools)
    if missing:
        names, packages = " ".join(missing), " ".join(PACKAGES.get(name, name) for name in missing)
        raise ToolMissing(
            f"コマンド {names} がありません。apt-get install {packages} を実行してください"
            f" / missing program {names}: run apt-get install {packages}"
        )
    try:
        done = subprocess.run(
            [*unshare_command(), tool("ip") or "ip", "link", "set", "lo", "up"],
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabUnavailable(f"名前空間を作れません: {error} / namespaces cannot be made: {error}") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise LabUnavailable(
            f"名前空間を作れません（root でなく、利用者名前空間も許されていません）: {reason} / neither root nor user namespaces: {reason}"
        )


_libc = ctypes.CDLL(None, use_errno=True)
_stepping = threading.local()


class Namespaces:
    """Open handles on named namespaces. A socket made inside one stays in it, whoever uses it later."""

    def __init__(self, names: Sequence[str], prefix: str) -> None:
        self._prefix = prefix
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._handles = {name: os.open(NETNS_FOLDER / (prefix + name), os.O_RDONLY | os.O_CLOEXEC) for name in names}

    def name(self, host: str) -> str:
        return self._prefix + host

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """The calling thread (only it) is in the namespace of ``host``; not to be nested."""
        if getattr(_stepping, "busy", False):
            raise RuntimeError("already inside a namespace")
        _stepping.busy = True
        try:
            self._enter(self._handles[host])
            try:
                yield
            finally:
                self._enter(self._home)
        finally:
            _stepping.busy = False

    def command(self, host: str, *words: str) -> list[str]:
        """``words`` run as a process inside the namespace of ``host``."""
        return [tool("ip") or "ip", "netns", "exec", self.name(host), *words]

    def _enter(self, handle: int) -> None:
        if _libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")

    def close(self) -> None:
        for handle in (*self._handles.values(), self._home):
            os.close(handle)
