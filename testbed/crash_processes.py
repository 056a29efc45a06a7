"""The processes of `testbed.crash`: the simulated world, and the product that is killed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mock_services.config import Endpoints
from mock_services.control import WorldClient
from shinsei_testbed import module_command
from testbed.mutants.launch import mutant_command

CORE = "jido_teate"
TOKEN = "crash-control"  # noqa: S105 - of a product that lives for one run
HANDOVER_KEY = "crash-handover"
SECONDS = 60.0


@dataclass(frozen=True)
class WorldProcess:
    client: WorldClient
    endpoints: Endpoints
    dantai_code: str


@dataclass
class Child:
    """A started product."""

    url: str
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def _started(command: list[str], ready: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child that wrote ``ready``; ended when the context ends. RuntimeError when it does not start."""
    ready.unlink(missing_ok=True)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SHINSEI_")}
    process = subprocess.Popen(command, env=plain | environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{ready.name}: did not start ({process.returncode})")
            time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def start_world(
    folder: Path,
    dantai_code: str,
    now: datetime,
    overlay: Path | None = None,
    more: Mapping[str, Any] | None = None,
) -> Iterator[WorldProcess]:
    """The simulated world with one core system and no people: every person is for staff.

    ``more``: further sections of world.json, for the systems that run only when asked for.
    """
    config = {
        "run_dir": str(folder),
        "overlay": str(overlay) if overlay else None,
        "dantai_code": dantai_code,
        "start_clock": now.isoformat(),
        "download": {"account": "crash", "secret": "s3cret"},
        "link_api_key": "link-key",
        "core": {CORE: {"atena_api_key": "atena-j"}},
        "relay_command": module_command("reference_impl.relay", "--config", "{config}"),
        **(more or {}),
    }
    file, ready = folder / "world.json", folder / "world-ready.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    with _started(module_command("mock_services.serve", "--config", str(file)), ready, {}):
        endpoints = Endpoints.model_validate_json(ready.read_text(encoding="utf-8"))
        with WorldClient(endpoints.control_url) as client:
            yield WorldProcess(client, endpoints, dantai_code)


@contextmanager
def start_product(
    folder: Path,
    world: WorldProcess,
    database_url: str,
    now: datetime,
    more: Mapping[str, str] | None = None,
    command: str = "serve",
    mutant: str = "",
) -> Iterator[Child]:
    """The product (or, by ``command``, a worker of it; with ``mutant``, one with that mistake) over a database that may have been left in any state."""
    ready, endpoints = folder / f"am-{command}-ready.json", world.endpoints
    values = {
        "LISTEN": "127.0.0.1:0",
        "READY_FILE": str(ready),
        "DATABASE_URL": database_url,
        "DANTAI_CODE": world.dantai_code,
        "PROXY_URL": endpoints.relay_url,
        "DOWNLOAD_URL": endpoints.download_url,
        "DOWNLOAD_CA_FILE": endpoints.dl_ca_file,
        "DOWNLOAD_ACCOUNT": "crash",
        "DOWNLOAD_SECRET": "s3cret",
        "PROCEDURES": "K01",
        "LINK_URL": endpoints.link_url,
        "LINK_API_KEY": "link-key",
        "ATENA_URLS": f"{CORE}={endpoints.atena_urls[CORE]}",
        "ATENA_API_KEYS": f"{CORE}=atena-j",
        "HANDOVER_API_KEYS": f"{CORE}={HANDOVER_KEY}",
        "CONTROL_TOKEN": TOKEN,
        "CLOCK": now.isoformat(),
    }
    environment = {f"SHINSEI_AM_{name}": value for name, value in (values | dict(more or {})).items()}
    module = ("reference_impl.shinsei_kanri", command)
    words = mutant_command(mutant, *module) if mutant else module_command(*module)
    with _started(words, ready, environment) as process:
        yield Child(json.loads(ready.read_text(encoding="utf-8"))["url"], process)
