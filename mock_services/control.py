"""What a harness uses of a world: the models of the control API and a synchronous client for it."""

from __future__ import annotations

import ssl
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast

import httpx
from pydantic import BaseModel, TypeAdapter

from mock_services.card_wire import SignedBy, SignOrder, TestPerson
from mock_services.config import Endpoints
from mock_services.juki_cs.wire import (
    CsEvent,
    CsState,
    DropResult,
    ExchangeOrder,
    ExchangeResult,
    HistoryLine,
    JukiPerson,
)
from mock_services.models import (
    Answer,
    ApplicationMeta,
    AtenaRecord,
    Body,
    Clock,
    Exchange,
    Fault,
    FaultState,
    Health,
    LaidApplication,
    LinkRecord,
    PullPlan,
    PullResult,
    Received,
    Seeded,
    SeedOrder,
    StatusChange,
    StrangeCalls,
    TogoRecord,
)
from mock_services.relay_log import MOST_LINES
from mock_services.rules import Rules

__all__ = [
    "Answer",
    "ApplicationMeta",
    "AtenaRecord",
    "Body",
    "Endpoints",
    "Exchange",
    "Fault",
    "FaultState",
    "Health",
    "LinkRecord",
    "PullPlan",
    "PullResult",
    "Received",
    "Rules",
    "SeedOrder",
    "Seeded",
    "StatusChange",
    "StrangeCalls",
    "TogoRecord",
    "WorldClient",
    "WorldError",
]

BASE = "/world/v1"
PAGE = 1000
PORTION = 8 * 1024 * 1024
"""Bytes of packages that travel in one call."""
_T = TypeVar("_T")


