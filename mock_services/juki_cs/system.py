"""住基ネットCS and what 既存住基 does with it, as one system of the simulated world."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mock_services.errors import RefusedError
from mock_services.faults import FaultBox, Reach
from mock_services.juki.cs_client import CsClient, Taken
from mock_services.juki.drops import DROPS, LinkDrops
from mock_services.juki.master import JukiMaster, LinkChanges
from mock_services.juki.routes import bind_link
from mock_services.juki_cs.errors import EventError, RecordFileError
from mock_services.juki_cs.models import Certificate, CsNetwork
from mock_services.juki_cs.routes import CsCounter, Folders, bind_records
from mock_services.juki_cs.wire import (
    Arrive,
    CsEvent,
    CsState,
    DropResult,
    End,
    ExchangeOrder,
    ExchangeResult,
    HistoryLine,
    Issue,
    JukiPerson,
    Move,
    Register,
    Replace,
)
from mock_services.systems import Quiet, Site, Zone

if TYPE_CHECKING:
    from fastapi import FastAPI


class JukiCsSystem(Quiet):
    """The CS of this town and of others, the exchange folders, 既存住基's master, and its file drops."""

    name = "juki_cs"
    zone: Zone = "juki-net"

    def __init__(self, site: Site) -> None:
        config, clock = site.config, site.clock
        self._world, self._dantai_code = site.world, config.dantai_code
        records = bind_records(site.profile)
        root = config.run_dir / "juki-cs"
        self.folders = Folders(root / "yokyu", root / "kaito")
        self.drop_root: Path = config.run_dir / "drops"
        self.boxes = {
            "juki_cs": FaultBox(Reach("juki_cs", (), files=("full", "diff"))),
            "juki_drops": FaultBox(Reach("juki_drops", (), files=tuple(name for name, _, _ in DROPS.values()))),
        }
        towns = config.juki_cs.other_towns if config.juki_cs is not None else ()
        self.network = CsNetwork(clock, (config.dantai_code, *towns))
        self.counter = CsCounter(records, self.network, clock, self.boxes["juki_cs"], self.folders)
        self.master = JukiMaster(clock)
        self.client = CsClient(records, config.dantai_code, self.master, clock, self.folders)
        self.drops = LinkDrops(
            site.profile, bind_link(site.profile), site.world.links, clock, self.drop_root, self.boxes["juki_drops"]
        )

    def doors(self) -> dict[str, Any]:
        return {}

    def reset(self) -> None:
        for folder in (self.folders.requests, self.folders.answers):
            for path in folder.iterdir() if folder.is_dir() else ():
                path.unlink()
        self.network.reset()
        self.counter.reset()
        self.client.reset()
        self.master.reset()
        self.drops.reset()

    def take_over(self, filled: JukiCsSystem) -> None:
        self._dantai_code = filled._dantai_code
        self.network.take_over(filled.network)
        self.counter.take_over(filled.counter)
        self.client.take_over(filled.client)
        self.master.take_over(filled.master)

    def put_codes(self, persons: list[JukiPerson]) -> int:
        """Add people to the master and to this town's CS. RefusedError when one lives elsewhere. Returns 更新連番."""
        codes = {one.juminhyo_code: one.atena_no for one in persons}
        try:
            self.network.register(self._dantai_code, codes)
        except EventError as error:
            raise RefusedError(str(error)) from None
        return self._apply(self.master.put_codes(codes))

    def happen(self, events: list[CsEvent]) -> None:
        """Let events happen in the CS, in order; RefusedError names the first that cannot (those before it happened)."""
        for number, one in enumerate(events, start=1):
            try:
                self._happen(one)
            except EventError as error:
                raise RefusedError(f"{number} 件目 ({one.event}): {error}") from None

    def _happen(self, one: CsEvent) -> None:
        network = self.network
        match one:
            case Register():
                network.register(one.dantai_code, one.persons)
            case Issue():
                issued = Certificate(
                    one.serial, one.juminhyo_code, one.valid_from, one.valid_to, one.state, "issued", one.medium
                )
                network.issue(one.dantai_code, issued)
            case Replace():
                reason: Literal["renewed", "reissued"] = "renewed" if one.event == "renew" else "reissued"
                new = Certificate(one.serial, "", one.valid_from, one.valid_to, medium=one.medium)
                network.replace_with(one.dantai_code, one.old, new, reason)
            case End():
                network.end(one.dantai_code, one.serial, "revoked" if one.event == "revoke" else "expired")
            case Move():
                network.move(one.juminhyo_code, one.from_dantai, one.to_dantai, one.moved_on)
            case Arrive():
                network.arrive(one.juminhyo_code, one.dantai_code)

    def move_out(self, juminhyo_codes: list[str], from_dantai: str, to_dantai: str, moved_on: date) -> int:
        """転出証明書情報 of these people goes to the other town's CS. Returns how many went (others live elsewhere already)."""
        gone = 0
        for code in juminhyo_codes:
            with suppress(EventError):
                self.network.move(code, from_dantai, to_dantai, moved_on)
                gone += 1
        return gone

    def exchange(self, order: ExchangeOrder) -> ExchangeResult:
        """One round: 既存住基 asks, the CS answers, 既存住基 takes it over, 番号紐付情報 follows. RefusedError: nothing asked."""
        try:
            request = self.client.request_again() if order.again else self.client.request(order.wanted, order.persons)
        except RecordFileError as error:
            raise RefusedError(str(error)) from None
        sent = self.counter.answer_all()
        taken: Taken = self.client.take()
        last_seq = self._apply(taken.changes)
        return ExchangeResult(
            request=request,
            answers=[one.name for one in sent],
            reason=taken.reason,
            detail=taken.detail,
            faults=[fault for one in sent for fault in one.faults],
            records=taken.records,
            upserts=len(taken.changes.upserts),
            deletes=len(taken.changes.deletes),
            generation=self.client.generation,
            last_seq=last_seq,
            unresolved=len(self.master.unresolved()),
        )

    def _apply(self, changes: LinkChanges) -> int:
        if changes.deletes:
            self._world.delete_links(one for one in changes.deletes if self._world.links.lookup(one))
        return self._world.put_links(changes.upserts)

    def drop(self, kind: Literal["full", "diff"]) -> DropResult:
        """Write 番号紐付情報 as files below ``run_dir/drops``."""
        done = self.drops.write(kind, self._dantai_code)
        return DropResult(folder=str(self.drop_root), names=list(done.names), faults=list(done.faults))

    def state(self) -> list[CsState]:
        return [
            CsState(
                dantai_code=code,
                residents=len(town.residents),
                certificates=len(town.certificates),
                generation=town.generation,
                tenshutsu=len(town.tenshutsu),
            )
            for code, town in self.network.towns.items()
        ]

    def control(self, app: FastAPI, base: str) -> None:
        @app.put(
            f"{base}/juki/codes",
            tags=["juki"],
            summary="住民票コードマスタに人を加える / add people to the 住民票コードマスタ",
        )
        async def put_codes(persons: list[JukiPerson]) -> dict[str, int]:
            """Add people to the 住民票コードマスタ and to this town's CS."""
            return {"last_seq": self.put_codes(persons)}

        @app.get(f"{base}/juki/history/{{serial}}", tags=["juki"], summary="紐付の履歴 / history of a link")
        async def history(serial: str) -> list[HistoryLine]:
            """What the link table said about a serial, oldest first."""
            return [HistoryLine(**vars(one)) for one in self.master.history(serial)]

        @app.post(
            f"{base}/juki/drops/{{kind}}",
            tags=["juki"],
            summary="番号紐付情報をファイルに書く / write 番号紐付情報 as files",
        )
        async def drop(kind: Literal["full", "diff"]) -> DropResult:
            """Write 番号紐付情報 as files."""
            return self.drop(kind)

        @app.post(
            f"{base}/juki-cs/events",
            status_code=204,
            tags=["juki-cs"],
            summary="住基ネットの出来事 / events of the registry network",
        )
        async def happen(events: list[CsEvent]) -> None:
            """Let events happen in the CS, in order."""
            self.happen(events)

        @app.post(
            f"{base}/juki-cs/exchange", tags=["juki-cs"], summary="CS と一回やりとりする / one exchange with the CS"
        )
        async def exchange(order: ExchangeOrder) -> ExchangeResult:
            """既存住基 asks, the CS answers, 番号紐付情報 follows."""
            return self.exchange(order)

        @app.get(f"{base}/juki-cs", tags=["juki-cs"], summary="CS の件数 / counts of the CS")
        async def state() -> list[CsState]:
            return self.state()


def build(site: Site) -> JukiCsSystem:
    return JukiCsSystem(site)
