"""The commands of the product: ``serve`` and ``worker`` until SIGTERM or SIGINT, the others once."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from interface_spec.control import JobState
from reference_impl.shinsei_kanri import app as composition
from reference_impl.shinsei_kanri import settings as configuration
from reference_impl.shinsei_kanri.app import Background, Product
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.interface_document import html
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.operations import backup
from reference_impl.shinsei_kanri.operations.http import checks
from reference_impl.shinsei_kanri.settings import PREFIX, Settings, SettingsError
from reference_impl.shinsei_kanri.siblings import POSSIBLE, Siblings
from reference_impl.shinsei_kanri.storage import database
from reference_impl.shinsei_kanri.storage.schema import SchemaError

STOP_SECONDS = 2.0
"""How long running jobs may go on after the product was told to stop."""
READY_LOOK_SECONDS, TELL_SECONDS = 0.02, 5.0
"""How often it is looked whether the product is ready, and after how long the journal says what is missing."""


class JournalHandler(logging.Handler):
    """Libraries' log records as journal lines: place of an error, never its values."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__) if error is not None else []
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        self._journal.write(
            "log",
            logger=record.name,
            level=record.levelname,
            message=record.getMessage() if error is None else "",
            error=type(error).__name__ if error is not None else "",
            where=where,
        )


def listen(settings: Settings) -> socket.socket:
    """A listening socket. Raises SettingsError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    try:
        return socket.create_server((settings.listen_host, settings.listen_port), family=family, backlog=256)
    except OSError as error:
        raise SettingsError(
            [f"{PREFIX}LISTEN: 待ち受けできません（使用中かもしれません） / cannot listen there ({error.strerror})"]
        ) from None


def write_ready(path: Path, url: str) -> None:
    """Tell the harness the URL; readers never see half a file."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps({"url": url}) + "\n", encoding="utf-8")
    beside.replace(path)


def open_product(settings: Settings) -> Product:
    """The product over its database. Raises SettingsError when the database cannot be used."""
    clock = Clock(settings.clock_start)
    journal = Journal(sys.stderr, clock)
    logging.basicConfig(handlers=[JournalHandler(journal)], level=logging.WARNING, force=True)
    engine = database.connect(settings.database_url)
    try:
        database.create_schema(engine)
    except SchemaError as error:
        raise SettingsError([f"{PREFIX}DATABASE_URL: {error}"]) from None
    except SQLAlchemyError as error:
        raise SettingsError(
            [f"{PREFIX}DATABASE_URL: データベースを使えません / cannot use the database ({type(error).__name__})"]
        ) from None
    return composition.assemble(settings, engine, clock, journal, lambda: secrets.token_hex(16))


def serve(settings: Settings) -> None:
    """HTTP, and beside it the workers; until told to stop. Raises SettingsError when address or database cannot be had."""
    with siblings(settings, settings.workers - 1):
        product = open_product(settings)
        background = Background(product, in_this_process(settings))
        listening = listen(settings)
        host, port = listening.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

        stopped = threading.Event()

        def serving() -> None:
            background.start()
            announce_once_ready(product, url, stopped, own_worker=settings.workers > 0)

        app = composition.http(product, serving)
        gc.freeze()
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
        )
        uvicorn.Server(config).run(sockets=[listening])
        stopped.set()
        done = background.stop(STOP_SECONDS)
    leave(done)


def work(settings: Settings) -> None:
    """Workers without HTTP; until told to stop. Raises SettingsError when the database cannot be had."""
    with siblings(settings, settings.workers - 1):
        done = one_worker(settings, lambda: False, lambda product, stopped: announce_once_ready(product, "", stopped))
    leave(done)


def siblings(settings: Settings, count: int) -> AbstractContextManager[object]:
    """Further workers, each a process, where the operating system can fork."""
    if count < 1 or not POSSIBLE:
        return nullcontext()
    return Siblings(count, lambda gone: leave(one_worker(settings, gone, lambda *_: None)))


def in_this_process(settings: Settings) -> int:
    """Jobs at once in the process that was started: the others have processes of their own."""
    return min(settings.workers, 1) if POSSIBLE else settings.workers


