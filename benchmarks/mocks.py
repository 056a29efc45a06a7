"""How fast the simulated download function is, against Stoplight Prism and nginx on the same core.

Prism (npm ``@stoplight/prism-cli``), nginx and wrk come from the PATH or SHINSEI_PRISM, SHINSEI_NGINX, SHINSEI_WRK.
Median of interleaved runs, everything pinned to one core, the client to another. What is measured:
list of 100 applications with token check, recorder and fault layer on (ours) against Prism mocking the same answer;
a package of 85 KB over TLS (ours) against nginx serving the same bytes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import Result
from mock_services.config import Endpoints
from mock_services.control import ApplicationMeta, WorldClient
from shinsei_testbed import module_command

JST = timezone(timedelta(hours=9))
START = datetime(2026, 11, 23, 9, 0, tzinfo=JST)
TIME = "%Y-%m-%dT%H:%M:%S%z"
PACKAGE = os.urandom(85 * 1024)
SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 8
RUNS, SECONDS = 5, 2


def _pinned(core: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def _child(command: list[str], ready: Callable[[], bool], *, pin: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    before = _pinned(SERVER_CORE) if pin else None
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=before)
    try:
        deadline = time.monotonic() + 60
        while not ready():
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} did not come up")
            time.sleep(0.05)
        yield child
    finally:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(10)


def _accepts(url: str) -> bool:
    try:
        httpx.get(url, verify=False, trust_env=False, timeout=1)  # noqa: S501 - our own test certificate
    except httpx.HTTPError:
        return False
    return True


@contextmanager
def world(
    folder: Path, fixtures: dict[str, int] | None = None, *, pin: bool = True
) -> Iterator[tuple[Endpoints, WorldClient, int]]:
    """A world process (on the server's core when pinned), with its pid."""
    config = {
        "run_dir": str(folder / "run"),
        "dantai_code": "991236",
        "start_clock": START.isoformat(),
        "download": {"account": "a", "secret": "b"},
        "link_api_key": "k",
        "core": {"kaigo": {"atena_api_key": "x"}},
    }
    file = folder / "world.json"
    file.write_text(json.dumps(config | ({"fixtures": fixtures} if fixtures else {})), encoding="utf-8")
    ready = folder / "run" / "world-ready.json"
    with _child(module_command("mock_services.serve", "--config", str(file)), ready.exists, pin=pin) as child:
        endpoints = Endpoints.model_validate_json(ready.read_text(encoding="utf-8"))
        with WorldClient(endpoints.control_url) as client:
            yield endpoints, client, child.pid


_BUSY = 0.98
"""Share of its core above which the client, not the server, would be measured."""


def _rate(wrk: str, url: str, headers: dict[str, str], seconds: int) -> float:
    """Good requests per second over keep-alive connections. SystemExit when the client was the slower side."""
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *words, url]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{url}: {told}")
    busy = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / seconds
    if busy > _BUSY:
        raise SystemExit(f"{url}: 測る側が {busy:.0%} ふさがっています / the client is busy to {busy:.0%}")
    return float(told.partition("Requests/sec:")[2].split()[0])


def load_list(client: WorldClient, count: int = 100) -> None:
    for number in range(count):
        at = START - timedelta(minutes=number + 1)
        meta = ApplicationMeta(
            receipt_no=f"R{number:07d}", procedure_id="K01", dantai_code="991236", received_at=at, arrived_at=at
        )
        client.load_application(meta, PACKAGE)


def door(endpoints: Endpoints) -> tuple[str, dict[str, str], str]:
    """(base URL by address, headers, query of the list)."""
    base = f"https://{endpoints.download_address}"
    body = {"dantaiCode": "991236", "account": "a", "secret": "b"}
    answer = httpx.post(f"{base}/api/v1/login", json=body, verify=False, trust_env=False)  # noqa: S501
    headers = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
    query = httpx.QueryParams(
        receivedFrom=(START - timedelta(days=7)).strftime(TIME), receivedTo=(START + timedelta(days=1)).strftime(TIME)
    )
    return base, headers, f"/api/v1/applications?{query}"


def _openapi(rows: Any) -> dict[str, Any]:
    """What Prism mocks: the very answer, as an example."""
    example = {"application/json": {"schema": {"type": "object"}, "example": rows}}
    answer = {"200": {"description": "ok", "content": example}}
    paths = {"/api/v1/applications": {"get": {"responses": answer}}}
    return {"openapi": "3.0.3", "info": {"title": "list", "version": "1"}, "paths": paths}


_NGINX = """user root; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
 uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; keepalive_requests 1000000;
 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_protocols TLSv1.3;
  root {folder}; }} }}
"""


