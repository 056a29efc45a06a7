"""ぴったりサービス申請API: canonical requests in, answers out."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote

from cryptography import x509

from mock_services.download.models import DownloadStore
from mock_services.http import Answer, MalformedError, Request
from mock_services.portal.cms import CmsError, verify
from mock_services.portal.errors import BadItemsError, BadRequestError, TooLargeError
from mock_services.portal.forms import Typed
from mock_services.portal.models import FORM_VERSION, Draft, File, NewDraft, PortalStore, Proofs
from mock_services.surface import Bound, read_request_rows, write_answer
from mock_services.wiring import Record, Value

KINDS = {"申請": "application", "届出": "notification", "申出": "offer"}


@dataclass(frozen=True)
class Call:
    """One call of an API client that showed its key."""

    bound: Bound
    store: PortalStore
    applications: DownloadStore
    request: Request
    asked: Record
    client: str

    def text(self, name: str) -> str:
        value = self.asked[name]
        return "" if value is None else str(value)

    def answer(self, name: str, response: dict[str, Value], rows: list[dict[str, Value]] | None = None) -> Answer:
        return write_answer(self.bound, self.bound.operation(name), response, rows)


def procedures(call: Call) -> Answer:
    rows: list[dict[str, Value]] = [
        {
            "procedure_id": one.id,
            "name": one.ja,
            "kind": KINDS[one.kind],
            "signing": one.signing,
            "form_version": FORM_VERSION,
        }
        for one in call.store.offered(call.text("dantai_code"))
    ]
    return call.answer("procedures", {}, rows)


def form(call: Call) -> Answer:
    procedure = call.store.procedure(call.text("dantai_code"), call.text("procedure_id"))
    rows: list[dict[str, Value]] = []
    for one in procedure.items:
        group = procedure.groups.get(one.group)
        rows.append(
            {
                "item_id": one.id,
                "label": one.ja,
                "type": one.type,
                "length": one.length,
                "required": one.required,
                "group": one.group or None,
                "least": group.least if group else None,
                "most": group.most if group else None,
                "choices": "\n".join(one.choices) or None,
            }
        )
    return call.answer("form", {"form_version": FORM_VERSION}, rows)


def create(call: Call) -> Answer:
    try:
        rows = read_request_rows(call.bound, call.bound.operation("create"), call.request)
    except MalformedError:
        raise BadRequestError from None
    new = NewDraft(
        procedure_id=call.text("procedure_id"),
        dantai_code=call.text("dantai_code"),
        applicant_kind=call.text("applicant_kind"),
        form_version=cast(int, call.asked["form_version"]),
        idempotency_key=call.text("idempotency_key"),
        typed=tuple(
            Typed(
                str(row["item_id"]),
                str(row["value"] or ""),
                str(row["group"] or ""),
                cast(int, row["occurrence"]),
            )
            for row in rows
        ),
    )
    draft = call.store.create(call.client, new)
    return call.answer("create", {"draft_id": draft.draft_id, "digest": draft.sign_target})


def attach(call: Call) -> Answer:
    draft = call.store.draft(call.client, call.text("draft_id"))
    if call.request.body_cut:
        raise TooLargeError
    if hashlib.sha256(call.request.body).hexdigest() != call.asked["sha256"]:
        raise BadRequestError
    try:
        name, label = (unquote(call.text(one), errors="strict") for one in ("file_name", "label"))
    except UnicodeDecodeError:
        raise BadRequestError from None
    if not label.isprintable() or len(label) > 100:
        raise BadRequestError
    call.store.attach(draft, File(cast(int, call.asked["seq"]), label, name, call.request.body))
    return call.answer("attach", {})


def submit(call: Call) -> Answer:
    draft = call.store.draft(call.client, call.text("draft_id"))
    people, proofs = call.store.people, Proofs()
    if call.text("auth_certificate"):
        holder = people.holder_of(_certificate(call.text("auth_certificate")))
        if holder is None:
            raise BadItemsError(["利用者証明用電子証明書が、この試験の認証局のものではありません"])
        proofs = Proofs(login=holder)
    if call.text("signature"):
        try:
            signed = verify(_packed(call.text("signature")), bytes.fromhex(draft.sign_target))
        except CmsError:
            raise BadItemsError(["電子署名を読めません"]) from None
        signer = people.holder_of(signed.certificate)
        if signer is None:
            raise BadItemsError(["署名用電子証明書が、この試験の認証局のものではありません"])
        proofs = Proofs(proofs.login, signer, signed.fits)
    done = call.store.submit(draft, proofs, origin="api")
    return call.answer(
        "submit", {"receipt_no": done.receipt_no, "received_at": done.received_at, "paired_receipt_no": _pair(done)}
    )


def _pair(done: Draft) -> str | None:
    """受付番号 of the other one of 転出届 and 転入予約."""
    return done.pair.receipt_no if done.pair is not None else None


def _packed(text: str) -> bytes:
    try:
        return b64decode(text.encode(), validate=True)
    except ValueError:
        raise BadRequestError from None


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_packed(text))
    except (ValueError, TypeError):
        raise BadItemsError(["利用者証明用電子証明書を読めません"]) from None


def status(call: Call) -> Answer:
    done = call.store.receipt(call.client, call.text("receipt_no"))
    found = call.applications.peek(done.receipt_no)
    return call.answer(
        "status",
        {
            "receipt_no": done.receipt_no,
            "status": found.status if found else "processing",
            "updated_at": (found.status_at if found else None) or done.received_at,
            "message": (found.message if found else "") or None,
            "paired_receipt_no": _pair(done),
        },
    )


OPERATIONS: dict[str, Callable[[Call], Answer]] = {
    "procedures": procedures,
    "form": form,
    "create": create,
    "attach": attach,
    "submit": submit,
    "status": status,
}
