"""Composition: settings → clients, jobs, rules and HTTP surfaces as one application."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import Engine

from reference_impl.shinsei_kanri import VERSION, atena, control_api, identification, links
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.desk import Desk
from reference_impl.shinsei_kanri.download_client import DownloadClient, DownloadUnavailable
from reference_impl.shinsei_kanri.handover_api import HandoverApi
from reference_impl.shinsei_kanri.importing import Importer
from reference_impl.shinsei_kanri.inner_client import InnerClient, InnerTrouble
from reference_impl.shinsei_kanri.jobs import Jobs
from reference_impl.shinsei_kanri.journal import Journal
from reference_impl.shinsei_kanri.pages import routes as pages
from reference_impl.shinsei_kanri.settings import Settings


class Synchroniser:
    """番号紐付情報 and the 宛名情報 of every core system, then a new look at everybody who is still open."""

    def __init__(self, settings: Settings, engine: Engine, clock: Clock, journal: Journal) -> None:
        self._settings, self._engine, self._clock, self._journal = settings, engine, clock, journal

    def run(self) -> tuple[Counter[str], str]:
        """(counts, one sentence). One source in trouble does not keep the others out; InnerTrouble at the end."""
        counts, troubles = Counter[str](), list[str]()
        self._take("links", counts, troubles, self._links)
        for core_system in self._settings.core_systems:
            self._take(f"atena_{core_system}", counts, troubles, lambda core=core_system: self._atena(core))  # type: ignore[misc]
        counts["identified_again"] = identification.look_again(
            self._engine, self._clock, self._settings.profile, self._settings.procedures
        )
        self._journal.write("sync", **counts)
        if troubles:
            raise InnerTrouble("。".join(troubles))
        return counts, "番号紐付情報と宛名情報を取り込みました / link table and 宛名情報 taken over"

    def _take(self, name: str, counts: Counter[str], troubles: list[str], source: Callable[[], int]) -> None:
        try:
            counts[name] = source()
        except InnerTrouble as error:
            troubles.append(f"{name}: {error}")

    def _links(self) -> int:
        client = InnerClient("link", self._settings.link_url, self._settings.link_api_key, self._settings.profile)
        try:
            return links.sync(client, self._engine, self._clock.now())
        finally:
            client.close()

    def _atena(self, core_system: str) -> int:
        client = InnerClient(
            "atena",
            self._settings.atena_urls[core_system],
            self._settings.atena_api_keys[core_system],
            self._settings.profile,
        )
        try:
            return atena.sync(client, self._engine, core_system)
        finally:
            client.close()


def build(settings: Settings, engine: Engine, clock: Clock, journal: Journal, on_ready: Callable[[], None]) -> FastAPI:
    """The ASGI application; ``on_ready`` is called when it serves."""
    importer = Importer(
        engine,
        clock,
        journal,
        settings.profile,
        settings.procedures,
        settings.dantai_code,
        settings.import_window_days,
        lambda: DownloadClient(settings.download, settings.profile, time.sleep),
    )
    synchroniser = Synchroniser(settings, engine, clock, journal)
    jobs = Jobs({"sync": synchroniser.run, "import": importer.run}, (DownloadUnavailable, InnerTrouble), journal)
    desk = Desk(engine, clock, settings.procedures)
    stop = threading.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if settings.import_every_seconds:
            start_schedule(jobs, settings.import_every_seconds, stop)
        on_ready()
        yield
        stop.set()

    app = FastAPI(title="申請管理システム / application management (reference)", version=VERSION, lifespan=lifespan)
    app.include_router(control_api.router(engine, clock, jobs, desk, settings.control_token))
    app.include_router(pages.router(engine, settings.procedures, settings.staff_account, settings.staff_password))
    handover = HandoverApi(engine, settings.profile, settings.procedures, settings.handover_api_keys, desk)
    app.router.routes.extend(handover.routes())
    control_api.add_error_answers(app)
    return app


def start_schedule(jobs: Jobs, every_seconds: int, stop: threading.Event) -> None:
    """Synchronise and import again and again, the first time at once, until ``stop``."""

    def run() -> None:
        while True:
            jobs.start("sync")
            jobs.start("import")
            if stop.wait(every_seconds):
                return

    threading.Thread(target=run, daemon=True, name="schedule").start()
