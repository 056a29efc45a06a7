"""``python -m shinsei_testbed run reference_impl.shinsei_kanri serve``: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import socket
import sys
import traceback
from pathlib import Path

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from reference_impl.shinsei_kanri import app as composition
from reference_impl.shinsei_kanri import settings as configuration
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.settings import PREFIX, Settings, SettingsError
from reference_impl.shinsei_kanri.storage import database
from reference_impl.shinsei_kanri.storage.schema import SchemaError


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


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises SettingsError when address or database cannot be had."""
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
    listening = listen(settings)
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def ready() -> None:
        if settings.ready_file is not None:
            write_ready(settings.ready_file, url)
        journal.write("ready", url=url)

    app = composition.build(settings, engine, clock, journal, ready)
    gc.freeze()
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


def main(arguments: list[str]) -> int:
    """0 after an orderly stop, 2 when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="shinsei_kanri", description="申請管理システム / application management")
    parser.add_argument("command", choices=["serve"], help="serve: 起動 / start")
    parser.parse_args(arguments)
    try:
        serve(configuration.load(os.environ))
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"設定 / settings: {problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
