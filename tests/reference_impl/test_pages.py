"""The staff pages as staff use them: identify, review with reasons, quarantine; forms of other sites get nowhere."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from fixtures.world import World
from interface_spec.control import Ingestion, PersonState, Review
from shinsei_testbed import module_command
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import (
    Product,
    Running,
    product_environment,
    running_product,
    running_world,
    start_of,
)


class Office:
    def __init__(self, running: Running, product: Product) -> None:
        self.running, self.product = running, product
        self.browser = httpx.Client(base_url=product.url, auth=("staff", "staff-pass"), trust_env=False)

    def take_in(self, name: str) -> str:
        (case,) = self.running.load(name)
        self.product.import_now()
        return case.receipt_no

    def page(self, receipt_no: str) -> str:
        return self.browser.get(f"/staff/applications/{receipt_no}").raise_for_status().text

    def send(self, receipt_no: str, form: str, **fields: str) -> httpx.Response:
        hidden = {}
        page = self.page(receipt_no)
        for name in ("token", "version"):
            if found := re.search(rf'name="{name}" value="([^"]+)"', page):
                hidden[name] = found[1]
        return self.browser.post(f"/staff/applications/{receipt_no}/{form}", data=hidden | fields)


@pytest.fixture(scope="module")
def office(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    world = World(seed=12, reference_date=date(2026, 11, 23))
    url = server.create_database("office")
    with running_world(tmp_path_factory.mktemp("world"), world, start_of(world)) as running:
        running.put_registers()
        with running_product(running, url, start_of(world)) as product:
            product.sync()
            made = Office(running, product)
            yield made
            made.browser.close()


def test_identify_and_review_up_to_completion(office: Office) -> None:
    receipt_no = office.take_in("k01-ambiguous")
    product = office.product
    number = product.application(receipt_no).persons[0].candidates[0].atena_no
    assert office.send(receipt_no, "identify", role="signer", atena_no=number).status_code == 409
    assert office.send(receipt_no, "identify", role="signer", reason="x").status_code == 409
    assert office.send(receipt_no, "identify", role="signer", atena_no=number, none="1", reason="x").status_code == 409
    assert office.send(receipt_no, "identify", role="signer", atena_no=number, reason="電話").status_code == 303
    assert office.send(receipt_no, "review", to="reviewing").status_code == 303
    assert office.send(receipt_no, "review", to="rejected").status_code == 409
    assert office.send(receipt_no, "review", to="completed").status_code == 303
    found = product.application(receipt_no)
    assert (found.review, found.persons[0].state, found.persons[0].atena_no) == (
        Review.COMPLETED,
        PersonState.IDENTIFIED,
        number,
    )
    assert {event.actor for event in found.history} == {"system", "staff"}
    assert {event.at.utcoffset() for event in found.history} == {timedelta(hours=9)}
    assert "電話" in office.page(receipt_no)


def test_older_page_changes_nothing(office: Office) -> None:
    receipt_no = office.take_in("k01-plain")
    stale = office.product.application(receipt_no).version
    assert office.send(receipt_no, "review", to="reviewing").status_code == 303
    late = office.send(receipt_no, "review", to="withdrawn", version=str(stale))
    assert late.status_code == 409
    assert "moved on" in late.json()["message"]
    late = office.send(receipt_no, "identify", role="signer", none="1", reason="x", version=str(stale))
    assert late.status_code == 409
    assert office.product.application(receipt_no).review is Review.REVIEWING


def test_form_without_our_token_or_account_is_refused(office: Office) -> None:
    receipt_no = office.take_in("k01-plain#2")
    path = f"/staff/applications/{receipt_no}/review"
    assert office.send(receipt_no, "review", to="reviewing", token="guessed").status_code == 403
    assert httpx.post(office.product.url + path, data={"to": "reviewing"}, trust_env=False).status_code == 401
    assert office.browser.post(path, data={"to": "reviewing"}).status_code == 422
    assert office.product.application(receipt_no).review is Review.UNREVIEWED


def test_refusal_is_a_page_for_who_looks_at_one(office: Office) -> None:
    receipt_no = office.take_in("k01-plain#4")
    office.browser.headers["Accept"] = "text/html,application/xhtml+xml"
    try:
        refused = office.send(receipt_no, "review", to="completed")
        missing = office.browser.get("/staff/applications/<b>")
    finally:
        office.browser.headers["Accept"] = "*/*"
    assert (refused.status_code, missing.status_code) == (409, 404)
    for page in (refused, missing):
        assert page.headers["Content-Type"].startswith("text/html")
        assert "できませんでした" in page.text
        assert "<b>" not in page.text
    assert office.send(receipt_no, "review", to="completed").json()["message"].partition(" / ")[0] in refused.text
    assert office.product.application(receipt_no).review is Review.UNREVIEWED


def test_original_zip_and_quarantine_from_the_page(office: Office) -> None:
    receipt_no = office.take_in("k01-plain#3")
    case = office.running.world.case("k01-plain#3")
    assert office.browser.get(f"/staff/applications/{receipt_no}/package.zip").content == case.zip_bytes
    bad = office.take_in("broken-crc")
    assert office.product.application(bad).ingestion is Ingestion.QUARANTINED
    assert "もう一度確かめる" in office.page(bad)
    assert office.send(bad, "quarantine", reason="再送を確認").status_code == 303
    assert office.send(bad, "quarantine", reason="").status_code == 409
    assert office.send(bad, "quarantine", reason="出す", release="1").status_code == 409
    found = office.product.application(bad)
    assert found.ingestion is Ingestion.QUARANTINED
    assert found.history[-1].reason == "再送を確認"


def test_items_outside_the_definition_are_marked(office: Office) -> None:
    page = office.page(office.take_in("k01-edited-preset"))
    assert "手続の定義にない項目" in page


def test_interface_documents_are_there_for_the_core_systems_that_are_served(office: Office) -> None:
    listed = office.browser.get("/staff/interface").raise_for_status().text
    assert "/staff/interface/jido_teate.html" in listed
    page = office.browser.get("/staff/interface/jido_teate.html").raise_for_status()
    assert "基幹連携インターフェース仕様書" in page.text
    assert "http" not in page.headers["Content-Security-Policy"]
    assert office.browser.get("/staff/interface/hoiku.html").status_code == 404
    assert httpx.get(f"{office.product.url}/staff/interface", trust_env=False).status_code == 401


def test_interface_document_is_written_by_the_command(office: Office, tmp_path: Path) -> None:
    running = office.running
    environment = product_environment(
        running, "postgresql://nobody@127.0.0.1:1/none", start_of(running.world), tmp_path / "r"
    )
    file = tmp_path / "kaigo.html"

    def write(core_system: str) -> subprocess.CompletedProcess[str]:
        command = module_command("reference_impl.shinsei_kanri", "interface", core_system, str(file))
        return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)

    assert write("kaigo").returncode == 0
    assert 'id="fingerprint"' in file.read_text(encoding="utf-8")
    unknown = write("hoiku")
    assert unknown.returncode == 2
    assert "jido_teate, kaigo" in unknown.stderr
