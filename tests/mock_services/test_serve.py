"""The world as a process: start, ready file, end, and what it says when it cannot start."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from interface_spec.errors import SpecError
from mock_services.config import load_config
from tests.mock_services.support import TINY_RELAY, atena, config, process, spawn, write_config


def fails(config_file: Path) -> str:
    """What a world that cannot start says on stderr; it must end with 2."""
    child = spawn(config_file)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 2
    lines = errors.decode().strip().splitlines()
    assert len(lines) == 1, lines
    assert " / " in lines[0]
    return lines[0]


def gone(pid: int, seconds: float = 3.0) -> bool:
    """Whether the process ends (a zombie counts as ended) within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_it_tells_where_it_is_and_takes_its_relay_along(tmp_path: Path) -> None:
    with process(tmp_path, relay_command=TINY_RELAY) as world:
        health = world.client.health()
        assert (health.status, health.relay, health.profile) == ("ok", "running", "baseline")
        ports = {url.rpartition(":")[2] for url in (world.endpoints.link_url, *world.endpoints.atena_urls.values())}
        assert len(ports) == 3
        assert Path(world.endpoints.dl_ca_file).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        (relay,) = children(world.child.pid)
        world.child.send_signal(signal.SIGTERM)
        assert world.child.wait(timeout=30) == 0
        assert gone(relay, 0.1)


def test_a_killed_world_leaves_no_relay_behind(tmp_path: Path) -> None:
    with process(tmp_path, relay_command=TINY_RELAY) as world:
        (relay,) = children(world.child.pid)
        assert not gone(relay, 0.05)
        world.child.kill()
        world.child.wait(timeout=5)
        assert gone(relay)


def test_a_world_without_a_relay_says_so(tmp_path: Path) -> None:
    with process(tmp_path) as world:
        assert world.client.health().relay == "none"
        assert world.endpoints.relay_url == ""
        errors = (tmp_path / "stderr.log").read_text(encoding="utf-8").splitlines()
        assert json.loads(errors[-1])["event"] == "ready"


@pytest.mark.parametrize("field", ["download", "link", "atena.kaigo", "control", "relay"])
def test_a_port_in_use_names_the_field(tmp_path: Path, field: str) -> None:
    address = "127.0.20.1" if field == "download" else "127.0.0.1"
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        name, _, core = field.partition(".")
        ports = {name: {core: port} if core else port}
        said = fails(write_config(tmp_path, ports=ports, relay_command=TINY_RELAY))
    assert said.startswith(f"world.json: ports.{field}: {address}:{port} ")
    assert not (tmp_path / "run" / "world-ready.json").exists()


def test_a_relay_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    broken = (sys.executable, "-I", "-c", "import sys; sys.exit('relay.toml: listen is wrong')")
    assert "relay.toml: listen is wrong" in fails(write_config(tmp_path, relay_command=broken))
    assert "no-such-program" in fails(write_config(tmp_path, relay_command=("/no-such-program",)))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"link_api_key": ""}, "link_api_key"),
        ({"start_clock": "2026-10-10T09:00:00"}, "start_clock"),
        ({"core": {}}, "core"),
        ({"portz": {}}, "portz"),
        ({"ports": {"atena": {"hoiku": 1}}}, "ports.atena.hoiku"),
        ({"download": {"account": "a", "secret": "b", "fqdn": "https://x/"}}, "download.fqdn"),
    ],
)
def test_a_wrong_configuration_names_the_field(tmp_path: Path, change: dict[str, object], place: str) -> None:
    file = tmp_path / "world.json"
    good = json.loads(config(tmp_path / "run").model_dump_json())
    file.write_text(json.dumps(good | change), encoding="utf-8")
    with pytest.raises(SpecError, match="json") as found:
        load_config(file)
    assert found.value.place == place


def test_a_configuration_that_cannot_be_used_ends_the_process_with_2(tmp_path: Path) -> None:
    assert "world.json" in fails(tmp_path / "world.json")
    assert "none.toml" in fails(write_config(tmp_path, overlay=tmp_path / "none.toml"))


def test_the_log_holds_no_data_of_persons(tmp_path: Path) -> None:
    with process(tmp_path) as world:
        world.client.put_atena("kaigo", [atena("1", "架空　太郎")])
        url = world.endpoints.atena_urls["kaigo"] + "/atena/v1/zenken?name=%E6%9E%B6%E7%A9%BA"
        assert httpx.get(url, headers={"X-Api-Key": "kaigo-key"}, trust_env=False).status_code == 400
        url = world.endpoints.atena_urls["kaigo"] + "/atena/v1/zenken"
        assert httpx.get(url, headers={"X-Api-Key": "kaigo-key"}, trust_env=False).status_code == 200
    text = (tmp_path / "stderr.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one.get("system"), one.get("status")) for one in lines if one["event"] == "exchange"] == [
        ("core:kaigo", 400),
        ("core:kaigo", 200),
    ]
    assert "架空" not in text
    assert "%E6" not in text
    assert "kaigo-key" not in text


def test_a_second_start_in_the_same_folder_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        with process(tmp_path, relay_command=TINY_RELAY) as world:
            assert world.client.exchanges() == []
            assert world.client.relay_log() == []
            assert Path(world.endpoints.dl_ca_file) == tmp_path / "run" / "dl-ca.pem"
