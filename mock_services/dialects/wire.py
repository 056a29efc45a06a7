"""Taking a single item out of a request and putting one in, wherever its place is: what most dialects need."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import urlencode

from interface_spec.profile import Item
from mock_services.http import Request


def take(request: Request, item: Item) -> tuple[str | int | None, Request]:
    """(value or None, the request without the item). MalformedError when query or body cannot be read."""
    match item.place:
        case "query":
            query = request.query()
            value = query.pop(item.wire, None)
            return value, replace(request, target=_target(request, query))
        case "header":
            kept = tuple(pair for pair in request.headers if pair[0].lower() != item.wire.lower())
            return request.header(item.wire), replace(request, headers=kept)
        case "body":
            content = request.json_object() if request.body else {}
            found = content.pop(item.wire, None)
            body = json.dumps(content, ensure_ascii=False).encode() if request.body else b""
            return found if isinstance(found, str | int) else None, replace(request, body=body)
    raise ValueError(f"{item.wire}: place {item.place} は外せません / cannot be taken out")


def put(request: Request, item: Item, value: int) -> Request:
    """The request with the item in its place."""
    match item.place:
        case "query":
            return replace(request, target=_target(request, {**request.query(), item.wire: str(value)}))
        case "header":
            return replace(request, headers=(*request.headers, (item.wire, str(value))))
        case "body":
            content = {**request.json_object(), item.wire: value}
            return replace(request, body=json.dumps(content, ensure_ascii=False).encode())
    raise ValueError(f"{item.wire}: place {item.place} には置けません / cannot be put there")


def _target(request: Request, query: dict[str, str]) -> str:
    return request.path + ("?" + urlencode(query) if query else "")