class WorldError(RuntimeError):
    """The world refused a call or cannot be reached; ``status`` 0 when it cannot. ``str()`` is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class WorldClient:
    """Client of one world's control API; every method raises WorldError when refused. Safe to use from threads."""

    def __init__(self, base_url: str, timeout_seconds: float = 120.0) -> None:
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the control API is plain http on loopback
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds, trust_env=False, verify=plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # ── world ─────────────────────────────────────────────────────────────
    def health(self) -> Health:
        return self._read(Health, "GET", "/health")

    def endpoints(self) -> Endpoints:
        return self._read(Endpoints, "GET", "/endpoints")

    def reset(self) -> None:
        """Empty every system, disarm every fault, forget direct connections; clock, recorder and relay go on."""
        self._call("POST", "/reset")

    def seed(self, order: SeedOrder) -> Seeded:
        """Fill the whole world anew with a synthetic municipality, in one step; what it is filled with now."""
        return self._read(Seeded, "POST", "/seed", content=order.model_dump_json())

    def clock(self) -> datetime:
        return self._read(Clock, "GET", "/clock").now

    def set_clock(self, now: datetime) -> None:
        """Set the world's clock (aware); it ticks on from there."""
        self._call("PUT", "/clock", content=Clock(now=now).model_dump_json())

    # ── data ──────────────────────────────────────────────────────────────
    def load_application(self, meta: ApplicationMeta, package: bytes) -> None:
        """Lay one application ready for download, or replace the one with the same 受付番号."""
        query = meta.model_dump(mode="json", exclude_none=True)
        self._call("PUT", "/application", params=query, content=package)

    def load_applications(self, laid: Iterable[tuple[ApplicationMeta, bytes]]) -> None:
        """Lay many small ones ready, in calls of about `PORTION` bytes; of one call all or none."""
        portion: list[LaidApplication] = []
        for meta, package in laid:
            if portion and sum(len(one.package) for one in portion) + len(package) > PORTION:
                self._lay(portion)
                portion = []
            portion.append(LaidApplication.model_construct(**dict(meta), package=package))
        if portion:
            self._lay(portion)

    def _lay(self, portion: list[LaidApplication]) -> None:
        self._call("PUT", "/applications", content=_dump(list[LaidApplication], portion))

    def put_links(self, rows: Sequence[LinkRecord]) -> int:
        """Add or update 番号紐付情報 by serial; returns the last 更新連番."""
        return int(self._call("PUT", "/links", content=_dump(list[LinkRecord], rows)).json()["last_seq"])

    def delete_links(self, serials: Sequence[str]) -> int:
        """Delete by canonical serial (all or none); returns the last 更新連番."""
        return int(self._call("POST", "/links/delete", content=_dump(list[str], serials)).json()["last_seq"])

    def put_atena(self, core_system: str, rows: Sequence[AtenaRecord]) -> None:
        """Replace the whole 宛名情報 of one core system."""
        self._call("PUT", f"/atena/{core_system}", content=_dump(list[AtenaRecord], rows))

    def put_togo(self, rows: Sequence[TogoRecord]) -> None:
        """Replace the whole 団体内統合宛名 (only in a world that runs it)."""
        self._call("PUT", "/togo", content=_dump(list[TogoRecord], rows))

    def put_codes(self, persons: Sequence[JukiPerson]) -> int:
        """Add people to 既存住基's 住民票コードマスタ and to this town's CS; returns the last 更新連番."""
        return int(self._call("PUT", "/juki/codes", content=_dump(list[JukiPerson], persons)).json()["last_seq"])

    def cs_events(self, events: Sequence[CsEvent]) -> None:
        """Let certificate and move events happen in the CS, in order."""
        self._call("POST", "/juki-cs/events", content=_dump(list[CsEvent], events))

    def cs_exchange(self, order: ExchangeOrder) -> ExchangeResult:
        """既存住基 asks the CS by a file, takes the answer over, and 番号紐付情報 follows."""
        return self._read(ExchangeResult, "POST", "/juki-cs/exchange", content=order.model_dump_json())

    def cs_state(self) -> list[CsState]:
        """Counts of every town's CS."""
        return self._read(list[CsState], "GET", "/juki-cs")

    def link_history(self, serial: str) -> list[HistoryLine]:
        """What the link table said about a serial, oldest first."""
        return self._read(list[HistoryLine], "GET", f"/juki/history/{serial}")

    def drop_links(self, kind: Literal["full", "diff"]) -> DropResult:
        """Write 番号紐付情報 as files with a manifest."""
        return self._read(DropResult, "POST", f"/juki/drops/{kind}")

    def test_people(self) -> list[TestPerson]:
        """The synthetic residents who can sign in to the portal."""
        return self._read(list[TestPerson], "GET", "/portal/people")

    def card_sign(self, number: int, sign_target: str) -> SignedBy:
        """Let a test resident's card sign, as the device of an API client's user would."""
        order = SignOrder(sign_target=sign_target)
        return self._read(SignedBy, "POST", f"/portal/people/{number}/sign", content=order.model_dump_json())

    def set_status(self, change: StatusChange) -> None:
        """Register a 処理状況 as the staff's screen does."""
        self._call("PUT", "/application/status", content=change.model_dump_json())

    def revoke_tokens(self) -> int:
        """Revoke every token of the download function; how many there were."""
        return int(self._call("POST", "/tokens/revoke").json()["revoked"])

    def upward(self) -> dict[str, int]:
        """Bytes that clients sent up, by system, since the last reset."""
        found: dict[str, int] = self._call("GET", "/upward").json()
        return found

    # ── faults and rules ──────────────────────────────────────────────────
    def rules(self) -> Rules:
        """Rate limit, 保守時間帯 and client certificates of the download function."""
        return Rules.model_validate_json(self._call("GET", "/rules").content)

    def set_rules(self, rules: Rules) -> Endpoints:
        """Replace them all (a reset brings the configured ones back); where everything is, client certificate included."""
        answer = self._call("PUT", "/rules", content=rules.model_dump_json().encode())
        return Endpoints.model_validate_json(answer.content)

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Replace everything armed; nothing changes when one of them is wrong."""
        self._call("PUT", "/faults", content=_dump(list[Fault], faults))

    def clear_faults(self) -> None:
        self.set_faults([])

    def faults(self) -> list[FaultState]:
        """What is armed, and how often each has struck."""
        return self._read(list[FaultState], "GET", "/faults")

    # ── evidence ──────────────────────────────────────────────────────────
    def exchanges(self, since: int = 0, system: str = "") -> list[Exchange]:
        """Every recorded exchange with seq above ``since``, oldest first."""
        return [one for page in self.pages(since, system) for one in page]

    def pages(self, since: int = 0, system: str = "") -> Iterator[list[Exchange]]:
        """The same in portions of `PAGE`, for a reader that may have seen enough before the end."""
        while True:
            query = {"since": since, "system": system, "limit": PAGE}
            page = self._read(list[Exchange], "GET", "/exchanges", params=query)
            yield page
            if len(page) < PAGE:
                return
            since = page[-1].seq

    def last_seq(self) -> int:
        """The number of the newest recorded exchange."""
        return self.health().exchanges

    def body(self, digest: str) -> bytes:
        """A recorded body by its SHA-256 (bodies with `Body.text` None are kept that way)."""
        return self._call("GET", f"/bodies/{digest}").content

    def direct_connections(self) -> list[str]:
        """Peers (ip:port) that reached the download listener without the relay, since the last reset."""
        return self._read(list[str], "GET", "/direct-connections")

    def strangers(self) -> list[StrangeCalls]:
        """Calls that carried no credential of this run; only where `WorldConfig.correlate` is set."""
        return self._read(list[StrangeCalls], "GET", "/strangers")

    # ── core and relay ────────────────────────────────────────────────────
    def pull(self, core_system: str, plan: PullPlan) -> PullResult:
        """Let the core system take over what the product offers."""
        return self._read(PullResult, "POST", f"/pull/{core_system}", content=plan.model_dump_json())

    def relay_stop(self) -> None:
        self._call("POST", "/relay/stop")

    def relay_start(self) -> None:
        self._call("POST", "/relay/start")

    def relay_restart(self) -> None:
        """Stop and start on the same port."""
        self._call("POST", "/relay/restart")

    def relay_log(self, since: int = 0) -> list[dict[str, Any]]:
        """The relay's access log after its first ``since`` lines, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._read(list[dict[str, Any]], "GET", "/relay/log", params={"since": since + len(found)})
            found += page
            if len(page) < MOST_LINES:
                return found

    # ── plumbing ──────────────────────────────────────────────────────────
    def _read(self, kind: type[_T], method: str, path: str, **how: Any) -> _T:
        found: _T = _adapter(cast(Hashable, kind)).validate_json(self._call(method, path, **how).content)
        return found

    def _call(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {} if path == "/application" else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, BASE + path, headers=headers, **how)
        except httpx.HTTPError as error:
            raise WorldError(
                0, f"模擬世界に届きません（{type(error).__name__}） / the simulated world cannot be reached"
            ) from error
        if answer.is_success:
            return answer
        try:
            message = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = answer.text[:200]
        raise WorldError(answer.status_code, message)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Building one costs more than using it."""
    return TypeAdapter(kind)


def _dump(kind: Any, rows: Sequence[BaseModel] | Sequence[str]) -> bytes:
    return _adapter(cast(Hashable, kind)).dump_json(list(rows))
