"""HTTP as the product serves it: a handler is a function of a whole request and runs beside the event loop.

Starlette itself: what turns signatures into validation would take a sixth of the product's start, and more than the
handler itself at every call.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY_BYTES = 1 << 20
"""No request to this product needs more."""
FORM_FIELDS = 50
_WHOLE = re.compile(r"-?[0-9]{1,18}")
M = TypeVar("M", bound=BaseModel)


class InvalidError(ValueError):
    """A part of the request cannot be read; ``str()`` names it, never its value."""


@dataclass(frozen=True)
class Call:
    """One request, read to its end. ``path`` holds the values of the route's names."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: bytes

    def model(self, kind: type[M]) -> M:
        """The body as JSON of ``kind``. Raises InvalidError."""
        try:
            return kind.model_validate_json(self.body)
        except ValidationError as error:
            raise InvalidError(".".join(["body", *map(str, error.errors()[0]["loc"])])) from None

    def form(self) -> dict[str, str]:
        """The fields of a form, the last of each name. Raises InvalidError."""
        try:
            found = parse_qsl(self.body.decode(), True, errors="strict", max_num_fields=FORM_FIELDS)
        except ValueError:
            raise InvalidError("body") from None
        return dict(found)


@dataclass(frozen=True)
class Number:
    """A whole number of the query: its bounds, and its value when it is absent."""

    name: str
    default: int
    least: int
    most: int | None = None

    def of(self, call: Call) -> int:
        """Raises InvalidError."""
        value = whole(self.name, call.query.get(self.name, str(self.default)))
        if value < self.least or (self.most is not None and value > self.most):
            raise InvalidError(f"query.{self.name}")
        return value


def whole(name: str, text: str) -> int:
    """The whole number ``text``. Raises InvalidError."""
    if not _WHOLE.fullmatch(text):
        raise InvalidError(name)
    return int(text)


@dataclass(frozen=True)
class Operation:
    """One operation of an interface, as it is served and as it is described (`openapi`).

    ``takes``: the model of its JSON body; ``gives``: that of its answer, None for any other content. ``numbers`` are
    the names in its path that stand for whole numbers. ``open``: without the control token.
    """

    method: str
    path: str
    work: Callable[[Call], Response]
    takes: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    query: tuple[Number, ...] = ()
    numbers: tuple[str, ...] = ()
    open: bool = False


def route(method: str, path: str, work: Callable[[Call], Response]) -> Route:
    """``work`` at ``path``, in a thread: it may wait for the database."""

    async def endpoint(request: Request) -> Response:
        body = b"" if method == "GET" else await whole_body(request)
        call = Call(request.path_params, request.query_params, request.headers, body)
        return await run_in_threadpool(work, call)

    return Route(path, endpoint, methods=[method])


async def whole_body(request: Request) -> bytes:
    """The body of a request. Raises HTTPException (413) when it is longer than `BODY_BYTES`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES:
            raise HTTPException(413, f"要求が {BODY_BYTES} バイトを超えています / the request is too large")
    return bytes(body)


def served(operation: Operation, token: str) -> Route:
    """The route of an operation; unless it is open only for bearers of ``token``."""

    def guarded(call: Call) -> Response:
        check_bearer(call.headers, token)
        return operation.work(call)

    return route(operation.method, operation.path, operation.work if operation.open else guarded)


def check_bearer(headers: Headers, token: str) -> None:
    """Raises HTTPException (401) unless the request carries ``token``."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        message = "制御用トークンが正しくありません / wrong control token"
        raise HTTPException(401, message, {"WWW-Authenticate": "Bearer"})


def as_json(model: BaseModel, status: int = 200) -> Response:
    """One of our own models, which need not be validated again."""
    return Response(model.model_dump_json(), status, media_type="application/json")


Handler = Callable[[Request, Exception], Awaitable[Response]]
