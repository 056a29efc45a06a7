"""The process that owns an embedded PostgreSQL server; stdlib only, started by `testbed.postgres` as `python -I -S`.

usage: postgres_watch.py OWNER_PID INSTALL_DIR LIBS_DIR PARENT_DIR…

It makes the server's folder below the first PARENT_DIR that the server's user can enter, runs initdb and postgres
there, prints one JSON line ({"data": …, "sockets": …, "pid": …} or {"error": …, "detail": …}) and then waits.
The server stops and the folders go as soon as the owner closes our standard input or is gone, however it ended:
the end of the pipe and, on Linux, a pidfd (children forked by the owner may hold the pipe) both tell. Should this
process itself be killed, PR_SET_PDEATHSIG stops the server. It has one thread only, which user namespaces,
preexec functions and PR_SET_PDEATHSIG (bound to the thread that forked) all ask for.

PostgreSQL refuses to run as root. Root therefore enters a user namespace as a non-zero user: same files, no rights
outside. Where namespaces are refused, the server runs as `nobody` on a copy of the binaries in its own folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PORT = 5432
START_SECONDS = 60.0
STOP_SECONDS = 8.0
# sun_path holds 107 bytes and a NUL on Linux, 103 and a NUL on macOS
SOCKET_PATH_BYTES = 103
NAMESPACE_ID = 1000
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1

# Nothing here survives the run, so nothing is synced to disk; shared memory stays inside the server's folder.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
INITDB = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
]


_LIBC = ctypes.CDLL(None, use_errno=True)


class WatchError(Exception):
    """Why there is no server: `code` is one of namespace, folder, initdb, start; `detail` is for the reader."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Identity:
    """Who the server runs as: `enter` is called in the child between fork and exec."""

    name: str
    enter: Callable[[], None]
    uid: int | None = None
    gid: int | None = None

    def can_use(self, path: Path, mode: int) -> bool:
        """Tell whether this user can be had and has access `mode` to `path`, tried in a forked child."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.enter()
                code = 0 if os.access(path, mode) else 1
            except OSError:
                code = 2
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def die_with_parent() -> None:
    """Linux: have the kernel send SIGQUIT (immediate shutdown) when the watcher dies."""
    if sys.platform == "linux" and _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def enter_namespace() -> None:
    """Become NAMESPACE_ID in a new user namespace that maps only our own user and group."""
    uid, gid = os.geteuid(), os.getegid()
    if _LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/uid_map").write_text(f"{NAMESPACE_ID} {uid} 1", encoding="ascii")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{NAMESPACE_ID} {gid} 1", encoding="ascii")
    die_with_parent()


def become(uid: int, gid: int) -> Callable[[], None]:
    """Return the step that drops root for good; PR_SET_PDEATHSIG comes last since a change of user clears it."""

    def enter() -> None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        die_with_parent()

    return enter


def identities() -> Iterator[Identity]:
    """Yield the users that the server may run as, best first."""
    if os.geteuid() != 0:
        yield Identity("owner", die_with_parent)
        return
    if sys.platform == "linux":
        yield Identity("namespace", enter_namespace)
    try:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    except KeyError:
        uid = gid = 65534
    yield Identity("nobody", become(uid, gid), uid, gid)


@dataclass
class Place:
    """The folders of one server: all is below `home`, but for the sockets when its path is too long for one."""

    home: Path
    sockets: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def remove(self) -> None:
        """Delete the folders; what is gone already is no error, and a last writer is given two seconds."""
        for folder in {self.home, self.sockets}:
            deadline = time.monotonic() + 2.0
            while folder.exists():
                try:
                    shutil.rmtree(folder)
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)


def make_folder(parents: list[Path], who: Identity, longest: int | None = None) -> Path:
    """Make a folder (mode 0700) that `who` owns and can enter, below the first suitable parent.

    Raises WatchError("folder") when no parent will do.
    """
    tried: list[str] = []
    for parent in parents:
        if longest is not None and len(os.fsencode(parent / "shinsei-pg-xxxxxxxx")) > longest:
            tried.append(f"{parent}: path too long for a socket")
            continue
        try:
            folder = Path(tempfile.mkdtemp(prefix="shinsei-pg-", dir=parent.resolve()))
        except OSError as error:
            tried.append(f"{parent}: {error.strerror}")
            continue
        if who.uid is not None and who.gid is not None:
            os.chown(folder, who.uid, who.gid)
        if who.can_use(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
        folder.rmdir()
        tried.append(f"{parent}: not open to the server's user ({who.name})")
    raise WatchError("folder", "; ".join(tried))


def make_place(parents: list[Path], who: Identity) -> Place:
    """Make the server's folders; the socket folder is the server's own unless its path is too long."""
    home = make_folder(parents, who)
    longest = SOCKET_PATH_BYTES - len(f"/.s.PGSQL.{PORT}")
    if len(os.fsencode(home)) <= longest:
        return Place(home, home)
    try:
        return Place(home, make_folder([Path(tempfile.gettempdir()), Path("/tmp")], who, longest))  # noqa: S108
    except WatchError:
        home.rmdir()
        raise


def reachable_install(install: Path, libs: Path, who: Identity, place: Place) -> Path:
    """Return the PostgreSQL folder to run: the installed one, or a copy when `who` cannot read that."""
    if all(who.can_use(install / part, os.R_OK | os.X_OK) for part in ("bin/postgres", "lib", "share")):
        return install
    package = place.home / "binaries" / install.parent.name
    package.mkdir(parents=True)
    copy = package / install.name
    for part in ("bin", "lib", "share"):
        skipped = shutil.ignore_patterns("*.a", "*.pc", "doc", "man") if part != "bin" else _only_server_binaries
        shutil.copytree(install / part, copy / part, symlinks=True, ignore=skipped)
    if libs.is_dir():
        shutil.copytree(libs, place.home / "binaries" / libs.name, symlinks=True)
    for folder, _, files in os.walk(place.home / "binaries"):
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 — below our own 0700 folder
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755)
    return copy


def _only_server_binaries(_folder: str, names: list[str]) -> set[str]:
    return set(names) - {"postgres", "initdb"}


class Owner:
    """The process that started us: gone when our standard input ends, its pidfd fires or it is our parent no more."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptors = [sys.stdin.fileno()]
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # gone already, or a kernel before 5.3: the other signs tell
                self._descriptors.append(os.pidfd_open(pid))

    def is_gone(self, seconds: float) -> bool:
        """Wait for up to `seconds` and tell whether the owner is gone."""
        return bool(select.select(self._descriptors, [], [], seconds)[0]) or os.getppid() != self.pid


