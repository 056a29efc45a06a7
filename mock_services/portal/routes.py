"""ぴったりサービス申請API: which call is which operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from interface_spec.profile import Profile
from mock_services.download.models import DownloadStore
from mock_services.http import Answer, MalformedError, Request
from mock_services.portal.errors import ERRORS, BadRequestError, PortalError, TooLargeError, UnauthorizedError
from mock_services.portal.models import PortalStore
from mock_services.portal.responses import KINDS, OPERATIONS, Call
from mock_services.surface import (
    Bound,
    Shape,
    bind,
    error_answer,
    find,
    has_key,
    need_codes,
    no_such_call,
    read_request,
)

_TYPED = {"item_id": "text", "group": "text", "occurrence": "INT", "value": "text"}
SHAPES = {
    "procedures": Shape(
        request={"dantai_code": "text"},
        row={"procedure_id": "text", "name": "text", "kind": "CODE", "signing": "CODE", "form_version": "INT"},
    ),
    "form": Shape(
        request={"procedure_id": "text", "dantai_code": "text"},
        response={"form_version": "INT"},
        row={
            "item_id": "text",
            "label": "text",
            "type": "CODE",
            "length": "INT",
            "required": "BOOL",
            "group": "text",
            "least": "INT",
            "most": "INT",
            "choices": "text",
        },
    ),
    "create": Shape(
        request={
            "procedure_id": "text",
            "dantai_code": "text",
            "applicant_kind": "CODE",
            "form_version": "INT",
            "idempotency_key": "text",
        },
        request_row=_TYPED,
        response={"draft_id": "text", "digest": "DIGEST"},
    ),
    "attach": Shape(
        request={"draft_id": "text", "seq": "INT", "file_name": "text", "label": "text", "sha256": "DIGEST"},
        body=("none", "json"),
    ),
    "submit": Shape(
        request={"draft_id": "text", "signature": "text", "auth_certificate": "text"},
        response={"receipt_no": "text", "received_at": "DATETIME", "paired_receipt_no": "text"},
    ),
    "status": Shape(
        request={"receipt_no": "text"},
        response={
            "receipt_no": "text",
            "status": "CODE",
            "updated_at": "DATETIME",
            "message": "text",
            "paired_receipt_no": "text",
        },
    ),
}


def bind_portal(profile: Profile) -> Bound:
    """The surface ``portal``; SpecError when the profile names other items than the code knows."""
    bound = bind(profile, "portal", SHAPES, errors=ERRORS, auth=["api-key", "none"])
    rows = bound.operation("procedures").row
    need_codes(profile, "surfaces.portal.procedures", rows["kind"], KINDS.values())
    need_codes(profile, "surfaces.portal.procedures", rows["signing"], ("none", "optional", "required"))
    types = ("text", "kana", "date", "integer", "choice", "phone", "postal", "flag")
    need_codes(profile, "surfaces.portal.form", bound.operation("form").row["type"], types)
    return bound


class PortalService:
    """The application API behind HTTP. ``api_keys``: client → key; a client sees its own applications only."""

    system = "portal"

    def __init__(
        self, bound: Bound, store: PortalStore, applications: DownloadStore, api_keys: Mapping[str, str]
    ) -> None:
        self._bound, self._store, self._applications, self._api_keys = bound, store, applications, api_keys

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        if name is None:
            return no_such_call(self._bound, path_known=path_known)
        return replace(self._operate(name, request, path_values), operation=name)

    def _operate(self, name: str, request: Request, path_values: dict[str, str]) -> Answer:
        try:
            client = self._client(request)
            operation = self._bound.operation(name)
            if request.body_cut and operation.upload:
                raise TooLargeError
            try:
                asked = read_request(self._bound, operation, request, path_values)
            except MalformedError:
                raise BadRequestError from None
            return OPERATIONS[name](Call(self._bound, self._store, self._applications, request, asked, client))
        except PortalError as error:
            return error_answer(self._bound, error.name)

    def _client(self, request: Request) -> str:
        for client, key in self._api_keys.items():
            if has_key(self._bound, request, key):
                return client
        raise UnauthorizedError
