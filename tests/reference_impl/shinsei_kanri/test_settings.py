"""Settings: every problem at once, each naming its setting and the fix; secrets never shown."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

import shinsei_testbed
from reference_impl.shinsei_kanri import settings
from reference_impl.shinsei_kanri.settings import SettingsError


def sound(folder: Path) -> dict[str, str]:
    ca = folder / "ca.pem"
    ca.write_text("x", encoding="utf-8")
    values = {
        "LISTEN": "127.0.0.1:0",
        "DATABASE_URL": "postgresql://postgres@/am?host=/nowhere",
        "DANTAI_CODE": "991236",
        "PROXY_URL": "http://127.0.0.1:3128",
        "DOWNLOAD_URL": "https://dl.test:1",
        "DOWNLOAD_CA_FILE": str(ca),
        "DOWNLOAD_ACCOUNT": "minato",
        "DOWNLOAD_SECRET": "hush",
        "PROCEDURES": "K01, C01",
        "LINK_URL": "http://127.0.0.1:2",
        "LINK_API_KEY": "hush",
        "ATENA_URLS": "jido_teate=http://127.0.0.1:3,kaigo=http://127.0.0.1:4",
        "ATENA_API_KEYS": "jido_teate=hush,kaigo=hush",
        "HANDOVER_API_KEYS": "jido_teate=hush1,kaigo=hush2",
        "CONTROL_TOKEN": "hush",
    }
    return {f"SHINSEI_AM_{name}": value for name, value in values.items()}


def test_sound_settings(tmp_path: Path) -> None:
    found = settings.load(sound(tmp_path))
    assert found.core_systems == ("jido_teate", "kaigo")
    assert found.database_url.startswith("postgresql+psycopg://")
    assert (found.import_window_days, found.import_every_seconds, found.clock_start) == (7, 0, None)
    assert "hush" not in repr(found)


def test_nothing_set_names_everything_needed() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({})
    named = {problem.split(":")[0].removeprefix("SHINSEI_AM_") for problem in caught.value.problems}
    assert named >= {"LISTEN", "DATABASE_URL", "DANTAI_CODE", "PROXY_URL", "DOWNLOAD_CA_FILE", "PROCEDURES", "LINK_URL"}
    assert all(" / " in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "localhost:1"),
        ("LISTEN", "127.0.0.1:99999"),
        ("DATABASE_URL", "sqlite:///x"),
        ("DANTAI_CODE", "12345"),
        ("PROXY_URL", "socks://x:1"),
        ("DOWNLOAD_URL", "http://dl.test"),
        ("DOWNLOAD_CA_FILE", "/nowhere/ca.pem"),
        ("PROCEDURES", "K99"),
        ("PROCEDURES", "S02"),
        ("IMPORT_WINDOW_DAYS", "0"),
        ("IMPORT_EVERY_SECONDS", "soon"),
        ("ATENA_URLS", "jido_teate=http://127.0.0.1:3"),
        ("ATENA_URLS", "nonsense"),
        ("HANDOVER_API_KEYS", "jido_teate=same,kaigo=same"),
        ("CLOCK", "yesterday"),
        ("PROFILE", "nonsense"),
        ("PROFILE_OVERLAY", "/nowhere.toml"),
        ("LISTNE", "x"),
    ],
)
def test_bad_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(sound(tmp_path) | {f"SHINSEI_AM_{name}": value})
    assert all(problem.startswith(f"SHINSEI_AM_{name}") for problem in caught.value.problems)
    assert caught.value.problems


def test_file_below_environment(tmp_path: Path) -> None:
    file = tmp_path / "am.toml"
    file.write_text(
        'import_window_days = 3\ndantai_code = "000000"\nprocedures = ["K01"]\n[atena_urls]\njido_teate = "http://a:1"\n',
        encoding="utf-8",
    )
    environment = sound(tmp_path) | {"SHINSEI_AM_SETTINGS": str(file)}
    del environment["SHINSEI_AM_PROCEDURES"], environment["SHINSEI_AM_ATENA_URLS"]
    found = settings.load(environment)
    assert found.import_window_days == 3
    assert found.dantai_code == "991236"
    assert list(found.procedures) == ["K01"]
    assert found.atena_urls == {"jido_teate": "http://a:1"}


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SHINSEI_")}
    return subprocess.run(
        shinsei_testbed.module_command("reference_impl.shinsei_kanri", "serve"),
        env=plain | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )


def test_process_ends_with_two_and_sentences(tmp_path: Path) -> None:
    done = run(sound(tmp_path) | {"SHINSEI_AM_DANTAI_CODE": "x", "SHINSEI_AM_PROCEDURES": "K99"})
    assert done.returncode == 2
    assert "SHINSEI_AM_DANTAI_CODE" in done.stderr
    assert "SHINSEI_AM_PROCEDURES" in done.stderr
    assert "Traceback" not in done.stderr


def test_unreachable_database_and_used_port(tmp_path: Path, database_url: str) -> None:
    done = run(sound(tmp_path))
    assert done.returncode == 2
    assert "SHINSEI_AM_DATABASE_URL" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as used:
        listen = {"SHINSEI_AM_LISTEN": f"127.0.0.1:{used.getsockname()[1]}", "SHINSEI_AM_DATABASE_URL": database_url}
        done = run(sound(tmp_path) | listen)
    assert done.returncode == 2
    assert "SHINSEI_AM_LISTEN" in done.stderr


TOGO = {
    "SHINSEI_AM_PATTERNS": "K01=ii+iii",
    "SHINSEI_AM_TOGO_URL": "http://127.0.0.1:5",
    "SHINSEI_AM_TOGO_CLIENT_ID": "client",
    "SHINSEI_AM_TOGO_CLIENT_SECRET": "hush",
    "SHINSEI_AM_TOGO_GYOMU_IDS": "juki=001,jido_teate=012,kaigo=013",
}


def test_pattern_ii_needs_togo(tmp_path: Path) -> None:
    found = settings.load(sound(tmp_path) | TOGO)
    assert found.togo is not None
    assert found.patterns == {"K01": frozenset({"ii", "iii"})}
    assert "hush" not in repr(found)
    assert settings.load(sound(tmp_path)).togo is None
    with pytest.raises(SettingsError) as caught:
        settings.load(sound(tmp_path) | {"SHINSEI_AM_PATTERNS": "K01=ii"})
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATTERNS", "K01=i+ii"), ("PATTERNS", "K01=iv"), ("PATTERNS", "S02=i"), ("SCANNER", "clamd"), ("WORKERS", "-1")],
)
def test_wrong_value_of_a_choice(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(sound(tmp_path) | {f"SHINSEI_AM_{name}": value})
    assert caught.value.problems[0].startswith(f"SHINSEI_AM_{name}: ")
