"""団体内統合宛名: which call is which operation, and the token endpoint beside them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

from interface_spec.errors import SpecError
from interface_spec.profile import OAuth, Profile
from mock_services.faults import FaultBox
from mock_services.http import Answer, Request, json_answer
from mock_services.surface import Bound, Shape, bind, find
from mock_services.togo.errors import ERRORS, BadRequestError, InvalidRequestError, TokenError, UnauthorizedError
from mock_services.togo.models import TogoStore
from mock_services.togo.oauth import TokenStore
from mock_services.togo.responses import OPERATIONS, bad, read, refused

TOKEN = "token"  # noqa: S105 - the name of a call
SHAPES = {
    "lookup": Shape(
        request={"gyomu_id": "text", "atena_no": "text"},
        row={"atena_no": "text", "togo_atena_no": "text", "merged_into": "text", "merged": "BOOL"},
    ),
    "reverse": Shape(request={"togo_atena_no": "text"}, row={"gyomu_id": "text", "atena_no": "text"}),
}


def bind_togo(profile: Profile) -> tuple[Bound, OAuth]:
    """The surface ``togo`` and its OAuth part; SpecError when the profile names other items than the code knows."""
    bound = bind(profile, "togo", SHAPES, errors=ERRORS, auth=["oauth"])
    place = f"profile {profile.profile.id}"
    for name, operation in bound.surface.operations.items():
        for item_name, item in operation.request.items():
            if item.place != "body":
                where = f"surfaces.togo.operations.{name}.request.{item_name}.place"
                raise SpecError(place, where, "body にします（共通機能の書き方） / must be body")
    if bound.surface.oauth is None:
        raise SpecError(place, "surfaces.togo.oauth", "この節が要ります / needed")
    return bound, bound.surface.oauth


class TogoService:
    """団体内統合宛名 behind HTTP."""

    system = "togo"

    def __init__(self, bound: Bound, oauth: OAuth, store: TogoStore, tokens: TokenStore, box: FaultBox) -> None:
        self._bound, self._oauth, self._store, self._tokens, self._box = bound, oauth, store, tokens, box

    async def handle(self, request: Request) -> Answer:
        if request.path == self._oauth.token_path:
            return self._token(request)
        name, _, path_known = find(self._bound, request)
        if name is None:
            return Answer(405 if path_known else 404)
        operation, struck = self._bound.operation(name), list[str]()
        try:
            self._authorise(name, request, struck)
            answer = OPERATIONS[name](self._bound, self._store, read(self._bound, operation, request))
        except UnauthorizedError:
            answer = replace(
                refused(self._bound, operation, "unauthorized"),
                headers=(("Content-Type", "application/json; charset=utf-8"), ("WWW-Authenticate", "Bearer")),
            )
        except BadRequestError as error:
            answer = bad(self._bound, operation, error.breaches)
        return replace(answer, operation=name, faults=tuple(struck))

    def _authorise(self, name: str, request: Request, struck: list[str]) -> None:
        scheme, _, value = (request.header(self._bound.surface.auth_header) or "").partition(" ")
        scope = self._bound.operation(name).scope
        token = self._tokens.authorise(value if scheme.lower() == "bearer" else None, scope)
        if self._box.outlived(name, token.value, struck):
            self._tokens.revoke(token.value)
            raise UnauthorizedError

    def _token(self, request: Request) -> Answer:
        """RFC 6749 4.4: names of the request and the answer are the RFC's, not the profile's."""
        if request.method != "POST":
            return Answer(405, (("Allow", "POST"),), operation=TOKEN)
        try:
            form = _form(request)
            audience = f"http://{request.header('host') or ''}{self._oauth.token_path}"
            token = self._tokens.issue(form, request.header("authorization"), audience)
        except TokenError as error:
            challenge = (("WWW-Authenticate", "Basic"),) if error.status == 401 else ()
            return replace(json_answer(error.status, {"error": error.error}, challenge), operation=TOKEN)
        content = {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": self._oauth.token_seconds,
            "scope": " ".join(sorted(token.scopes)),
        }
        return replace(json_answer(200, content, (("Cache-Control", "no-store"),)), operation=TOKEN)


def _form(request: Request) -> dict[str, str]:
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded" or request.body_cut:
        raise InvalidRequestError
    try:
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise InvalidRequestError from None
    if len(dict(pairs)) != len(pairs):
        raise InvalidRequestError
    return dict(pairs)
