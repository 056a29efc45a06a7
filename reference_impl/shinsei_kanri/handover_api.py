"""③-5 over HTTP: the hand-over surface as the profile describes it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from interface_spec.procedures import Procedure
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import desk, handover
from reference_impl.shinsei_kanri.records import Status
from reference_impl.shinsei_kanri.sending import stored_file
from reference_impl.shinsei_kanri.storage import applications, tables
from reference_impl.shinsei_kanri.web import whole_body
from reference_impl.shinsei_kanri.wiring import serving
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import FormatError, Value
from reference_impl.shinsei_kanri.wiring.serving import Answer

SURFACE = "handover"
NOT_KEPT = {"Cache-Control": "no-store"}
Handler = Callable[[Fields, str], Answer | Response]


class HandoverApi:
    """One route per operation of the surface; ``keys`` maps core system → API key."""

    def __init__(
        self,
        engine: Engine,
        profile: Profile,
        procedures: Mapping[str, Procedure],
        keys: Mapping[str, str],
        at: desk.Desk,
    ) -> None:
        self._engine, self._profile, self._procedures, self._keys, self._desk = engine, profile, procedures, keys, at
        self._surface = profile.surfaces[SURFACE]

    def routes(self) -> list[Route]:
        handlers: dict[str, Handler] = {
            "list": self.list_waiting,
            "fetch": self.fetch,
            "attachments": self.list_attachments,
            "attachment": self.get_attachment,
            "ack": self.acknowledge,
        }
        return [
            Route(
                serving.route_path(self._surface.operations[name]),
                self._endpoint(name, handler),
                methods=[self._surface.operations[name].method],
                name=f"handover-{name}",
            )
            for name, handler in handlers.items()
        ]

    def _endpoint(self, name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        operation = self._surface.operations[name]

        async def endpoint(request: Request) -> Response:
            body = await whole_body(request)
            core_system = self.caller(request.headers)
            if core_system is None:
                return _response(self._error("unauthorized"))
            try:
                asked = serving.read_request(
                    operation,
                    path=request.path_params,
                    query=request.query_params,
                    headers=request.headers,
                    body=body,
                    codes=self._profile.codes,
                )
            except FormatError:
                return _response(self._error("bad_request"))
            answer = await run_in_threadpool(partial(handler, asked, core_system))
            return answer if isinstance(answer, Response) else _response(answer)

        return endpoint

    def caller(self, headers: Mapping[str, str]) -> str | None:
        """The core system whose key the request carries; None for a missing or unknown key."""
        given = headers.get(self._surface.auth_header.lower(), "").encode()
        found = [core for core, key in self._keys.items() if hmac.compare_digest(given, key.encode())]
        return found[0] if found else None

    def list_waiting(self, asked: Fields, core_system: str) -> Answer:
        if asked.text("core_system") != core_system:
            return self._error("unauthorized")
        own = handover.procedures_of(core_system, self._procedures)
        with self._engine.connect() as connection:
            waiting = applications.waiting(connection, own)
        rows: list[dict[str, Value]] = [
            {"receipt_no": status.receipt_no, "procedure_id": status.procedure_id, "completed_at": completed_at}
            for status, completed_at in waiting
            if handover.offered(status, own) and asked.text("procedure_id") in ("", status.procedure_id)
        ]
        return self._answer("list", {"total": len(rows)}, rows)

    def fetch(self, asked: Fields, core_system: str) -> Answer:
        receipt_no = asked.text("receipt_no")
        with self._engine.connect() as connection:
            status = self._offered(applications.status(connection, receipt_no), core_system)
            row = applications.header(connection, receipt_no)
            if status is None or row is None:
                return self._error("not_found")
            items = applications.items(connection, receipt_no)
        values: dict[str, Value] = {
            "receipt_no": receipt_no,
            "procedure_id": status.procedure_id,
            "received_at": row.received_at,
            "arrived_at": row.arrived_at,
            "imported_at": row.imported_at,
            "completed_at": row.completed_at,
        }
        rows: list[dict[str, Value]] = [
            {
                "item_id": item.item_id,
                "label": item.label,
                "group": item.group,
                "occurrence": item.occurrence,
                "value": item.value,
            }
            for item in items
        ]
        return self._answer("fetch", values | handover.numbers(status), rows)

    def list_attachments(self, asked: Fields, core_system: str) -> Answer:
        receipt_no = asked.text("receipt_no")
        with self._engine.connect() as connection:
            if self._offered(applications.status(connection, receipt_no), core_system) is None:
                return self._error("not_found")
            files = applications.attachments(connection, receipt_no)
        rows: list[dict[str, Value]] = [
            {
                "seq": file.seq,
                "label": file.label,
                "file_name": file.file_name,
                "size": file.size,
                "sha256": file.sha256,
            }
            for file in files
        ]
        return self._answer("attachments", {}, rows)

    def get_attachment(self, asked: Fields, core_system: str) -> Answer | Response:
        receipt_no = asked.text("receipt_no")
        with self._engine.connect() as connection:
            if self._offered(applications.status(connection, receipt_no), core_system) is None:
                return self._error("not_found")
            file = applications.listed_attachment(connection, receipt_no, asked.whole("seq"))
        if file is None:
            return self._error("not_found")
        key = {"receipt_no": receipt_no, "seq": file.seq}
        answer = stored_file(self._engine, tables.attachments, file.media_type, NOT_KEPT, **key)
        if answer is None:
            return self._error("not_found")
        answer.status_code = self._surface.operations["attachment"].status
        return answer

    def acknowledge(self, asked: Fields, core_system: str) -> Answer:
        try:
            state = self._desk.acknowledge(asked.text("receipt_no"), handover.read_acknowledgement(asked), core_system)
        except desk.NotFoundError:
            return self._error("not_found")
        except desk.ContradictionError:
            return self._error("conflict")
        return self._answer("ack", {"state": state.value}, None)

    def _offered(self, status: Status | None, core_system: str) -> Status | None:
        own = handover.procedures_of(core_system, self._procedures)
        return status if status is not None and handover.offered(status, own) else None

    def _answer(self, name: str, values: Mapping[str, Value], rows: list[dict[str, Value]] | None) -> Answer:
        return serving.answer(self._surface.operations[name], values, rows, self._profile.codes)

    def _error(self, name: str) -> Answer:
        return serving.error(self._surface.errors[name], self._surface.error_body)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {**answer.headers, **NOT_KEPT}, answer.media_type)
