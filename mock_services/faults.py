"""What is armed: named disturbances of one simulated system, composable, counted, replayable.

`mock_services.fault_kinds.FAULTS` is the whole table; a `FaultBox` holds what is armed on one system and counts every
strike, so that a run can prove that a disturbance really happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import cast

from pydantic import ValidationError

from interface_spec.errors import first_problem
from interface_spec.profile import Surface
from mock_services.fault_kinds import FAULTS, ExpireTokenParams, Kind, Params, UnauthorisedParams
from mock_services.models import Fault, FaultState


class FaultError(ValueError):
    """A fault that cannot be armed; ``str()`` is one sentence."""


@dataclass
class Armed:
    """One armed fault. ``operations``: where it can strike, None = anywhere; ``calls`` serves expire-token: by token.

    ``waiting``: 受付番号 whose ZIPs have to be delivered before it begins; ``began``: newest exchange and time when it did; ``under_way``: later
    exchanges over connections (of ``peers``) that another certificate had served before.
    """

    fault: Fault
    params: Params
    operations: tuple[str, ...] | None = None
    applied: int = 0
    chances: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    began: tuple[int, datetime] | None = None
    under_way: list[int] = field(default_factory=list)
    peers: frozenset[str] = frozenset()

    @property
    def live(self) -> bool:
        return not self.waiting and (self.fault.times is None or self.applied < self.fault.times)

    def concerns(self, receipt_no: str) -> bool:
        """Whether it may strike a call for that application ("" = a call for none)."""
        return not self.fault.receipts or receipt_no in self.fault.receipts

    def strikes(self, operation: str) -> bool:
        """Whether it is armed for this operation; ``*`` asks for faults that know no operations."""
        if self.fault.operation != "*":
            return self.fault.operation == operation
        return self.operations is None or operation in self.operations

    def takes_the_chance(self) -> bool:
        """Whether it strikes this time: after the calls that it lets pass, and as often as its percentage says."""
        self.chances += 1
        if isinstance(self.params, UnauthorisedParams) and self.chances <= self.params.after_calls:
            return False
        digest = hashlib.sha256(f"{self.fault.seed}/{self.fault.name}/chance/{self.chances}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % 100 < self.fault.percent

    def drawn(self, seed: int, below: int) -> int:
        """A number in [0, below) for the strike that was just counted: the same for the same seed."""
        digest = hashlib.sha256(f"{seed}/{self.fault.name}/{self.applied}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % below


@dataclass(frozen=True)
class Reach:
    """What a system has that a fault can strike: its operations by what they answer."""

    system: str
    calls: tuple[str, ...]
    rows: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    zips: tuple[str, ...] = ()
    tokens: bool = False
    tls: bool = False
    network: bool = False
    files: tuple[str, ...] = ()

    def operations(self, kind: Kind) -> tuple[str, ...] | None:
        """Operations where ``kind`` can strike; () when it has none of its own, None when it cannot strike here."""
        below = {"tls": self.tls, "network": self.network}
        if kind.where in below:
            return () if below[kind.where] else None
        found = {
            "call": self.calls,
            "token": self.calls if self.tokens else (),
            "rows": self.rows,
            "list": self.lists,
            "digest": self.digests,
            "zip": self.zips,
            "file": self.files,
        }[kind.where]
        return found or None


def reach_of(system: str, surface: Surface, *, extra: tuple[str, ...] = (), paged: tuple[str, ...] = ()) -> Reach:
    """The reach of a system that serves ``surface`` (and the ``extra`` calls that no profile names)."""
    operations = surface.operations.items()
    digests = tuple(name for name, one in operations if any(item.type == "DIGEST" for item in one.response.values()))
    return Reach(
        system=system,
        calls=(*surface.operations, *extra),
        rows=tuple(name for name, one in operations if one.row and one.body in ("json", "csv")),
        lists=paged,
        digests=tuple(name for name in digests if surface.operations[name].body == "binary"),
        zips=tuple(name for name, one in operations if one.body == "binary"),
        tokens=surface.auth in ("bearer-login", "oauth"),
        tls=system == "download",
        network=system == "download",
    )


def arm(fault: Fault, reach: Reach) -> Armed:
    """Check one fault. FaultError with a near-miss suggestion for a wrong name, operation or parameter."""
    kind = FAULTS.get(fault.name)
    if kind is None:
        raise FaultError(f"{fault.name!r} という障害はありません{_near(fault.name, FAULTS)} / no such fault")
    allowed = reach.operations(kind)
    if allowed is None:
        raise FaultError(f"{fault.name}: {reach.system} には起こせません / cannot strike this system")
    if fault.operation != "*" and fault.operation not in allowed:
        raise FaultError(
            f"{fault.name}: operation {fault.operation!r} には起こせません{_near(fault.operation, allowed)} / cannot strike there"
        )
    try:
        params = kind.params.model_validate(fault.params)
    except ValidationError as error:
        place, problem = first_problem(error)
        raise FaultError(f"{fault.name}: params.{place}: {problem}") from None
    if fault.percent < 100 and (kind.where == "network" or fault.name in _ALWAYS):
        raise FaultError(f"{fault.name}: percent は指定できません / takes no percent")
    if (fault.receipts or fault.after) and (reach.system != "download" or kind.where in ("network", "file")):
        raise FaultError(
            f"{fault.name}: receipts・after は download の呼出しにだけ使えます / only for calls of download"
        )
    if fault.receipts and kind.where in ("tls", "token"):
        raise FaultError(f"{fault.name}: receipts は指定できません（申請ごとに起きません） / takes no receipts")
    if fault.name == "shift" and fault.times is None:
        fault = fault.model_copy(update={"times": 1})  # a row that is always late would never exist
    operations = allowed if kind.where in ("rows", "list", "digest", "zip") else None
    return Armed(fault, params, operations, waiting=set(fault.after))


_ALWAYS = ("expire-token", "shift")
"""Faults that go by calls and pages, not by chance."""


def _near(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, n=1)
    return f"（{near[0]} のことですか / did you mean {near[0]}?）" if near else f"（あるもの: {', '.join(known)}）"


class FaultBox:
    """What is armed now on one system. ``take`` strikes (and counts); ``peek`` only looks."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self._armed: list[Armed] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace everything armed; nothing changes when one of them is wrong (FaultError)."""
        self._armed = [arm(fault, self.reach) for fault in faults]

    def clear(self) -> None:
        self._armed = []

    @property
    def armed(self) -> bool:
        """Whether anything is."""
        return bool(self._armed)

    def states(self) -> list[FaultState]:
        return [
            FaultState(
                fault=armed.fault,
                applied=armed.applied,
                began_seq=armed.began[0] if armed.began else None,
                began_at=armed.began[1] if armed.began else None,
                under_way=armed.under_way,
            )
            for armed in self._armed
        ]

    def about(self, receipt_no: str) -> FaultBox:
        """What is armed for calls about one application; it counts here, too."""
        if not any(armed.fault.receipts for armed in self._armed):
            return self
        narrowed = FaultBox(self.reach)
        narrowed._armed = [armed for armed in self._armed if armed.concerns(receipt_no)]
        return narrowed

    def waits(self, name: str = "") -> bool:
        """Whether a fault (of that name) is armed that has yet to begin."""
        return any(armed.waiting and name in ("", armed.fault.name) for armed in self._armed)

    @property
    def watches(self) -> bool:
        """Whether a fault that begins by itself is armed, begun or not."""
        return any(armed.fault.after for armed in self._armed)

    def answered(self, seq: int, receipt_no: str, peer: str, peers: Iterable[str]) -> list[str]:
        """A call has been answered, as exchange ``seq``, while the box `watches`.

        ``receipt_no``: of the ZIP that left whole with it, or ""; ``peers``: of all connections so far. Returns the names of
        the faults that begin with it.
        """
        begun: list[str] = []
        for armed in self._armed:
            if armed.began is not None and peer in armed.peers:
                armed.under_way.append(seq)
            if receipt_no in armed.waiting:
                armed.waiting.discard(receipt_no)
                if not armed.waiting:
                    armed.began = (seq, datetime.now(UTC))
                    armed.peers = frozenset(peers if armed.fault.name == "tls" else ())
                    begun.append(armed.fault.name)
        return begun

    def peek(self, name: str, operation: str = "*") -> Armed | None:
        for armed in self._armed:
            if armed.fault.name == name and armed.live and armed.strikes(operation):
                return armed
        return None

    def take(self, name: str, operation: str, struck: list[str]) -> Armed | None:
        """The armed fault of that name for this operation, counted and named in ``struck``; None when none is."""
        armed = self.peek(name, operation)
        if armed is None or not armed.takes_the_chance():
            return None
        strike(armed, struck)
        return armed

    def outlived(self, operation: str, token: str, struck: list[str]) -> bool:
        """Whether this call is one too many for the token (fault ``expire-token``); it counts, by token."""
        armed = self.peek("expire-token", operation)
        if armed is None:
            return False
        armed.calls[token] = armed.calls.get(token, 0) + 1
        if armed.calls[token] <= cast(ExpireTokenParams, armed.params).after_calls:
            return False
        strike(armed, struck)
        return True


def strike(armed: Armed, struck: list[str]) -> None:
    armed.applied += 1
    struck.append(armed.fault.name)
