"""The whole simulated world around a product: stores, services, listeners, relay. No control API in here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from interface_spec.errors import SpecError
from interface_spec.profile import Profile
from mock_services.asgi import ServiceApp
from mock_services.clock import WorldClock
from mock_services.config import WorldConfig
from mock_services.core.handover import bind_handover
from mock_services.core.models import AtenaStore
from mock_services.core.responses import row as atena_row
from mock_services.core.routes import AtenaService, bind_atena
from mock_services.dialects import Service, check_dialects, spoken
from mock_services.disturb import Disturbed
from mock_services.download.models import Account, DownloadStore
from mock_services.download.packages import Held, Package
from mock_services.download.routes import DownloadService, bind_download
from mock_services.download.shelf import Application
from mock_services.errors import RefusedError, UnknownError
from mock_services.fault_kinds import FAULTS, DnsParams, TlsParams
from mock_services.faults import FaultBox, FaultError, arm, reach_of
from mock_services.juki.models import LinkStore
from mock_services.juki.routes import JukiService, bind_link
from mock_services.models import (
    ApplicationMeta,
    AtenaRecord,
    Fault,
    FaultState,
    LaidApplication,
    LinkRecord,
    PullPlan,
    PullResult,
    StatusChange,
)
from mock_services.recorder import Recorder
from mock_services.rules import Door
from mock_services.strangers import Strangers, of_download, of_key
from mock_services.surface import Bound, check_row
from mock_services.systems import System, build_systems
from mock_services.tls import Variant
from mock_services.wiring import Value, WireError

__all__ = ["LIMITS", "RefusedError", "RelayWanted", "UnknownError", "World"]

LIMITS = ("list_page", "token_lifetime")


@dataclass(frozen=True)
class RelayWanted:
    """``download_address``: where the download function's name points at the relay; empty = where it is."""

    running: bool = True
    download_address: str = ""


