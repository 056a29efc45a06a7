"""A second product, left over from another run, calls the same addresses while a run goes on."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.engine.settings import default_secret
from conformance.events import RunWarning, read_events
from tests.testbed.cli_runs import begin, results_in, run_folder, until

OLD_TOKEN = "ab" * 32
DANTAI = "991236"


class LeftOver:
    """It has the fixed test values of earlier runs, goes past the relay, and knows no pause."""

    def __init__(self, ready: dict[str, Any]) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        self._http = httpx.Client(verify=trusting, timeout=5, trust_env=False)
        self._download = f"https://{ready['download_address']}/api/v1"
        self._link, self._atena = ready["link_url"], next(iter(ready["atena_urls"].values()))
        self.sent = 0

    def once(self) -> None:
        login = {
            "dantaiCode": DANTAI,
            "account": default_secret("download_account"),
            "secret": default_secret("download_secret"),
        }
        token = {"Authorization": f"Bearer {OLD_TOKEN}"}
        window = {"receivedFrom": "2026-01-01T00:00:00+09:00", "receivedTo": "2027-01-01T00:00:00+09:00"}
        for answer in (
            self._http.post(f"{self._download}/login", json=login),
            self._http.get(f"{self._download}/applications", params=window, headers=token),
            self._http.get(f"{self._link}/himozuke/v1/zenken", headers={"X-Api-Key": default_secret("link_api_key")}),
            self._http.get(f"{self._atena}/atena/v1/zenken", headers={"X-Api-Key": "another-run"}),
        ):
            assert answer.status_code == 401
            self.sent += 1

    def close(self) -> None:
        self._http.close()


@contextmanager
def left_over(out: Path, running: subprocess.Popen[bytes]) -> Iterator[LeftOver]:
    """Calls from the moment when the simulated systems are there until the run ends."""
    assert until(lambda: list(out.glob("*/world-ready.json")))
    (ready,) = out.glob("*/world-ready.json")
    client = LeftOver(json.loads(ready.read_text(encoding="utf-8")))
    gone = threading.Event()

    def call() -> None:
        with suppress(httpx.HTTPError):  # the systems are gone with the run
            while not gone.wait(0.05):
                client.once()

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield client
    finally:
        running.wait(180)
        gone.set()
        thread.join()
        client.close()


@pytest.mark.slow
def test_a_left_over_product_is_told_and_not_judged(tmp_path: Path) -> None:
    """It goes past the relay, sends what no contract has, and would turn several verdicts if it were the product's own."""
    running = begin("check", "am", "-k", "AM-3.1", cwd=tmp_path)
    with left_over(tmp_path / "out", running) as client:
        pass
    folder, results = run_folder(tmp_path / "out"), results_in(tmp_path / "out")
    assert client.sent >= 4
    ran = {one["id"]: one["verdict"] for one in results["checks"] if one["verdict"] != "UNVERIFIED"}
    assert "AM-3.1-01a" in ran
    assert set(ran.values()) == {"PASS"}
    strange = results["strange_calls"]
    assert {(one["system"].partition(":")[0], one["operation"], one["cause"]) for one in strange} == {
        ("download", "login", "account"),
        ("download", "list", "token"),
        ("juki", "full", "key"),
        ("core", "full", "key"),
    }
    assert all(one["aside"] and one["peer"].startswith("127.") for one in strange)
    told = [one for one in read_events(folder / "events.ndjson") if isinstance(one, RunWarning) and one.calls]
    assert len(told) == 1
    number = sum(one["count"] for one in strange)
    assert number >= 4
    assert f"{number} 件" in told[0].ja
    for report, sentence in (("report.html", told[0].ja), ("report.en.html", told[0].en)):
        assert sentence.replace("'", "&#39;") in (folder / report).read_text(encoding="utf-8")
    assert "この実施のものと対応づけられない呼出し" in (tmp_path / "cli.log").read_text(encoding="utf-8")
    lines = (folder / "strangers.jsonl").read_text(encoding="utf-8").splitlines()
    assert min(number, 1000) <= len(lines) <= 1000  # some call while the run ends
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path.name for path in kept if OLD_TOKEN.encode() in path.read_bytes()]
    assert not [path.name for path in kept if default_secret("link_api_key").encode() in path.read_bytes()]