class Watch:
    """One server and the loop that ends it."""

    def __init__(self, owner: Owner, place: Place, who: Identity, install: Path) -> None:
        self.owner = owner
        self.place = place
        self.who = who
        self.install = install
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Run initdb, start postgres and wait until it takes connections; return its process id."""
        try:
            return self._start()
        except (OSError, subprocess.SubprocessError) as error:
            raise WatchError("start", str(error)) from error

    def _start(self) -> int:
        self._initdb()
        arguments = [str(self.install / "bin" / "postgres"), "-D", str(self.place.data)]
        for name, value in {**SETTINGS, "unix_socket_directories": _quoted(self.place.sockets)}.items():
            arguments += ["-c", f"{name}={value}"]
        with self.place.log.open("ab") as log:
            self.server = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                preexec_fn=self.who.enter,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self.server.poll() is not None:
                raise WatchError("start", self._log_tail())
            if time.monotonic() > deadline:
                raise WatchError("start", f"not ready within {START_SECONDS:.0f} s; {self._log_tail()}")
            if self.owner.is_gone(0.01):
                raise WatchError("start", "the owner ended")
        return self.server.pid

    def wait(self) -> None:
        """Return when the owner is gone or the server has ended by itself."""
        while self.server is not None and self.server.poll() is None:
            if self.owner.is_gone(0.5):
                return

    def stop(self) -> None:
        """Stop the server at once: its data has no reader any more."""
        if self.server is None or self.server.poll() is not None:
            return
        self.server.send_signal(signal.SIGQUIT)
        try:
            self.server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def _initdb(self) -> None:
        done = subprocess.run(
            [str(self.install / "bin" / "initdb"), "-D", str(self.place.data), *INITDB],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd="/",
            preexec_fn=self.who.enter,
            check=False,
        )
        if done.returncode != 0:
            raise WatchError("initdb", _tail(done.stdout))

    def _is_ready(self) -> bool:
        """Read the state that postgres keeps in the eighth line of postmaster.pid."""
        try:
            lines = (self.place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _log_tail(self) -> str:
        return _tail(self.place.log.read_bytes())


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _quoted(folder: Path) -> str:
    return '"' + str(folder).replace('"', '""') + '"'


def _tail(output: bytes) -> str:
    return " | ".join(output.decode("utf-8", "replace").strip().splitlines()[-5:])


def run(owner: Owner, install: Path, libs: Path, parents: list[Path]) -> None:
    """Start a server, report it, wait and clean up; raises WatchError when there is none."""
    refused: list[str] = []
    for who in identities():
        if not who.can_use(Path("/"), os.X_OK):
            refused.append(who.name)
            continue
        place = make_place(parents, who)
        try:
            watch = Watch(owner, place, who, reachable_install(install, libs, who, place))
            try:
                pid = watch.start()
                report({"data": str(place.home), "sockets": str(place.sockets), "pid": pid, "user": who.name})
                watch.wait()
            finally:
                watch.stop()
        finally:
            place.remove()
        return
    raise WatchError("namespace", ", ".join(refused))


def report(message: dict[str, object]) -> None:
    """Tell the owner; one that has gone already is found out by the loop."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def main(arguments: list[str]) -> NoReturn:
    """Entry point; see the module's docstring."""
    owner = Owner(int(arguments[0]))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o077)
    try:
        run(owner, Path(arguments[1]), Path(arguments[2]), [Path(p) for p in arguments[3:]])
    except WatchError as error:
        report({"error": error.code, "detail": error.detail})
        raise SystemExit(1) from None
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
