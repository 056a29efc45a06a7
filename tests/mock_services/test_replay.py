"""A record is played again: the same world answers the same, another one does not, and it says where."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.models import Fault
from shinsei_testbed import module_command
from tests.mock_services.support import JST, ROOT, START, Process, meta, process, window
from tests.mock_services.test_big_packages import by_address


def talk(world: Process) -> None:
    """Calls of two systems: a login, lists, a package, a refusal, one disturbed call."""
    base = f"https://{world.endpoints.download_address}"
    with by_address(world) as client:
        body = {"dantaiCode": "999997", "account": "city", "secret": "open sesame"}
        token = client.post(f"{base}/api/v1/login", json=body).json()["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        rows = client.get(f"{base}/api/v1/applications", params=window()).json()["items"]
        assert client.get(f"{base}/api/v1/applications/{rows[0]['receiptNo']}/package").status_code == 200
        assert client.get(f"{base}/api/v1/applications/none/package").status_code == 404
        world.client.set_faults([Fault(name="unavailable", times=1)])
        assert client.get(f"{base}/api/v1/applications", params=window()).status_code == 503
    answer = httpx.get(
        f"{world.endpoints.link_url}/himozuke/v1/zenken", headers={"X-Api-Key": "link-key"}, trust_env=False
    )
    assert answer.status_code == 200


def laid(folder: Path, **changes: Any) -> Any:
    folder.mkdir()
    return process(folder, start_clock=START.astimezone(JST), **changes)


def played(record: Path, url: str) -> subprocess.CompletedProcess[str]:
    command = module_command("mock_services.replay", "--record", str(record), "--world", url)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    with laid(tmp_path / "first", seed="7") as world:
        world.client.load_application(meta(1), b"PK one")
        talk(world)
        return Path(world.run_dir)


def test_the_same_world_answers_the_same(record: Path, tmp_path: Path) -> None:
    with laid(tmp_path / "again", seed="7") as world:
        world.client.load_application(meta(1), b"PK one")
        done = played(record, world.endpoints.control_url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("5 played, 0 differ, 1 left out\n")


def test_another_world_is_told_apart_call_by_call(record: Path, tmp_path: Path) -> None:
    with laid(tmp_path / "other", seed="8") as world:
        done = played(record, world.endpoints.control_url)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "1 download login: 本文が違います / another body"
    assert lines[1] == "2 download list: 200 → 401"


@pytest.mark.parametrize("damage", ["", "{}\n"])
def test_what_is_no_record_is_one_sentence_and_2(tmp_path: Path, damage: str) -> None:
    if damage:
        (tmp_path / "exchanges.jsonl").write_text(damage, encoding="utf-8")
    with laid(tmp_path / "w") as world:
        done = played(tmp_path, world.endpoints.control_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "exchanges.jsonl" in done.stderr
