"""Composition: settings → clients, jobs, rules and HTTP surfaces as one application."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from reference_impl.shinsei_kanri import VERSION, atena, control_api, identification, links, web
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import Desk
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadUnavailable
from reference_impl.shinsei_kanri.drops.files import DropTrouble
from reference_impl.shinsei_kanri.drops.handover import DropExchange
from reference_impl.shinsei_kanri.drops.registers import RegisterDrops
from reference_impl.shinsei_kanri.handover_api import HandoverApi
from reference_impl.shinsei_kanri.importing import Importer
from reference_impl.shinsei_kanri.inner_client import InnerClient, InnerTrouble
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.interface_document import Document, document
from reference_impl.shinsei_kanri.jobs import Jobs, Work
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.judging import Judge
from reference_impl.shinsei_kanri.operations import http as operations
from reference_impl.shinsei_kanri.operations.retention import Eraser
from reference_impl.shinsei_kanri.pages import actions
from reference_impl.shinsei_kanri.pages import routes as pages
from reference_impl.shinsei_kanri.pages.staff import Staff
from reference_impl.shinsei_kanri.scanner import ClamAv, ScannerTrouble
from reference_impl.shinsei_kanri.settings import LINK, Settings
from reference_impl.shinsei_kanri.togo import TogoClient
from reference_impl.shinsei_kanri.web import Operation
from reference_impl.shinsei_kanri.worker import Worker

LOOK_SECONDS = 5.0
"""How often the schedule looks whether an import is due."""


class Synchroniser:
    """番号紐付情報 and the 宛名情報 of every core system, then a new look at everybody who is still open."""

    def __init__(self, settings: Settings, engine: Engine, clock: Clock, journal: Journal, judge: Judge) -> None:
        self._settings, self._engine, self._clock, self._journal = settings, engine, clock, journal
        self._judge = judge
        folder = settings.drop_folder
        self._drops = None if folder is None else RegisterDrops(folder, engine, settings.profile, settings.dantai_code)

    def run(self, run_id: int) -> tuple[Counter[str], str]:
        """(counts, one sentence). One source in trouble does not keep the others out; InnerTrouble at the end."""
        counts, troubles = Counter[str](), list[str]()
        self._take("links", counts, troubles, self._links)
        for core_system in self._settings.core_systems:
            self._take(f"atena_{core_system}", counts, troubles, lambda core=core_system: self._atena(core))  # type: ignore[misc]
        counts["identified_again"] = identification.look_again(
            self._engine, self._clock, self._judge, self._settings.procedures
        )
        self._journal.write("sync", run_id=run_id, **counts)
        if troubles:
            raise InnerTrouble("。".join(troubles))
        return counts, "番号紐付情報と宛名情報を取り込みました / link table and 宛名情報 taken over"

    def _take(self, name: str, counts: Counter[str], troubles: list[str], source: Callable[[], int]) -> None:
        try:
            counts[name] = source()
        except (InnerTrouble, DropTrouble) as error:
            troubles.append(f"{name}: {error}")

    def _links(self) -> int:
        settings = self._settings
        if self._drops is not None and LINK in settings.drop_registers:
            return self._drops.links()
        with closing(InnerClient("link", settings.link_url, settings.link_api_key, settings.profile)) as client:
            return links.sync(client, self._engine, self._clock.now())

    def _atena(self, core_system: str) -> int:
        settings = self._settings
        if self._drops is not None and core_system in settings.drop_registers:
            return self._drops.atena(core_system)
        url, key = settings.atena_urls[core_system], settings.atena_api_keys[core_system]
        with closing(InnerClient("atena", url, key, settings.profile)) as client:
            return atena.sync(client, self._engine, core_system, self._clock.now())


@dataclass(frozen=True)
class Product:
    """The parts of a running product that do not know HTTP."""

    settings: Settings
    engine: Engine
    clock: Clock
    journal: Journal
    intake: Intake
    importer: Importer
    jobs: Jobs
    desk: Desk


def assemble(
    settings: Settings, engine: Engine, clock: Clock, journal: Journal, fresh_id: Callable[[], str]
) -> Product:
    """Settings → clients, jobs and rules; nothing runs yet. ``fresh_id``: see `TogoClient`."""
    scanner = ClamAv(settings.scanner) if settings.scanner is not None else None
    togo = TogoClient(settings.togo, settings.profile, clock, fresh_id) if settings.togo is not None else None
    judge = Judge(engine, settings.profile, settings.procedures, settings.patterns, togo)
    intake = Intake(engine, clock, journal, settings.profile, settings.procedures, judge, scanner)
    importer = Importer(
        engine,
        clock,
        journal,
        intake,
        settings.procedures,
        settings.dantai_code,
        settings.import_window_days,
        lambda: DownloadClient(settings.download, settings.profile, time.sleep),
    )
    synchroniser = Synchroniser(settings, engine, clock, journal, judge)
    desk = Desk(engine, clock, settings.procedures)
    kinds: dict[str, Work] = {"sync": synchroniser.run, "import": importer.run}
    if settings.drop_folder is not None:
        exchange = DropExchange(
            settings.drop_folder,
            settings.drop_cores,
            engine,
            clock,
            journal,
            settings.profile,
            settings.procedures,
            desk,
        )
        kinds["drops"] = exchange.run
    if settings.retention_days:
        kinds["erase"] = Eraser(engine, clock, journal, settings.retention_days).run
    jobs = Jobs(
        engine,
        clock,
        kinds,
        importer.take_batch,
        (DownloadUnavailable, InnerTrouble, ScannerTrouble, DropTrouble),
        journal,
    )
    return Product(settings, engine, clock, journal, intake, importer, jobs, desk)


def http(product: Product, on_ready: Callable[[], None]) -> Starlette:
    """The ASGI application; ``on_ready`` is called when it serves."""
    settings, engine = product.settings, product.engine

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield

    described = [
        *control_api.operations(engine, product.clock, product.jobs, product.desk),
        *operations.operations(engine, product.clock, product.intake, settings.registers),
    ]
    staff = Staff(settings.staff_account, settings.staff_password)
    handover = HandoverApi(engine, settings.profile, settings.procedures, settings.handover_api_keys, product.desk)
    routes = [
        *(web.served(operation, settings.control_token) for operation in described),
        web.route("GET", "/openapi.json", lambda _: JSONResponse(openapi(described))),
        *pages.routes(
            engine,
            product.clock,
            settings.procedures,
            settings.registers,
            staff,
            lambda core_system: interface(settings, core_system, product.clock),
        ),
        *actions.routes(staff, product.desk, product.intake),
        *handover.routes(),
    ]
    return Starlette(routes=routes, exception_handlers=control_api.error_answers(pages.refused), lifespan=lifespan)


def openapi(described: Sequence[Operation]) -> dict[str, Any]:
    """The description of what has no profile of its own."""
    from reference_impl.shinsei_kanri.openapi import document  # loaded when somebody asks for it

    return document("申請管理システム / application management (reference)", VERSION, described)


def interface(settings: Settings, core_system: str, clock: Clock) -> Document:
    """The document of 図表22 for a core system as it is served here. Raises LookupError."""
    return document(
        settings.profile,
        settings.procedures,
        core_system,
        settings.dantai_code,
        clock.now(),
        by_files=core_system in settings.drop_cores,
    )


class Background:
    """What runs beside HTTP: a worker, and the schedule of sync and import."""

    def __init__(self, product: Product, workers: int) -> None:
        self._product, self._stopping = product, threading.Event()
        self._worker = (
            Worker(product.settings.database_url, product.jobs, product.journal, workers) if workers else None
        )

    def start(self) -> None:
        if self._worker is not None:
            self._worker.start()
        if self._product.settings.import_every_seconds:
            threading.Thread(target=self._schedule, daemon=True, name="schedule").start()

    def stop(self, seconds: float) -> bool:
        """True when everything ended within ``seconds``; what did not is done again by another worker."""
        self._stopping.set()
        self._product.importer.stop()
        return self._worker is None or self._worker.stop(seconds)

    def _schedule(self) -> None:
        """Synchronise and import again and again, the first time at once; with several processes, one of them."""
        every = timedelta(seconds=self._product.settings.import_every_seconds)
        while True:
            try:
                self._product.jobs.start_if_due(every)
            except SQLAlchemyError as error:  # the database is away: the next turn comes
                self._product.journal.write("schedule-broken", error=type(error).__name__)
            if self._stopping.wait(min(every.total_seconds(), LOOK_SECONDS)):
                return