def _certificate(folder: Path) -> Path:
    pem = folder / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=bench", "-keyout", str(folder / "k.pem"), "-out", str(folder / "c.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_bytes((folder / "k.pem").read_bytes() + (folder / "c.pem").read_bytes())
    return pem


def _spoken(url: str) -> tuple[str | None, str]:
    """TLS version and cipher that a server agrees to with OpenSSL's own preferences, as wrk has them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to = httpx.URL(url)
    with socket.create_connection((to.host, to.port or 443)) as plain, context.wrap_socket(plain) as connection:
        cipher = connection.cipher()
        return connection.version(), cipher[0] if cipher is not None else ""


def _same(places: dict[str, tuple[str, dict[str, str]]]) -> None:
    """SystemExit unless both peers serve what ours does: the same bytes, over TLS the same version and cipher."""
    answers = {
        name: httpx.get(url, headers=own, verify=False, trust_env=False)  # noqa: S501
        for name, (url, own) in places.items()
    }
    if _spoken(places["zip ours"][0]) != _spoken(places["zip nginx"][0]):
        raise SystemExit("nginx: TLS の版か暗号方式が違います / another TLS version or cipher")
    if answers["zip ours"].content != answers["zip nginx"].content:
        raise SystemExit("nginx: 本文が違います / other bytes")
    if answers["list ours"].json() != answers["list prism"].json():
        raise SystemExit("Prism: 本文が違います / another answer")


def compare(folder: Path, prism: str, nginx: str, wrk: str, runs: int, seconds: int) -> dict[str, float]:
    """Requests per second of all four: medians of interleaved runs."""
    found: dict[str, list[float]] = {"list ours": [], "list prism": [], "zip ours": [], "zip nginx": []}
    (folder / "package.zip").write_bytes(PACKAGE)
    pem = _certificate(folder)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=18443, pem=pem), encoding="utf-8")
    with world(folder) as (endpoints, client, _):
        load_list(client)
        base, headers, query = door(endpoints)
        rows = httpx.get(base + query, headers=headers, verify=False, trust_env=False).json()  # noqa: S501
        assert len(rows["items"]) == 100
        (folder / "list.json").write_text(json.dumps(_openapi(rows)), encoding="utf-8")
        prism_command = [prism, "mock", "-p", "18080", "-h", "127.0.0.1", str(folder / "list.json")]
        places = {
            "list ours": (base + query, headers),
            "list prism": ("http://127.0.0.1:18080/api/v1/applications", {}),
            "zip ours": (f"{base}/api/v1/applications/R0000001/package", headers),
            "zip nginx": ("https://127.0.0.1:18443/package.zip", {}),
        }
        with (
            _child(prism_command, lambda: _accepts("http://127.0.0.1:18080/api/v1/applications")),
            _child([nginx, "-c", str(folder / "nginx.conf")], lambda: _accepts(places["zip nginx"][0])),
        ):
            _same(places)
            before = client.last_seq()
            for _ in range(runs):
                for name, (url, own) in places.items():
                    found[name].append(_rate(wrk, url, own, seconds))
            ours = seconds * sum(found["list ours"] + found["zip ours"])
            if client.health().dropped or client.last_seq() - before < ours * 0.99:
                raise SystemExit("記録に欠けがあります / the recorder missed calls")
    return {name: statistics.median(rates) for name, rates in found.items()}


def _tools() -> dict[str, str]:
    """The peers on this machine by name; SystemExit naming what is missing."""
    found = {
        name: os.environ.get(f"SHINSEI_{name.upper()}") or shutil.which(name) for name in ("prism", "nginx", "wrk")
    }
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise SystemExit(
            f"mocks: {', '.join(missing)} がありません（入れるか SHINSEI_{missing[0].upper()} に場所を） / not installed"
        )
    return {name: path for name, path in found.items() if path is not None}


def run() -> list[Result]:
    tools = _tools()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        with tempfile.TemporaryDirectory(prefix="shinsei-bench-") as name:
            rates = compare(Path(name), tools["prism"], tools["nginx"], tools["wrk"], RUNS, SECONDS)
    finally:
        os.sched_setaffinity(0, allowed)
    lists, zips = rates["list ours"] / rates["list prism"], rates["zip ours"] / rates["zip nginx"]
    return [
        Result(
            "list-over-prism", "100件の一覧（TLS・トークン・記録・障害の層つき）", rates["list ours"], "件/秒",
            rates["list prism"], "同じ応答を返す Stoplight Prism（平文）、同じコア", lists, "≥ 2", lists >= 2,
        ),
        Result(
            "zip-over-nginx", "申請ZIP 85 KB の取得（TLS・トークン・記録・障害の層つき）", rates["zip ours"], "件/秒",
            rates["zip nginx"], "同じバイト列を返す nginx（同じ TLS）、同じコア", zips, "≥ 0.2", zips >= 0.2,
        ),
    ]  # fmt: skip
