"""The simulated world and the product as processes, as the conformance engine runs them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

import shinsei_testbed
from fixtures.cases.model import Case, LinkRow
from fixtures.world import World
from interface_spec import control
from interface_spec.control import ApplicationDetail, Job, JobState
from mock_services.config import Endpoints
from mock_services.control import WorldClient
from mock_services.models import ApplicationMeta, AtenaRecord, LinkRecord

TOKEN, KEYS = "control-token", {"jido_teate": "key-j", "kaigo": "key-k"}
ATENA_KEYS = {"jido_teate": "atena-j", "kaigo": "atena-k"}


def wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, f"ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{path.name} does not appear"
        time.sleep(0.01)


@contextmanager
def child(module: str, *arguments: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SHINSEI_")}
    process = subprocess.Popen(
        shinsei_testbed.module_command(module, *arguments), env=plain | (env or {}), stderr=subprocess.PIPE
    )
    said: list[bytes] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda stream: said.extend(stream), args=(process.stderr,), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)
        process.stderr.close()
    only_safe_lines(said)


def only_safe_lines(said: list[bytes]) -> None:
    """Logs are JSON lines without the applicants' characters: everything of ours in them is ASCII or escaped."""
    for line in said:
        event = json.loads(line)
        assert event.keys() & {"event", "level"}, line
        text = json.dumps(event, ensure_ascii=False)
        assert not any("\u3040" <= character <= "\u9fff" for character in text), text


@dataclass
class Running:
    """A started world: its client and where everything is."""

    client: WorldClient
    endpoints: Endpoints
    world: World
    run_dir: Path

    def load(self, *names: str, visible_at: datetime | None = None) -> list[Case]:
        cases = [self.world.case(name) for name in names]
        for case in cases:
            meta = ApplicationMeta(
                receipt_no=case.receipt_no,
                procedure_id=case.procedure_id,
                dantai_code=case.dantai_code,
                received_at=case.received_at,
                arrived_at=case.arrived_at,
                visible_at=visible_at,
            )
            self.client.load_application(meta, case.zip_bytes)
        return cases

    def put_links(self, rows: tuple[LinkRow, ...]) -> None:
        self.client.put_links([LinkRecord(**asdict(row)) for row in rows])

    def put_registers(self) -> None:
        self.put_links(self.world.links())
        for core_system in self.world.core_systems():
            self.client.put_atena(core_system, [AtenaRecord(**asdict(row)) for row in self.world.atena(core_system)])


@contextmanager
def running_world(
    run_dir: Path, world: World, now: datetime, overlay: Path | None = None, more: Mapping[str, Any] | None = None
) -> Iterator[Running]:
    """``more``: further sections of world.json, for the systems that run only when asked for."""
    run_dir.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "run_dir": str(run_dir),
        "overlay": str(overlay) if overlay else None,
        "dantai_code": world.municipality.dantai_code,
        "start_clock": now.isoformat(),
        "download": {"account": "minato", "secret": "s3cret"},
        "link_api_key": "link-key",
        "core": {core: {"atena_api_key": key} for core, key in ATENA_KEYS.items()},
        "relay_command": shinsei_testbed.module_command("reference_impl.relay", "--config", "{config}"),
        **(more or {}),
    }
    file = run_dir / "world.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    ready = run_dir / "world-ready.json"
    with child("mock_services.serve", "--config", str(file)) as process:
        wait_for(ready, process)
        endpoints = Endpoints.model_validate_json(ready.read_text(encoding="utf-8"))
        with WorldClient(endpoints.control_url) as client:
            yield Running(client, endpoints, world, run_dir)


class Product:
    """The reference 申請管理システム behind its control interface."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._process = process
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=60
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(10)

    def job(self, path: str) -> Job:
        return self.wait(Job.model_validate(self.http.post(path).raise_for_status().json()))

    def wait(self, job: Job) -> Job:
        while job.state is JobState.RUNNING:
            time.sleep(0.02)
            job = Job.model_validate(self.http.get(control.JOB.format(job_id=job.job_id)).raise_for_status().json())
        return job

    def sync(self) -> Job:
        return self.job(control.SYNC)

    def import_now(self) -> Job:
        return self.job(control.IMPORTS)

    def application(self, receipt_no: str) -> ApplicationDetail:
        answer = self.http.get(control.APPLICATION.format(receipt_no=receipt_no)).raise_for_status()
        return ApplicationDetail.model_validate(answer.json())

    def review(self, receipt_no: str, to: str, **more: Any) -> httpx.Response:
        return self.http.post(control.REVIEW.format(receipt_no=receipt_no), json={"to": to, **more})

    def identify(self, receipt_no: str, **wanted: Any) -> httpx.Response:
        return self.http.post(control.IDENTIFY.format(receipt_no=receipt_no), json=wanted)

    def complete(self, receipt_no: str) -> None:
        self.review(receipt_no, "reviewing").raise_for_status()
        self.review(receipt_no, "completed").raise_for_status()


def product_environment(
    running: Running, database_url: str, now: datetime, ready: Path, overlay: Path | None = None
) -> dict[str, str]:
    endpoints = running.endpoints
    values = {
        "LISTEN": "127.0.0.1:0",
        "READY_FILE": str(ready),
        "DATABASE_URL": database_url,
        "DANTAI_CODE": running.world.municipality.dantai_code,
        "PROXY_URL": endpoints.relay_url,
        "DOWNLOAD_URL": endpoints.download_url,
        "DOWNLOAD_CA_FILE": endpoints.dl_ca_file,
        "DOWNLOAD_ACCOUNT": "minato",
        "DOWNLOAD_SECRET": "s3cret",
        "PROCEDURES": "K01,C01",
        "LINK_URL": endpoints.link_url,
        "LINK_API_KEY": "link-key",
        "ATENA_URLS": ",".join(f"{core}={url}" for core, url in endpoints.atena_urls.items()),
        "ATENA_API_KEYS": ",".join(f"{core}={key}" for core, key in ATENA_KEYS.items()),
        "HANDOVER_API_KEYS": ",".join(f"{core}={key}" for core, key in KEYS.items()),
        "CONTROL_TOKEN": TOKEN,
        "CLOCK": now.isoformat(),
        "STAFF_PASSWORD": "staff-pass",
    }
    if overlay is not None:
        values["PROFILE_OVERLAY"] = str(overlay)
    return {f"SHINSEI_AM_{name}": value for name, value in values.items()}


@contextmanager
def running_product(
    running: Running,
    database_url: str,
    now: datetime,
    overlay: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Product]:
    ready = running.run_dir / "am-ready.json"
    ready.unlink(missing_ok=True)
    environment = product_environment(running, database_url, now, ready, overlay)
    environment |= {f"SHINSEI_AM_{name}": value for name, value in (more or {}).items()}
    with child("reference_impl.shinsei_kanri", "serve", env=environment) as process:
        wait_for(ready, process)
        product = Product(json.loads(ready.read_text(encoding="utf-8"))["url"], process)
        try:
            yield product
        finally:
            product.http.close()


def start_of(world: World) -> datetime:
    """Nine in the morning of the reference date, Japanese time."""
    return datetime.fromisoformat(f"{world.reference_date}T00:00:00+09:00") + timedelta(hours=9)