class World:
    """State of every system and what the control API may do to it. Everything runs in one event loop.

    Each method either does all it says or raises and changes nothing.
    """

    def __init__(self, config: WorldConfig, profile: Profile, clock: WorldClock) -> None:
        for limit in LIMITS:
            if limit not in profile.limits or profile.limit(limit) < 1:
                raise SpecError(
                    f"profile {profile.profile.id}", f"limits.{limit}", "1 以上の値が要ります / needs 1 or more"
                )
        self.config, self.profile, self.clock = config, profile, clock
        self._download, self._link = bind_download(profile), bind_link(profile)
        self._atena, self._handover = bind_atena(profile), bind_handover(profile)
        check_dialects(profile)
        self.recorder = Recorder(config.run_dir, clock)
        self.strangers = Strangers(config.run_dir, clock)
        self.boxes = {
            "download": FaultBox(reach_of("download", self._download.surface, paged=("list",))),
            "juki": FaultBox(reach_of("juki", self._link.surface)),
            **{f"core:{one}": FaultBox(reach_of(f"core:{one}", self._atena.surface)) for one in config.core},
        }
        self.applications = DownloadStore(
            clock,
            _accounts(config),
            page_limit=profile.limit("list_page"),
            token_seconds=profile.limit("token_lifetime"),
            token_key=hmac.new(b"shinsei-testbed-token", config.seed.encode(), hashlib.sha256).digest(),
        )
        self.door = Door(clock, config.rules)
        self.links = LinkStore()
        self.atena = {core_system: AtenaStore() for core_system in config.core}
        self._peers: list[str] = []
        self.certificate_changed: Callable[[], None] = lambda: None
        """Called when a fault ``tls`` begins by itself: whoever is connected has to shake hands again."""
        try:
            self.systems: dict[str, System] = build_systems(self)
        except BaseException:
            self.recorder.close()
            raise
        for system in self.systems.values():
            self.boxes |= system.boxes

    # ── services ──────────────────────────────────────────────────────────
    def download_app(self) -> ServiceApp:
        service = DownloadService(
            self._download,
            self.applications,
            self.boxes["download"],
            self.door,
            self.config.run_dir / "packages",
            self._was_answered,
        )
        return self._app(
            of_download(service, self._download, self.applications, self.strangers), service, self._download
        )

    def link_app(self) -> ServiceApp:
        service = self._disturbed(JukiService(self._link, self.links, self.config.link_api_key), self._link)
        return self._app(of_key(service, self._link, self._keys(), self.strangers), service, self._link)

    def atena_app(self, core_system: str) -> ServiceApp:
        store, key = self._core(core_system), self.config.core[core_system].atena_api_key
        service = self._disturbed(AtenaService(self._atena, core_system, store, key), self._atena)
        return self._app(of_key(service, self._atena, self._keys(), self.strangers), service, self._atena)

    def _keys(self) -> list[str]:
        return [self.config.link_api_key, *[one.atena_api_key for one in self.config.core.values()]]

    def _app(self, correlated: Service, plain: Service, bound: Bound) -> ServiceApp:
        return ServiceApp(spoken(correlated if self.config.correlate else plain, bound, self.profile), self.recorder)

    def _disturbed(self, service: JukiService | AtenaService, bound: Bound) -> Disturbed:
        return Disturbed(service, bound, self.boxes[service.system])

    def tls_variant(self) -> Variant | None:
        """Which certificate the next handshake gets; counts the strike."""
        armed = self.boxes["download"].take("tls", "*", [])
        return armed.params.variant if armed is not None and isinstance(armed.params, TlsParams) else None

    def _was_answered(self, seq: int, receipt_no: str, peer: str) -> None:
        if "tls" in self.boxes["download"].answered(seq, receipt_no, peer, self._peers):
            self.certificate_changed()

    def saw_peer(self, peer: str) -> None:
        """A TCP connection reached the download listener."""
        self._peers.append(peer)

    # ── what the control API does ─────────────────────────────────────────
    def reset(self) -> None:
        """Empty every system and disarm every fault. Clock, recorder, 更新連番 and relay go on; rules as configured."""
        self.applications.reset()
        self.door.reset()
        self.links.reset()
        for store in self.atena.values():
            store.replace(())
        for system in self.systems.values():
            system.reset()
        for box in self.boxes.values():
            box.clear()
        self._peers.clear()
        self.recorder.upward.clear()

    def take_over(self, filled: World) -> None:
        """A `reset`, and then everything that ``filled`` holds; ``filled`` is not used any more. The profile is the same."""
        self.reset()
        self.config = filled.config.model_copy(update={"run_dir": self.config.run_dir})
        self.applications.take_over(filled.applications)
        self.links.put(filled.links.full())
        for core_system, store in self.atena.items():
            store.replace(filled.atena[core_system].full())
        for name, system in self.systems.items():
            system.take_over(filled.systems[name])

    def set_clock(self, now: datetime) -> None:
        self.clock.set(now)

    def load_application(self, meta: ApplicationMeta, package: bytes | Package) -> None:
        """Lay an application ready (or replace it). RefusedError when a list row of it could not be written."""
        self.applications.put(self._application(meta, Held(package) if isinstance(package, bytes) else package))

    def load_applications(self, laid: Sequence[LaidApplication]) -> None:
        """Lay many ready, all or none: RefusedError as for one."""
        for one in [self._application(meta, Held(meta.package)) for meta in laid]:
            self.applications.put(one)

    def _application(self, meta: ApplicationMeta, package: Package) -> Application:
        row: dict[str, Value] = {
            "receipt_no": meta.receipt_no,
            "procedure_id": meta.procedure_id,
            "dantai_code": meta.dantai_code,
            "received_at": meta.received_at,
            "arrived_at": meta.arrived_at,
            "size": package.size,
            "sha256": package.sha256,
        }
        status: dict[str, Value] = {"receipt_no": meta.receipt_no, "status": meta.resident_status}
        self._refuse_unless_writable(self._download, "list", [row])
        self._refuse_unless_writable(self._download, "status_list", [status])
        return Application(
            receipt_no=meta.receipt_no,
            procedure_id=meta.procedure_id,
            dantai_code=meta.dantai_code,
            received_at=meta.received_at,
            arrived_at=meta.arrived_at,
            visible_at=meta.visible_at,
            status=meta.resident_status,
            package=package,
            listed_at=self.as_listed(meta.received_at),
        )

    def set_status(self, change: StatusChange) -> None:
        """What staff or the core system registered for the resident to see. UnknownError, RefusedError."""
        one = self.applications.peek(change.receipt_no)
        if one is None:
            raise UnknownError("その受付番号の申請はありません / no such application")
        if change.status not in self.profile.codes["resident_status"].values:
            known = ", ".join(self.profile.codes["resident_status"].values)
            raise RefusedError(f"status: {known} のいずれかにします / not in the code list")
        self.applications.change(one, change.status, change.message)

    def as_listed(self, received_at: datetime) -> datetime:
        """受付日時 in the precision of the wire. RefusedError when it has no wire form."""
        item = self._download.operation("list").request["received_from"]
        listed_at = self._download.codec.as_on_the_wire(item, received_at)
        if not isinstance(listed_at, datetime):
            raise RefusedError("受付日時を書けません / received_at has no wire form")
        return listed_at

    def put_links(self, rows: Sequence[LinkRecord]) -> int:
        """Add or update 番号紐付情報. RefusedError for a row with no wire form. Returns the last 更新連番."""
        for operation in ("full", "lookup"):
            self._refuse_unless_writable(self._link, operation, [dict(row) for row in rows])
        return self.links.put(rows)

    def delete_links(self, serials: Iterable[str]) -> int:
        try:
            return self.links.delete(serials)
        except KeyError as error:
            raise UnknownError(f"番号紐付情報に無いシリアル番号です / no such serial: {error.args[0]}") from None

    def put_atena(self, core_system: str, rows: Sequence[AtenaRecord]) -> None:
        """Replace the whole 宛名情報 of one core system. RefusedError, UnknownError."""
        store = self._core(core_system)
        self._refuse_unless_writable(self._atena, "full", [atena_row(row) for row in rows])
        try:
            store.replace(rows)
        except ValueError as error:
            raise RefusedError(str(error)) from None

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace everything armed on every system; nothing changes when one of them is wrong (FaultError)."""
        wanted: dict[str, list[Fault]] = {system: [] for system in self.boxes}
        for fault in self._everywhere(faults):
            if fault.system not in self.boxes:
                known = ", ".join(self.boxes)
                raise FaultError(f"system {fault.system!r} はありません（あるもの: {known}） / no such system")
            arm(fault, self.boxes[fault.system].reach)
            wanted[fault.system].append(fault)
        for system, box in self.boxes.items():
            box.set(wanted[system])

    def _everywhere(self, faults: Iterable[Fault]) -> Iterator[Fault]:
        """The faults, those of every system (``*``) once for each system where they can strike."""
        for fault in faults:
            kind = FAULTS.get(fault.name)
            if fault.system != "*" or kind is None:
                yield fault
                continue
            for system, box in self.boxes.items():
                operations = box.reach.operations(kind)
                if operations is not None and fault.operation in ("*", *operations):
                    yield fault.model_copy(update={"system": system})

    def fault_states(self) -> list[FaultState]:
        return [state for box in self.boxes.values() for state in box.states()]

    def relay_wanted(self) -> RelayWanted:
        """What the faults between the zones say about the relay now."""
        box = self.boxes["download"]
        moved = box.peek("dns-change")
        address = moved.params.address if moved is not None and isinstance(moved.params, DnsParams) else ""
        return RelayWanted(running=box.peek("proxy-down") is None, download_address=address)

    async def pull(self, core_system: str, plan: PullPlan) -> PullResult:
        self._core(core_system)
        from mock_services.core.client import pull as run_pull  # its HTTP client would only slow the start down

        return await run_pull(self._handover, core_system, plan, self.recorder)

    def direct_connections(self) -> list[str]:
        """Peers (ip:port) that reached the download listener from another address than the relay's, since `reset`."""
        relay = self.config.addresses.zone_dmz
        return [peer for peer in self._peers if peer.rpartition(":")[0] != relay]

    def _core(self, core_system: str) -> AtenaStore:
        if core_system not in self.atena:
            known = ", ".join(self.atena)
            raise UnknownError(
                f"{core_system!r} という基幹システムはありません（あるもの: {known}） / no such core system"
            )
        return self.atena[core_system]

    def _refuse_unless_writable(self, bound: Bound, operation: str, rows: Iterable[dict[str, Any]]) -> None:
        for number, row in enumerate(rows, start=1):
            try:
                check_row(bound, bound.operation(operation), row)
            except WireError as error:
                raise RefusedError(f"{bound.name}.{operation} {number} 件目: {error}") from None


def _accounts(config: WorldConfig) -> list[Account]:
    own = Account(config.dantai_code, config.download.account, config.download.secret)
    return [own, *(Account(one.dantai_code, one.account, one.secret) for one in config.download.other_accounts)]