def one_worker(
    settings: Settings, gone: Callable[[], bool], started: Callable[[Product, threading.Event], None]
) -> bool:
    """Work until told to stop, or until ``gone``; True when every running job came to its end.

    ``started`` gets the product and the event that is set when it is told to stop.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    product = open_product(settings)
    background = Background(product, max(in_this_process(settings), 1))
    background.start()
    started(product, stopped)
    while not (stopped.wait(1.0) or gone()):
        pass
    return background.stop(STOP_SECONDS)


def announce_once_ready(product: Product, url: str, stopped: threading.Event, *, own_worker: bool = True) -> None:
    """Write the ready file as soon as ``/health/ready`` answers 200, unless ``stopped`` before; returns at once.

    Without a worker of its own (``WORKERS=0``) it does not wait for one: whoever starts that may wait for the file.
    """

    def wait() -> None:
        began, told = time.monotonic(), False
        while not stopped.is_set():
            found = checks(product.engine, product.intake)
            missing = [name for name, good in found.items() if not good and (own_worker or name != "worker")]
            if not missing:
                announce(product.settings, product.journal, url)
                return
            if not told and time.monotonic() - began > TELL_SECONDS:
                product.journal.write("not-ready", missing=" ".join(missing))
                told = True
            stopped.wait(READY_LOOK_SECONDS)

    threading.Thread(target=wait, daemon=True, name="ready").start()


def announce(settings: Settings, journal: Journal, url: str) -> None:
    try:
        if settings.ready_file is not None:
            write_ready(settings.ready_file, url)
        journal.write("ready", url=url)
    except OSError as error:
        journal.write("ready-file-broken", error=type(error).__name__)


def leave(done: bool) -> None:
    """Leave at once when jobs are still running: what is not done stays in the queue."""
    if not done:
        sys.stderr.flush()
        os._exit(0)


def once(settings: Settings, kind: str) -> int:
    """One run of ``kind``, done here and now; 0 when it succeeded, 1 when not. Raises SettingsError for an unknown kind."""
    product = open_product(settings)
    if kind not in product.jobs.kinds:
        known = ", ".join(product.jobs.kinds)
        raise SettingsError([f"{kind}: 設定にない仕事です（あるもの: {known}） / no such job is configured"])
    background = Background(product, max(settings.workers, 1))
    background.start()
    job = product.jobs.start(kind)
    while job.state is JobState.RUNNING:
        time.sleep(0.1)
        job = product.jobs.get(job.job_id) or job
    sys.stdout.write(job.model_dump_json() + "\n")
    sys.stdout.flush()
    background.stop(STOP_SECONDS)
    return 0 if job.state is JobState.DONE else 1


def keep(settings: Settings, command: str, path: Path) -> int:
    """Backup or restore; 0 or 1."""
    clock = Clock(settings.clock_start)
    engine = database.connect(settings.database_url)
    try:
        counts = backup.backup(engine, clock, path) if command == "backup" else backup.restore(engine, path)
    except (backup.BackupTrouble, SchemaError) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    finally:
        engine.dispose()
    sys.stdout.write(json.dumps(counts) + "\n")
    return 0


def write_interface(settings: Settings, core_system: str, path: Path) -> None:
    """The document of 図表22 as a file. Raises SettingsError for a core system that gets nothing from here."""
    try:
        content = composition.interface(settings, core_system, Clock(settings.clock_start))
    except LookupError:
        known = ", ".join(settings.core_systems)
        raise SettingsError(
            [f"{core_system}: 取り込む手続の基幹ではありません（あるもの: {known}） / unknown"]
        ) from None
    path.write_text(html(content), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """0 after an orderly stop or success, 1 when a job or backup failed, 2 when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="shinsei_kanri", description="申請管理システム / application management")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="起動（ワーカーを含む） / start, with a worker inside")
    commands.add_parser("worker", help="ワーカーだけを起動 / start another worker only")
    run = commands.add_parser("run", help="仕事を一度だけ行う / do one job once")
    run.add_argument("kind", help="sync | import | drops | erase")
    for name, what in (
        ("backup", "バックアップを書く / write a backup"),
        ("restore", "空のデータベースに戻す / restore"),
    ):
        commands.add_parser(name, help=what).add_argument("file", type=Path)
    interface = commands.add_parser("interface", help="基幹連携仕様書（図表22）を書く / write the interface document")
    interface.add_argument("core_system", help="基幹ID / core system")
    interface.add_argument("file", type=Path, help="HTML")
    options = parser.parse_args(arguments)
    try:
        settings = configuration.load(os.environ)
        match options.command:
            case "run":
                return once(settings, options.kind)
            case "backup" | "restore":
                return keep(settings, options.command, options.file)
            case "interface":
                write_interface(settings, options.core_system, options.file)
            case "worker":
                work(settings)
            case _:
                serve(settings)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"設定 / settings: {problem}\n")
        return 2
    return 0
