"""③-4 and ③-5 over HTTP: what a core system sees at which moment, and what its answers change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from fixtures.cases.model import Case
from fixtures.world import World
from interface_spec.control import Handover, Review, Role
from mock_services.models import Answer, PullPlan, PullResult
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import KEYS, Product, Running, running_product, running_world, start_of


class Desk:
    """Hands every test an application of its own."""

    def __init__(self, running: Running, product: Product) -> None:
        self.running, self.product = running, product
        self._next = iter(range(1, 30))

    def fresh(self, kind: str = "k01-plain") -> Case:
        number = next(self._next)
        (case,) = self.running.load(kind if number == 1 else f"{kind}#{number}")
        assert self.product.import_now().counts["stored"] == 1
        return case

    def pull(self, core: str = "jido_teate", key: str | None = None, **plan: object) -> PullResult:
        url = self.product.url
        return self.running.client.pull(
            core, PullPlan.model_validate({"base_url": url, "api_key": key or KEYS[core], **plan})
        )


@pytest.fixture(scope="module")
def desk(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    world = World(seed=8, reference_date=date(2026, 11, 23))
    url = server.create_database("handover")
    with running_world(tmp_path_factory.mktemp("world"), world, start_of(world)) as running:
        running.put_registers()
        with running_product(running, url, start_of(world)) as product:
            product.sync()
            yield Desk(running, product)


def test_completed_application_is_handed_over_once_and_whole(desk: Desk) -> None:
    case = desk.fresh()
    assert case.receipt_no not in desk.pull(default=Answer(result="none")).listed
    desk.product.complete(case.receipt_no)
    result = desk.pull()
    assert result.problems == []
    assert case.receipt_no in result.listed
    (received,) = [one for one in result.received if one.receipt_no == case.receipt_no]
    assert received.problems == []
    assert case.truth.signer is not None
    assert received.fields["signer_atena_no"] == case.truth.signer.numbers["jido_teate"]
    assert received.fields["arrived_at"] == case.arrived_at.isoformat()
    assert [one["value"] for one in received.items] == [one.value for one in case.truth.items]
    assert [one["real_sha256"] for one in received.attachments] == [one.sha256 for one in case.truth.attachments]
    assert dict(result.acks)[case.receipt_no] == 200
    assert case.receipt_no not in desk.pull().listed
    assert desk.product.application(case.receipt_no).handover is Handover.DELIVERED
    assert desk.product.review(case.receipt_no, "reviewing").status_code == 409


def test_unacknowledged_stays_offered_and_reopened_does_not(desk: Desk) -> None:
    case = desk.fresh()
    desk.product.complete(case.receipt_no)
    silent = Answer(result="none")
    assert case.receipt_no in desk.pull(default=silent).listed
    assert case.receipt_no in desk.pull(default=silent).listed
    desk.product.review(case.receipt_no, "reviewing").raise_for_status()
    result = desk.pull(default=silent, unlisted=[case.receipt_no])
    assert case.receipt_no not in result.listed
    assert [one.status for one in result.received if one.receipt_no == case.receipt_no] == [404]


def test_core_error_comes_back_and_is_offered_again_after_a_new_review(desk: Desk) -> None:
    case = desk.fresh()
    desk.product.complete(case.receipt_no)
    refused = Answer(result="error", item="account_no", reason="口座番号の桁が違います")
    desk.pull(answers={case.receipt_no: refused})
    found = desk.product.application(case.receipt_no)
    assert found.handover is Handover.ERROR
    assert found.core_errors == ["account_no: 口座番号の桁が違います"]
    assert case.receipt_no not in desk.pull().listed
    desk.product.complete(case.receipt_no)
    assert case.receipt_no in desk.pull().listed
    assert desk.product.application(case.receipt_no).handover is Handover.DELIVERED


def test_same_answer_again_is_harmless_and_another_one_is_a_conflict(desk: Desk) -> None:
    case = desk.fresh()
    desk.product.complete(case.receipt_no)
    path = f"/renkei/v1/applications/{case.receipt_no}/ack"
    headers = {"X-Api-Key": KEYS["jido_teate"]}
    first = desk.product.http.post(path, json={"result": "1"}, headers=headers)
    again = desk.product.http.post(path, json={"result": "1"}, headers=headers)
    other = desk.product.http.post(path, json={"result": "2", "errorReason": "x"}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
    assert first.json() == again.json() == {"state": "2"}
    assert other.json()["code"] == "SK0409"
    assert desk.product.http.post(path, json={"result": "7"}, headers=headers).status_code == 400
    assert desk.product.http.post(path, content=b"nonsense", headers=headers).status_code == 400


def test_a_core_system_sees_its_own_only(desk: Desk) -> None:
    case = desk.fresh("c01-self")
    desk.product.complete(case.receipt_no)
    own = {"X-Api-Key": KEYS["kaigo"]}
    foreign = {"X-Api-Key": KEYS["jido_teate"]}
    listing, one = "/renkei/v1/applications?coreSystem=kaigo", f"/renkei/v1/applications/{case.receipt_no}"
    http = desk.product.http
    assert http.get(listing).status_code == 401
    assert http.get(listing, headers=foreign).status_code == 401
    assert http.get(one, headers=foreign).status_code == 404
    assert http.get(f"{one}/attachments", headers=foreign).status_code == 404
    assert http.get(f"{one}/attachments/1", headers=foreign).status_code == 404
    assert http.post(f"{one}/ack", json={"result": "1"}, headers=foreign).status_code == 404
    assert http.get(listing, headers=own).json()["items"][0]["receiptNo"] == case.receipt_no
    assert http.get(one, headers=own).status_code == 200
    received = desk.pull("kaigo").received
    assert case.truth.subject is not None
    assert received[0].fields["subject_atena_no"] == case.truth.subject.numbers["kaigo"]


def test_review_refuses_what_the_rules_refuse(desk: Desk) -> None:
    case = desk.fresh()
    product = desk.product
    version = product.application(case.receipt_no).version
    assert product.review(case.receipt_no, "completed").status_code == 409
    assert product.review(case.receipt_no, "reviewing", version=version).status_code == 200
    stale = product.review(case.receipt_no, "completed", version=version)
    assert stale.status_code == 409
    assert " / " in stale.json()["message"]
    assert product.review(case.receipt_no, "rejected").status_code == 409
    assert product.review(case.receipt_no, "rejected", reason="要件を満たさない").status_code == 200
    found = product.application(case.receipt_no)
    assert found.review is Review.REJECTED
    assert found.history[-1].reason == "要件を満たさない"
    assert product.review("nobody", "reviewing").status_code == 404
    assert product.review(case.receipt_no, "nonsense").status_code == 422


def test_staff_decide_about_a_person_before_completion(desk: Desk) -> None:
    (case,) = desk.running.load("k01-ambiguous")
    desk.product.import_now()
    product = desk.product
    product.review(case.receipt_no, "reviewing").raise_for_status()
    assert product.review(case.receipt_no, "completed").status_code == 409
    assert product.identify(case.receipt_no, role="signer", atena_no="999", reason="x").status_code == 409
    assert product.identify(case.receipt_no, role="subject", atena_no=None, reason="x").status_code == 409
    assert product.identify(case.receipt_no, role="signer", atena_no=None, reason="").status_code == 422
    chosen = product.application(case.receipt_no).persons[0].candidates[0].atena_no
    assert product.identify(case.receipt_no, role="signer", atena_no=chosen, reason="電話で確認").status_code == 200
    product.sync()
    (signer,) = product.application(case.receipt_no).persons
    assert (signer.role, signer.method, signer.atena_no) == (Role.SIGNER, "manual", chosen)
    assert product.review(case.receipt_no, "completed").status_code == 200
    assert product.identify(case.receipt_no, role="signer", atena_no=None, reason="x").status_code == 409


def test_control_interface_needs_its_token(desk: Desk) -> None:
    http = desk.product.http
    assert http.get("/control/v1/health", headers={"Authorization": ""}).status_code == 200
    for path in ("/control/v1/applications", "/control/v1/jobs/x"):
        answer = http.get(path, headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
        assert answer.json().keys() == {"code", "message"}
    assert http.post("/control/v1/imports", headers={"Authorization": ""}).status_code == 401
    assert http.get("/control/v1/jobs/x").status_code == 404
