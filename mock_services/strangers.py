"""Calls that belong to no one of this run: told by the credential that they carry, logged, and kept out of its way.

A product that is left over from an earlier run polls the same addresses. What it carries (account, token, API key) is
not of this run; such a call is refused before any disturbance or rule sees it and is not recorded as an exchange. A
call that carries no credential at all cannot be told from the product's own: it is noted and goes on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import AwareDatetime, BaseModel

from mock_services.clock import WorldClock
from mock_services.download.models import DownloadStore
from mock_services.http import Answer, MalformedError, Request
from mock_services.models import Cause, StrangeCalls
from mock_services.recorder import private
from mock_services.surface import Bound, error_answer, find, no_such_call, read_request

LOG = "strangers.jsonl"
MOST_LINES = 1000
"""Calls that are written down one by one; all are counted."""
MOST_GROUPS = 40
OTHERS = "*"
"""Operation and peer of the calls beyond `MOST_GROUPS`."""


class _Line(BaseModel):
    at: AwareDatetime
    system: str
    operation: str
    peer: str
    cause: Cause
    aside: bool


class Strangers:
    """All that was noticed in one world; ``strangers.jsonl`` in the run's folder holds the first of them one by one."""

    def __init__(self, run_dir: Path, clock: WorldClock) -> None:
        self._path, self._clock = run_dir / LOG, clock
        self._groups: dict[tuple[str, str, str, Cause], StrangeCalls] = {}
        self._lines = 0

    def note(self, system: str, operation: str, peer: str, cause: Cause, size: int) -> None:
        """One call from ``peer`` (ip:port) with a body of ``size`` bytes. Nothing of what it carried is kept."""
        now, aside = self._clock.now(), cause != "none"
        self._write(_Line(at=now, system=system, operation=operation, peer=peer, cause=cause, aside=aside))
        key = (system, operation, peer.rpartition(":")[0], cause)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (system, OTHERS, OTHERS, cause)
        self._groups[key] = self._grown(key, now, size, aside=aside)

    def _grown(self, key: tuple[str, str, str, Cause], now: datetime, size: int, *, aside: bool) -> StrangeCalls:
        system, operation, peer, cause = key
        known = self._groups.get(key)
        if known is not None:
            return known.model_copy(update={"count": known.count + 1, "bytes": known.bytes + size, "last": now})
        return StrangeCalls(
            system=system, operation=operation, peer=peer, cause=cause, aside=aside, count=1, bytes=size,
            first=now, last=now,
        )  # fmt: skip

    def _write(self, line: _Line) -> None:
        self._lines += 1
        if self._lines > MOST_LINES:
            return
        with open(self._path, "ab", opener=private) as out:
            out.write(line.model_dump_json().encode() + b"\n")

    def seen(self) -> list[StrangeCalls]:
        """Every group, in the order in which they were first seen."""
        return list(self._groups.values())


class Service(Protocol):
    system: str

    async def handle(self, request: Request) -> Answer: ...


Judge = Callable[[str, Request, dict[str, str]], Cause | None]
"""(operation, call, values of its path) → why it is not of this run; None: it is."""


class Correlated:
    """A service behind the question whose call it is."""

    def __init__(self, service: Service, bound: Bound, strangers: Strangers, judge: Judge, refusals: dict[Cause, str]):
        """``refusals``: cause → the error of the surface that a stranger gets."""
        self.system = service.system
        self._service, self._bound, self._strangers = service, bound, strangers
        self._judge, self._refusals = judge, refusals

    async def handle(self, request: Request) -> Answer:
        name, path_values, path_known = find(self._bound, request)
        operation = name or ""
        cause = self._judge(operation, request, path_values)
        if cause is not None:
            self._strangers.note(self.system, operation, request.peer, cause, len(request.body))
        if cause is None or cause == "none":
            return await self._service.handle(request)
        if name is None:
            answer = no_such_call(self._bound, path_known=path_known)
        else:
            answer = error_answer(self._bound, self._refusals[cause])
        return replace(answer, operation=operation, aside=True)


def of_download(service: Service, bound: Bound, store: DownloadStore, strangers: Strangers) -> Correlated:
    """The download function: a login shows account and secret, every other call a token."""

    def judge(operation: str, request: Request, path_values: dict[str, str]) -> Cause | None:
        if operation == "login":
            try:
                asked = read_request(bound, bound.operation("login"), request, path_values)
            except MalformedError:
                return "none"
            return None if store.has_secret(str(asked["secret"] or "")) else "account"
        shown = request.header(bound.surface.auth_header) or ""
        if not shown.strip():
            return "none"
        return None if store.has_issued(shown) else "token"

    return Correlated(service, bound, strangers, judge, {"account": "bad_credentials", "token": "bad_token"})


def of_key(service: Service, bound: Bound, keys: Collection[str], strangers: Strangers) -> Service:
    """A system whose calls show an API key; as it is where the profile wants none: nothing tells its callers apart.

    ``keys``: all of the run, since one that is shown at the wrong system is the product's own mistake.
    """
    if bound.surface.auth == "none":
        return service

    def judge(_operation: str, request: Request, _path_values: dict[str, str]) -> Cause | None:
        shown = (request.header(bound.surface.auth_header) or "").strip()
        if not shown:
            return "none"
        return None if any(key in shown for key in keys) else "key"

    return Correlated(service, bound, strangers, judge, {"key": "unauthorized"})
