"""``shinsei serve``: starts, tells where everything is, serves the specification, ends cleanly; wrong words end with 2."""

from __future__ import annotations

import json
import subprocess
from html import escape
from pathlib import Path

import httpx
import pytest

from shinsei_testbed import module_command
from testbed.cli.serve_app import SYSTEMS, _values_of, ports_of

COMMAND = module_command("testbed.cli.run", "serve")


def test_everything_is_served_and_ends_with_0(tmp_path: Path) -> None:
    words = ["all", "--json", "--out", str(tmp_path / "run"), "--applications", "3", "--date", "2026-11-23"]
    words += ["--rate-limit", "1000", "--maintenance", "02:00-05:00", "--client-certificate", "optional"]
    child = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        where, control = told["endpoints"]["systems"], told["endpoints"]["control_url"]
        client = httpx.Client(trust_env=False)
        get = client.get
        assert get(f"{control}/world/v1/health").json()["status"] == "ok"
        rules = get(f"{control}/world/v1/rules").json()
        assert (rules["calls_per_minute"], rules["client_certificate"]) == (1000, "optional")
        assert rules["maintenance"][0]["end"] == "05:00:00"
        assert Path(told["endpoints"]["dl_client_file"]).stat().st_mode & 0o077 == 0
        for door in ("portal", "portal-screen", "kanri-screen", "togo", "lgwan-site"):
            assert get(f"{where[door]}/-/health").json()["status"] == "ok"
        assert "ダウンロード機能" in get(f"{control}/spec/index.html").text
        assert get(f"{control}/spec/openapi/togo.json").json()["openapi"] == "3.1.0"
        doors = ("download", "link", "atena", "togo", "portal", "portal-screen", "kanri-screen", "lgwan-site")
        for door in doors:
            page, document = get(f"{control}/docs/{door}").text, get(f"{control}/docs/{door}.json").json()
            assert document["openapi"].startswith("3.1")
            assert escape(document["info"]["title"]) in page
            assert all(escape(path) in page for path in document["paths"])
            assert f'href="/docs/{door}"' in get(f"{control}/docs").text
        own = get(f"{control}/openapi.json").json()
        calls = [call for path in own["paths"].values() for call in path.values()]
        assert len(calls) > 35
        assert all(" / " in call["summary"] for call in calls)
        said = {one["name"]: one["description"] for one in own["tags"]}
        assert {tag for call in calls for tag in call["tags"]} <= set(said)
        assert all(f"<h2>{escape(said[call['tags'][0]])}</h2>" in get(f"{control}/docs").text for call in calls[:1])
        assert get(f"{control}/docs/nowhere").status_code == 404
        assert "手続をさがす" in get(where["portal-screen"]).text
        assert "職員のログイン" in get(f"{where['kanri-screen']}/sign-in").text
        key = {"X-Api-Key": told["world"]["link_api_key"]}
        full = get(f"{told['endpoints']['link_url']}/himozuke/v1/zenken", headers=key)
        assert len(full.text.splitlines()) > 100
        (cs,) = [one for one in get(f"{control}/world/v1/juki-cs").json() if one["dantai_code"] == "991236"]
        assert cs["certificates"] == len(full.text.splitlines()) - 1
        client.close()
        child.terminate()
        assert child.wait(timeout=30) == 0
    finally:
        child.kill()
        child.communicate()
    log = (tmp_path / "run" / "world.log").read_text(encoding="utf-8")
    assert '"event": "stopped"' in log


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["portall"], "SYSTEM portall"),
        (["juki", "--municipality", "123456"], "検査数字"),
        (["download", "--maintenance", "2時"], "--maintenance 2時"),
        (["download", "--maintenance", "25:00-26:00"], "rules.maintenance.0.start"),
        (["download", "--client-certificate", "perhaps"], "rules.client_certificate"),
        (["juki-cs", "--port", "18000"], "ポートはありません"),
        (["all", "--port", "65530"], "--port 65530"),
        (["juki", "--overlay", "no-such-file.toml"], "no-such-file.toml"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_2(tmp_path: Path, words: list[str], said: str) -> None:
    done = subprocess.run(
        [*COMMAND, *words, "--out", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_with_all_every_port_follows_the_first() -> None:
    ports = ports_of("all", 18000, 17999)
    given = [ports["download"], ports["link"], *ports["atena"].values(), *ports["systems"].values(), ports["relay"]]
    assert given == list(range(18000, 18000 + len(given)))
    assert ports["control"] == 17999


def test_what_is_shown_names_addresses_and_documents(tmp_path: Path) -> None:
    words = ["portal", "--out", str(tmp_path / "run"), "--applications", "0", "--no-relay"]
    child = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        shown = [one.removeprefix("OpenAPI ") for one in lines if one.startswith("OpenAPI ")]
        assert [one.rpartition("/")[2] for one in shown] == ["portal", "portal-screen"]
        assert all(httpx.get(one, trust_env=False).status_code == 200 for one in shown)
        child.terminate()
        assert child.wait(timeout=30) == 0
    finally:
        child.kill()
        child.communicate()


def test_every_value_that_is_shown_says_what_it_is() -> None:
    config = {
        "dantai_code": "991236",
        "download": {"account": "a", "secret": "b"},
        "portal": {"api_keys": {"site": "k"}},
        "togo": {"clients": [{"client_id": "c", "secret": "s"}]},
    }
    for name in ("portal", "kanri", "togo"):
        shown = _values_of(name, config).splitlines()
        assert shown
        assert all(line.rpartition(" ")[0] for line in shown)


def test_every_system_has_a_sentence() -> None:
    assert all(" / " in words for words in SYSTEMS.values())
