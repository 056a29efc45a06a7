"""The whole chain as processes: simulated world, relay, PostgreSQL and the product, with every named case."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

import pytest

from fixtures.cases.model import Case, PersonTruth
from fixtures.world import World
from interface_spec import control
from interface_spec.control import ApplicationDetail, Ingestion, JobState, Method, Person, PersonState, Role
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import Product, Running, running_product, running_world, start_of


class Chain:
    def __init__(self, running: Running, product: Product, cases: dict[str, Case]) -> None:
        self.running, self.product, self.cases = running, product, cases


@pytest.fixture(scope="module")
def chain(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    world = World(seed=7, reference_date=date(2026, 11, 23))
    now = start_of(world)
    url = server.create_database("chain")
    with running_world(tmp_path_factory.mktemp("world"), world, now) as running:
        running.put_registers()
        cases = running.load(*world.case_names())
        with running_product(running, url, now) as product:
            synced, imported = product.sync(), product.import_now()
            assert synced.state is JobState.DONE, synced
            assert imported.state is JobState.DONE, imported
            yield Chain(running, product, {case.name: case for case in cases})


def test_every_case_ends_as_its_truth_says(chain: Chain) -> None:
    wrong: list[str] = []
    for name, case in chain.cases.items():
        if case.procedure_id not in ("K01", "C01"):
            answer = chain.product.http.get(control.APPLICATION.format(receipt_no=case.receipt_no))
            wrong += [f"{name}: taken in although not assigned"] * (answer.status_code != 404)
            continue
        found = chain.product.application(case.receipt_no)
        wrong += [f"{name}: {problem}" for problem in problems(case, found)]
    assert wrong == []


def problems(case: Case, found: ApplicationDetail) -> list[str]:
    truth, wrong = case.truth, list[str]()
    if found.ingestion.value != truth.fate:
        return [f"{found.ingestion} instead of {truth.fate}: {found.quarantine_reason}"]
    if (found.received_at, found.arrived_at) != (case.received_at, case.arrived_at):
        wrong.append("times differ")
    if found.ingestion is Ingestion.QUARANTINED:
        return wrong + ([] if found.quarantine_reason else ["no reason"])
    items = [(one.item_id, one.label, one.group, one.occurrence, one.value) for one in found.items]
    if items != [(one.item_id, one.label, one.group, one.occurrence, one.value) for one in truth.items]:
        wrong.append("items differ")
    for got, want in zip(found.attachments, truth.attachments, strict=True):
        for name in ("seq", "label", "file_name", "media_type", "size", "sha256"):
            if getattr(got, name) != getattr(want, name):
                wrong.append(f"attachment {want.seq} {name}: {getattr(got, name)} != {getattr(want, name)}")
    by_role = {one.role: one for one in found.persons}
    for role, want_person in ((Role.SIGNER, truth.signer), (Role.SUBJECT, truth.subject)):
        if want_person is not None and role in by_role:
            wrong += [
                f"{role}: {one}"
                for one in person_problems(
                    by_role[role], want_person, late=bool(case.late_links or case.withdrawn_links)
                )
            ]
    return wrong


def person_problems(got: Person, want: PersonTruth, *, late: bool) -> list[str]:
    if want.identifiable == "staff" or late:
        return [f"{got.state}, should be for staff"] * (got.state is not PersonState.STAFF)
    if got.state is not PersonState.IDENTIFIED:
        return [f"not identified: {got.reasons}"]
    wrong = [f"wrong number {got.atena_no}"] * (got.atena_no != want.numbers.get(got.core_system))
    return wrong + [f"method {got.method}"] * (got.method is not Method(want.identifiable))


def test_attachment_bytes_come_back(chain: Chain) -> None:
    case = chain.cases["k01-all-attachment-types"]
    for want in case.truth.attachments:
        path = control.ATTACHMENT.format(receipt_no=case.receipt_no, seq=want.seq)
        body = chain.product.http.get(path).raise_for_status().content
        assert hashlib.sha256(body).hexdigest() == want.sha256


def test_nothing_is_taken_twice_and_everything_passed_the_relay(chain: Chain) -> None:
    before = chain.running.client.last_seq()
    again = chain.product.import_now()
    assert again.counts["new"] == 0
    asked = [one.operation for one in chain.running.client.exchanges(since=before, system="download")]
    assert "get" not in asked
    assert chain.running.client.direct_connections() == []


def test_late_link_identifies_after_the_next_sync(chain: Chain) -> None:
    case = chain.cases["k01-late-serial"]
    before = chain.product.application(case.receipt_no)
    chain.running.put_links(case.late_links)
    assert chain.product.sync().counts["identified_again"] >= 1
    found = chain.product.application(case.receipt_no)
    assert case.truth.signer is not None
    (signer,) = found.persons
    assert (signer.state, signer.method) == (PersonState.IDENTIFIED, Method.SERIAL)
    assert signer.atena_no == case.truth.signer.numbers["jido_teate"]
    assert found.version > before.version


def test_substituted_name_has_its_candidate(chain: Chain) -> None:
    case = chain.cases["k01-name-substituted"]
    assert case.truth.signer is not None
    (signer,) = chain.product.application(case.receipt_no).persons
    assert signer.candidates[0].atena_no == case.truth.signer.numbers["jido_teate"]
    assert signer.candidates[0].reasons


def test_pages_show_every_item_and_only_to_staff(chain: Chain) -> None:
    case = chain.cases["k01-three-children"]
    path = f"/staff/applications/{case.receipt_no}"
    assert chain.product.http.get(path, headers={"Authorization": ""}).status_code == 401
    assert chain.product.http.get(path, auth=("staff", "wrong")).status_code == 401
    page = chain.product.http.get(path, auth=("staff", "staff-pass")).raise_for_status().text
    for item in case.truth.items:
        assert item.label in page
    assert "審査状況" in page
    pdf = chain.product.http.get(f"{path}/form.pdf", auth=("staff", "staff-pass")).raise_for_status()
    assert pdf.content.startswith(b"%PDF-")
    file = chain.product.http.get(f"{path}/attachments/1", auth=("staff", "staff-pass")).raise_for_status()
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert chain.product.http.get("/staff/applications/nobody", auth=("staff", "staff-pass")).status_code == 404
    assert chain.product.http.get("/staff/applications", auth=("staff", "staff-pass")).status_code == 200


def test_staff_are_told_of_a_second_application_of_the_same_person(chain: Chain) -> None:
    twins = [case for name, case in chain.cases.items() if name.startswith("k01-twin-applications")]
    assert len(twins) == 2
    told = [
        event.what
        for case in twins
        for event in chain.product.application(case.receipt_no).history
        if "同じ人の同じ手続" in event.what
    ]
    assert told
    assert any(case.receipt_no in what for case in twins for what in told)
