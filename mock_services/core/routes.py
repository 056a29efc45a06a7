"""基幹 as a server: which call is which operation."""

from __future__ import annotations

from dataclasses import replace

from interface_spec.profile import Profile
from mock_services.core.errors import ERRORS, UnauthorizedError
from mock_services.core.models import AtenaStore
from mock_services.core.responses import full
from mock_services.http import Answer, MalformedError, Request
from mock_services.surface import Bound, Shape, bind, error_answer, find, has_key, no_such_call, read_request

SHAPES = {
    "full": Shape(
        response={"total": "INT"},
        row={
            "atena_no": "text",
            "juki_atena_no": "text",
            "name": "text",
            "kana": "text",
            "birth_date": "DATE",
            "gender": "CODE",
            "address": "text",
            "state": "CODE",
        },
        body=("csv", "json"),
    )
}


def bind_atena(profile: Profile) -> Bound:
    """The surface ``atena``; SpecError when the profile names other items than the code knows."""
    return bind(profile, "atena", SHAPES, errors=ERRORS, auth=["api-key", "none"])


class AtenaService:
    """One core system's 宛名情報 behind HTTP."""

    def __init__(self, bound: Bound, core_system: str, store: AtenaStore, api_key: str) -> None:
        self.system = f"core:{core_system}"
        self._bound, self._store, self._api_key = bound, store, api_key

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        if name is None:
            return no_such_call(self._bound, path_known=path_known)
        if not has_key(self._bound, request, self._api_key):
            answer = error_answer(self._bound, UnauthorizedError.name)
        else:
            try:
                read_request(self._bound, self._bound.operation(name), request, path_values)
                answer = full(self._bound, self._store)
            except MalformedError:
                answer = Answer(400)  # the surface's table has no error for a malformed call
        return replace(answer, operation=name)
