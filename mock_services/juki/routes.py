"""既存住基: which call is which operation."""

from __future__ import annotations

from dataclasses import replace

from interface_spec.profile import Profile
from mock_services.http import Answer, MalformedError, Request
from mock_services.juki.errors import ERRORS, BadRequestError, JukiError, UnauthorizedError
from mock_services.juki.models import LinkStore
from mock_services.juki.responses import OPERATIONS
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

_ROW = {"serial": "SERIAL", "atena_no": "text", "valid_from": "DATE", "valid_to": "DATE", "state": "CODE"}

SHAPES = {
    "full": Shape(response={"last_seq": "INT", "total": "INT"}, row=_ROW, body=("csv", "json")),
    "diff": Shape(
        request={"since": "INT"},
        response={"last_seq": "INT", "total": "INT"},
        row={"seq": "INT", "change": "CODE"} | _ROW,
        body=("csv", "json"),
    ),
    "lookup": Shape(request={"serial": "SERIAL"}, row=_ROW, body=("json", "csv")),
}


def bind_link(profile: Profile) -> Bound:
    """The surface ``link``; SpecError when the profile names other items than the code knows."""
    bound = bind(profile, "link", SHAPES, errors=ERRORS, auth=["api-key", "none"])
    need_codes(profile, "surfaces.link.diff", bound.operation("diff").row["change"], ["upsert", "delete"])
    return bound


class JukiService:
    """既存住基 behind HTTP."""

    system = "juki"

    def __init__(self, bound: Bound, store: LinkStore, api_key: str) -> None:
        self._bound, self._store, self._api_key = bound, store, api_key

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        if name is None:
            return no_such_call(self._bound, path_known=path_known)
        return replace(self._operate(name, request, path_values), operation=name)

    def _operate(self, name: str, request: Request, path_values: dict[str, str]) -> Answer:
        try:
            if not has_key(self._bound, request, self._api_key):
                raise UnauthorizedError
            try:
                asked = read_request(self._bound, self._bound.operation(name), request, path_values)
            except MalformedError:
                raise BadRequestError from None
            return OPERATIONS[name](self._bound, self._store, asked)
        except JukiError as error:
            return error_answer(self._bound, error.name)
