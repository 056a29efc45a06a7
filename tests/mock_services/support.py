"""Worlds for tests: in process (no socket) and as a process (real sockets on loopback)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from interface_spec.profile import load_profile
from mock_services.clock import WorldClock
from mock_services.config import CoreConfig, DownloadConfig, Endpoints, WorldConfig
from mock_services.control import WorldClient
from mock_services.models import ApplicationMeta, AtenaRecord, LinkRecord
from mock_services.world import World
from shinsei_testbed import module_command

JST = timezone(timedelta(hours=9))
START = datetime(2026, 10, 10, 9, 0, tzinfo=JST)
DANTAI = "999997"
OTHER_DANTAI = "999989"
ROOT = Path(__file__).resolve().parents[2]
TINY_RELAY = (sys.executable, "-I", str(Path(__file__).with_name("tiny_relay.py")), "{config}")
TIME = "%Y-%m-%dT%H:%M:%S%z"


class StandingTick:
    """Real time as a test wants it: it stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def config(run_dir: Path, **changes: Any) -> WorldConfig:
    values: dict[str, Any] = {
        "run_dir": run_dir,
        "dantai_code": DANTAI,
        "start_clock": START,
        "download": DownloadConfig.model_validate(
            {
                "account": "city",
                "secret": "open sesame",
                "other_accounts": [{"dantai_code": OTHER_DANTAI, "account": "town", "secret": "other"}],
            }
        ),
        "link_api_key": "link-key",
        "core": {
            "jido_teate": CoreConfig(atena_api_key="jido-key"),
            "kaigo": CoreConfig(atena_api_key="kaigo-key"),
        },
    }
    return WorldConfig.model_validate(values | changes)


class _AsgiTransport(httpx.BaseTransport):
    """Calls an ASGI application in this very process, one event loop a call."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._transport.handle_async_request(copy)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def asgi_client(app: Any, headers: dict[str, str] | None = None) -> httpx.Client:
    return httpx.Client(transport=_AsgiTransport(app), base_url="http://mock", headers=headers)


@dataclass
class InProcess:
    """A world without sockets: its state, its standing clock and a client for each of its systems."""

    world: World
    tick: StandingTick

    def download(self) -> httpx.Client:
        return asgi_client(self.world.download_app())

    def link(self) -> httpx.Client:
        return asgi_client(self.world.link_app(), {"X-Api-Key": "link-key"})

    def atena(self, core_system: str = "kaigo") -> httpx.Client:
        key = self.world.config.core[core_system].atena_api_key
        return asgi_client(self.world.atena_app(core_system), {"X-Api-Key": key})

    def logged_in(self) -> httpx.Client:
        client = self.download()
        answer = client.post("/api/v1/login", json={"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"})
        client.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        return client


def in_process(run_dir: Path, overlay: Path | None = None, **changes: Any) -> InProcess:
    tick = StandingTick()
    profile = load_profile("baseline", overlay)
    return InProcess(World(config(run_dir, **changes), profile, WorldClock(START, tick)), tick)


def meta(number: int, **changes: Any) -> ApplicationMeta:
    """Application R0001, R0002, …: one minute apart, ``number`` minutes after 03:00."""
    received_at = datetime(2026, 10, 10, 3, 0, tzinfo=JST) + timedelta(minutes=number)
    values: dict[str, Any] = {
        "receipt_no": f"R{number:04d}",
        "procedure_id": "K01",
        "dantai_code": DANTAI,
        "received_at": received_at,
        "arrived_at": received_at + timedelta(seconds=30),
    }
    return ApplicationMeta.model_validate(values | changes)


def link(serial: str, atena_no: str = "000000000000001", **changes: Any) -> LinkRecord:
    values = {
        "serial": serial,
        "atena_no": atena_no,
        "valid_from": "2024-04-01",
        "valid_to": "2029-03-31",
        "state": "valid",
    }
    return LinkRecord.model_validate(values | changes)


def atena(atena_no: str, name: str = "架空　太郎", **changes: Any) -> AtenaRecord:
    values = {
        "atena_no": atena_no,
        "name": name,
        "gender": "male",
        "address": "架空市一丁目２番３号",
        "state": "resident",
    }
    return AtenaRecord.model_validate(values | changes)


def window(**more: object) -> dict[str, str]:
    values = {
        "receivedFrom": (START - timedelta(hours=24)).strftime(TIME),
        "receivedTo": START.strftime(TIME),
    }
    return values | {name: str(value) for name, value in more.items()}


@dataclass
class Process:
    """A world as a process."""

    child: subprocess.Popen[bytes]
    endpoints: Endpoints
    client: WorldClient
    run_dir: Path
    seconds_to_start: float


def command(config_file: Path) -> list[str]:
    return module_command("mock_services.serve", "--config", str(config_file))


def write_config(folder: Path, **changes: Any) -> Path:
    file = folder / "world.json"
    file.write_text(config(folder / "run", **changes).model_dump_json(), encoding="utf-8")
    return file


def spawn(config_file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(config_file), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def process(folder: Path, **changes: Any) -> Iterator[Process]:
    """A running world; it is stopped by SIGTERM unless the test did so itself."""
    run_dir = folder / "run"
    ready = run_dir / "world-ready.json"
    ready.unlink(missing_ok=True)
    started = time.monotonic()
    with (folder / "stderr.log").open("wb") as errors:
        child = subprocess.Popen(command(write_config(folder, **changes)), cwd=ROOT, stderr=errors)
    try:
        while not ready.exists():
            assert child.poll() is None, (folder / "stderr.log").read_text(encoding="utf-8")
            assert time.monotonic() - started < 20
            time.sleep(0.01)
        seconds = time.monotonic() - started
        endpoints = Endpoints.model_validate(json.loads(ready.read_text(encoding="utf-8")))
        with WorldClient(endpoints.control_url) as client:
            yield Process(child, endpoints, client, run_dir, seconds)
    finally:
        child.terminate()
        child.wait(timeout=10)


def real_now() -> datetime:
    return datetime.now(UTC)
