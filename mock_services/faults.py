"""Named disturbances of the download function. A fault is ours (never a product's mistake) and composable.

`FAULTS` is the whole table; `FaultBox` holds what is armed and counts every strike, so that a run can prove that a
disturbance really happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interface_spec.errors import first_problem
from interface_spec.profile import Provenance
from mock_services.models import Fault, FaultState


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsParams(Params):
    variant: Literal["untrusted", "wrong-host", "expired"]


class PageLimitParams(Params):
    n: int = Field(ge=1)


class ExpireTokenParams(Params):
    after_calls: int = Field(ge=0)


class TooManyParams(Params):
    retry_after: int = Field(default=1, ge=0, le=3600)


class TruncateParams(Params):
    bytes: int = Field(default=100, ge=0)


class WrongDigestParams(Params):
    change: Literal["flip", "shorten"] = "flip"


class LatencyParams(Params):
    ms: int = Field(ge=1, le=120_000)


class ErrorWithoutJsonParams(Params):
    status: int = Field(default=500, ge=400, le=599)


class ShiftParams(Params):
    receipt_no: str | None = None


@dataclass(frozen=True)
class Kind:
    """One entry of the table. ``operations``: where it can strike ("" = below HTTP, "*" = every call)."""

    name: str
    params: type[Params]
    operations: tuple[str, ...]
    ja: str
    en: str
    provenance: Provenance = "仮定"


_KINDS = (
    Kind(
        "tls", TlsParams, ("",),
        "サーバ証明書を差し替える（variant: untrusted 知らない認証局・wrong-host 別の名前・expired 期限切れ）。既存の接続は閉じる。",
        "Swaps the server certificate (variant: untrusted, wrong-host, expired) and closes existing connections.",
    ),
    Kind(
        "page-limit", PageLimitParams, ("list",),
        "一覧の1頁を n 件までにする。",
        "A page of the list holds at most n rows.",
    ),
    Kind(
        "expire-token", ExpireTokenParams, ("*",),
        "認証トークンが after_calls 回の呼出しの後に効かなくなる（再ログインで回復）。",
        "A token stops working after after_calls further calls (a new login helps).",
    ),
    Kind(
        "too-many", TooManyParams, ("*",),
        "「要求が多すぎます」と Retry-After（秒）を返す。",
        "Answers the too-many error with Retry-After in seconds.",
    ),
    Kind(
        "maintenance", Params, ("*",),
        "「保守時間帯です」を返す。",
        "Answers the maintenance error.",
    ),
    Kind(
        "truncate", TruncateParams, ("*",),
        "全体の Content-Length を告げ、本文を bytes バイトで切って接続を閉じる。",
        "Announces the full Content-Length, cuts the body after `bytes` bytes and closes the connection.",
    ),
    Kind(
        "wrong-digest", WrongDigestParams, ("get",),
        "本文を変える（change: flip 1バイト反転・shorten 1バイト短い）。ダイジェストは元のまま。",
        "Alters the body (change: flip one byte, shorten by one byte) and keeps the digest of the original.",
    ),
    Kind(
        "latency", LatencyParams, ("*",),
        "応答を ms ミリ秒遅らせる。",
        "Delays the answer by ms milliseconds.",
    ),
    Kind(
        "reset", Params, ("*",),
        "何も答えずに接続を切る。",
        "Closes the connection without an answer.",
    ),
    Kind(
        "error-without-json", ErrorWithoutJsonParams, ("*",),
        "JSON ではない本文で status のエラーを返す（中継装置の画面など）。",
        "Answers an error of that status whose body is no JSON (as a gateway's page does).",
    ),
    Kind(
        "duplicate-rows", Params, ("list",),
        "一覧の先頭の申請が二度現れる（件数も1つ多い）。",
        "The first application of the list appears twice (and the total counts it twice).",
    ),
    Kind(
        "shift", ShiftParams, ("list",),
        "1頁目を返した後に申請が1件先頭に現れ、以後の頁が1件ずつずれる（receipt_no: 遅れて現れる申請）。",
        "After the first page an application appears in front, so that later pages shift by one (receipt_no: which one).",
    ),
)  # fmt: skip

FAULTS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}


class FaultError(ValueError):
    """A fault that cannot be armed; ``str()`` is one sentence."""


@dataclass
class Armed:
    """One armed fault. ``calls`` serves expire-token: calls made so far by token."""

    fault: Fault
    params: Params
    applied: int = 0
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        return self.fault.times is None or self.applied < self.fault.times


def arm(fault: Fault, operations: Iterable[str]) -> Armed:
    """Check one fault. FaultError with a near-miss suggestion for a wrong name, operation or parameter."""
    kind = FAULTS.get(fault.name)
    if kind is None:
        raise FaultError(f"{fault.name!r} という障害はありません{_near(fault.name, FAULTS)} / no such fault")
    allowed = [*operations] if "*" in kind.operations else [one for one in kind.operations if one]
    if fault.operation != "*" and fault.operation not in allowed:
        raise FaultError(
            f"{fault.name}: operation {fault.operation!r} には起こせません{_near(fault.operation, allowed)} / cannot strike there"
        )
    try:
        params = kind.params.model_validate(fault.params)
    except ValidationError as error:
        place, problem = first_problem(error)
        raise FaultError(f"{fault.name}: params.{place}: {problem}") from None
    if fault.name == "shift" and fault.times is None:
        fault = fault.model_copy(update={"times": 1})  # a row that is always late would never exist
    return Armed(fault, params)


def _near(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, n=1)
    return f"（{near[0]} のことですか / did you mean {near[0]}?）" if near else f"（あるもの: {', '.join(known)}）"


class FaultBox:
    """What is armed now. ``take`` strikes (and counts); ``peek`` only looks."""

    def __init__(self, operations: Iterable[str]) -> None:
        self._operations = tuple(operations)
        self._armed: list[Armed] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace everything armed; nothing changes when one of them is wrong (FaultError)."""
        self._armed = [arm(fault, self._operations) for fault in faults]

    def clear(self) -> None:
        self._armed = []

    def states(self) -> list[FaultState]:
        return [FaultState(fault=armed.fault, applied=armed.applied) for armed in self._armed]

    def peek(self, name: str, operation: str = "*") -> Armed | None:
        for armed in self._armed:
            if armed.fault.name == name and armed.live and armed.fault.operation in ("*", operation):
                return armed
        return None

    def take(self, name: str, operation: str, struck: list[str]) -> Armed | None:
        """The armed fault of that name for this operation, counted and named in ``struck``; None when none is."""
        armed = self.peek(name, operation)
        if armed is not None:
            strike(armed, struck)
        return armed


def strike(armed: Armed, struck: list[str]) -> None:
    armed.applied += 1
    struck.append(armed.fault.name)
