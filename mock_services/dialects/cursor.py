"""Example dialect: the application list goes on by an opaque cursor instead of an offset (``cursor-paging``)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

from interface_spec.profile import Dialect, Profile
from mock_services.dialects.wire import put, take
from mock_services.http import Answer, MalformedError, Request


class CursorPaging:
    """Server side. The cursor is opaque to clients; an offset, which the dialect does not have, is refused."""

    def __init__(self, profile: Profile, dialect: Dialect) -> None:
        self._name = dialect.operations[0]
        self._operation = profile.operation(dialect.surface, self._name)
        self._offset = self._operation.request["offset"]
        self._cursor, self._next = dialect.items["cursor"], dialect.items["next_cursor"]

    def to_plain(self, request: Request) -> Request:
        if not self._is_list(request):
            return request
        offset, request = take(request, self._offset)
        if offset is not None:
            raise MalformedError("この方言に開始位置はありません / this dialect has no offset")
        cursor, request = take(request, self._cursor)
        return request if cursor is None else put(request, self._offset, _position(str(cursor)))

    def from_plain(self, request: Request, answer: Answer) -> Answer:
        if answer.operation != self._name or answer.status != self._operation.status or answer.send != "whole":
            return answer
        try:
            content = json.loads(answer.body)
        except ValueError:  # a disturbance has spoilt it
            return answer
        offset, _ = take(request, self._offset)
        reached = int(offset or 0) + len(content[self._operation.rows or ""])
        if content[self._operation.rows or ""] and reached < self._total(answer, content):
            content[self._next.wire] = urlsafe_b64encode(f"position {reached}".encode()).decode()
        return replace(answer, body=json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    def _is_list(self, request: Request) -> bool:
        given, template = request.path.split("/"), self._operation.path.split("/")
        same = len(given) == len(template) and all(
            part.startswith("{") or part == one for part, one in zip(template, given, strict=True)
        )
        return same and request.method == self._operation.method

    def _total(self, answer: Answer, content: dict[str, object]) -> int:
        item = self._operation.response["total"]
        if item.place == "header":
            return int(next(value for name, value in answer.headers if name == item.wire))
        return int(str(content[item.wire]))


def _position(cursor: str) -> int:
    try:
        word, _, number = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        if word != "position":
            raise ValueError
        return int(number)
    except (ValueError, UnicodeError):
        raise MalformedError("目印を読めません / no cursor of ours") from None
