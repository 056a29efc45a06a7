"""axe-core in Chromium over every kind of page, at desk and phone width. Skipped where either is missing.

``SHINSEI_AXE`` is the path of ``axe.min.js`` (npm ``axe-core``); `make axe` fetches it. ``SHINSEI_AXE_SHOTS`` keeps pictures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from mock_services.control_api import control_app
from mock_services.serve import RunningWorld
from tests.mock_services.portal_support import NAMES, PDF, portal
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, in_process, meta
from tests.mock_services.test_portal_screens import fill, sign_in

AXE, CHROMIUM = os.environ.get("SHINSEI_AXE", ""), shutil.which("chromium")
pytestmark = pytest.mark.skipif(not (AXE and CHROMIUM), reason="needs SHINSEI_AXE and chromium")
WIDTHS = (1200, 360)
PAGES = (
    "portal-search", "portal-nothing-found", "portal-sign-in", "portal-form", "portal-form-wrong", "portal-draft",
    "portal-draft-refused", "portal-receipt", "portal-receipts", "portal-not-found", "kanri-sign-in", "kanri-wrong",
    "kanri-list", "kanri-one", "kanri-one-wrong", "kanri-refused", "control-docs", "door-docs",
)  # fmt: skip
_RUN = (
    "<script>%s</script><script>axe.run({runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})"
    ".then(r=>{const p=document.createElement('pre');p.id='axe-found';p.textContent=JSON.stringify(r.violations.map(v=>"
    "[v.id,v.nodes.map(n=>n.html)]).concat(document.documentElement.scrollWidth>innerWidth?[['wider-than-the-screen',"
    "[document.documentElement.scrollWidth+'']]]:[]));document.body.append(p)})</script>"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    world = in_process(
        tmp_path_factory.mktemp("axe"),
        portal={"api_keys": {"site": "key"}, "town_names": NAMES},
        kanri={"town_names": NAMES},
    )
    yield _portal(world) | _kanri(world) | _control(world)
    world.world.recorder.close()


def _portal(world: InProcess) -> dict[str, str]:
    browser = asgi_client(portal(world).doors()["portal-screen"])
    browser.follow_redirects = True
    found = {
        "portal-search": browser.get("/").text,
        "portal-nothing-found": browser.get("/", params={"q": "何もない"}).text,
        "portal-sign-in": browser.get("/sign-in").text,
    }
    sign_in(browser)
    found["portal-form"] = browser.get(f"/apply/{DANTAI}/C01").text
    found["portal-form-wrong"] = browser.post(f"/apply/{DANTAI}/C01", data={"action": "check"}).text
    draft = fill(browser, "M01")
    browser.post(
        f"{draft.url.path}/files", data={"label": "書類"}, files={"file": ("書類.pdf", PDF, "application/pdf")}
    )
    found["portal-draft"] = browser.get(draft.url.path).text
    values = {"sign": "1", "new_town": OTHER_DANTAI, "visit_date": ""}
    found["portal-draft-refused"] = browser.post(f"{draft.url.path}/submit", data=values).text
    done = browser.post(f"{draft.url.path}/submit", data=values | {"visit_date": "2026-10-20"})
    found["portal-receipt"] = done.text
    found["portal-receipts"] = browser.get("/receipts").text
    found["portal-not-found"] = browser.get("/receipts/none").text
    return found


def _kanri(world: InProcess) -> dict[str, str]:
    for number in range(1, 6):
        world.world.load_application(meta(number, procedure_id=("K01", "C01")[number % 2]), b"PK")
    browser = asgi_client(world.world.systems["kanri"].doors()["kanri-screen"])
    browser.follow_redirects = True
    wrong = {"dantai_code": DANTAI, "account": "city", "secret": "x"}
    found = {
        "kanri-sign-in": browser.get("/sign-in").text,
        "kanri-wrong": browser.post("/sign-in", data=wrong).text,
    }
    found["kanri-list"] = browser.post("/sign-in", data=wrong | {"secret": "open sesame"}).text
    found["kanri-one"] = browser.get("/applications/R0001").text
    found["kanri-one-wrong"] = browser.post("/applications/R0001/status", data={"status": "x"}).text
    found["kanri-refused"] = browser.get("/applications/none").text
    return found


def _control(world: InProcess) -> dict[str, str]:
    stage = RunningWorld.__new__(RunningWorld)
    stage.world, stage.relay = world.world, None
    client = asgi_client(control_app(stage))
    return {"control-docs": client.get("/docs").text, "door-docs": client.get("/docs/portal-screen").text}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(pages: dict[str, str], name: str, width: int, tmp_path: Path) -> None:
    assert CHROMIUM
    page = tmp_path / "page.html"
    script = Path(AXE).read_text(encoding="utf-8").replace("</script", "<\\/script")
    page.write_text(pages[name] + _RUN % script, encoding="utf-8")
    browser = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
    ]  # fmt: skip
    # A window is never narrower than 500 pixels, so the phone looks through a frame.
    framed = tmp_path / "framed.html"
    source = page.read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
    framed.write_text(
        f'<!doctype html><body style="margin:0"><iframe id="f" style="border:0;width:{width}px;height:2400px" srcdoc="{source}">'
        "</iframe><script>setInterval(()=>{const p=f.contentDocument&&f.contentDocument.getElementById('axe-found');"
        "if(p&&!window.o){window.o=document.createElement('pre');o.id='axe-found';o.textContent=p.textContent;"
        "document.body.append(o)}},50)</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [*browser, "--dump-dom", f"--window-size={max(width, 600)},2400", framed.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    assert '<pre id="axe-found">' in done, done[-500:]
    told = done.rpartition('<pre id="axe-found">')[2].partition("</pre>")[0]
    _keep_picture(pages[name], name, width, browser, tmp_path)
    assert json.loads(unescape(told)) == []


def _keep_picture(text: str, name: str, width: int, browser: list[str], folder: Path) -> None:
    shots = os.environ.get("SHINSEI_AXE_SHOTS")
    if not shots:
        return
    plain, framed = folder / "plain.html", folder / "shot.html"
    plain.write_text(text, encoding="utf-8")
    framed.write_text(
        f'<!doctype html><body style="margin:0"><iframe style="border:0;width:{width}px;height:1600px" src="plain.html">'
        "</iframe>",
        encoding="utf-8",
    )
    picture = Path(shots) / f"{name}-{width}.png"
    size = f"--window-size={max(width, 500)},1600"
    subprocess.run(
        [*browser, f"--screenshot={picture}", size, framed.as_uri()], capture_output=True, check=True, timeout=60
    )
