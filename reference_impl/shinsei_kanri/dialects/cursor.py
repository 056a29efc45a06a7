"""Example dialect: the application list goes on by an opaque cursor instead of an offset (``cursor-paging``)."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx

from interface_spec.profile import Dialect, Profile
from reference_impl.shinsei_kanri.wiring.calls import Call


class CursorPaging:
    """Client side: the position that is asked for becomes the cursor that the page before gave."""

    def __init__(self, profile: Profile, dialect: Dialect) -> None:
        self._name = dialect.operations[0]
        self._offset = profile.operation(dialect.surface, self._name).request["offset"]
        self._cursor, self._next = dialect.items["cursor"], dialect.items["next_cursor"]
        self._cursors: dict[str, str] = {}

    def from_plain(self, operation: str, call: Call) -> Call:
        if operation != self._name:
            return call
        first, bare = self._without_offset(call)
        cursor = None if first else self._cursors.get(repr(bare))
        if cursor is None:
            return bare
        match self._cursor.place:
            case "header":
                return replace(bare, headers={**bare.headers, self._cursor.wire: cursor})
            case "body":
                return replace(bare, body={**(bare.body or {}), self._cursor.wire: cursor})
            case _:
                return replace(bare, query={**bare.query, self._cursor.wire: cursor})

    def to_plain(self, operation: str, call: Call, response: httpx.Response) -> httpx.Response:
        if operation == self._name:
            _, bare = self._without_offset(call)
            self._cursors.pop(repr(bare), None)
            if cursor := _text(response.content, self._next.wire):
                self._cursors[repr(bare)] = cursor
        return response

    def _without_offset(self, call: Call) -> tuple[bool, Call]:
        """(whether the first page is asked for, the call without its position)."""
        wire = self._offset.wire
        query = {name: value for name, value in call.query.items() if name != wire}
        headers = {name: value for name, value in call.headers.items() if name != wire}
        body = {name: value for name, value in (call.body or {}).items() if name != wire}
        given = call.query.get(wire) or call.headers.get(wire) or (call.body or {}).get(wire) or 0
        return int(str(given)) == 0, replace(call, query=query, headers=headers, body=body or None)


def _text(body: bytes, wire: str) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = content.get(wire) if isinstance(content, dict) else None
    return found if isinstance(found, str) else ""
