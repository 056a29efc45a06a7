"""The control API of a world (FastAPI, documented at ``/docs`` of the control port).

It is ours, not part of any specification: load data, set the clock, arm faults, read what was recorded.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from interface_spec.errors import finding
from mock_services.config import Endpoints
from mock_services.documents import add_documents
from mock_services.download.packages import Package, Spool
from mock_services.errors import RefusedError, UnknownError
from mock_services.fault_kinds import FAULTS
from mock_services.faults import FaultError
from mock_services.models import (
    ApplicationMeta,
    AtenaRecord,
    Clock,
    Exchange,
    Fault,
    FaultState,
    Health,
    LaidApplication,
    LinkRecord,
    Problem,
    PullPlan,
    PullResult,
    Seeded,
    SeedOrder,
    StatusChange,
    StrangeCalls,
)
from mock_services.relay_process import RelayError, RelayProcess
from mock_services.rules import Rules
from mock_services.world import World

BASE = "/world/v1"
MAX_PACKAGE = 512 * 1024 * 1024
"""Bytes of one application ZIP; above every limit of a profile, so that hostile sizes can be loaded too."""

_TAGS = {
    "world": "世界 / the world",
    "data": "データ / data",
    "faults": "障害と規則 / faults and rules",
    "core": "基幹 / core systems",
    "evidence": "記録 / evidence",
    "relay": "連携サーバ / the relay",
    "juki": "既存住基 / resident registry",
    "juki-cs": "住基ネットCS / CS of the registry network",
    "portal": "ぴったりサービス / the portal",
    "togo": "団体内統合宛名 / integrated person numbers",
    "lgwan": "LGWAN の近隣 / LGWAN neighbours",
}


_SEED = """全システムを空にし、この種で始めた世界と同じ中身に一度に入れ替えます。
新しい中身は裏で作るので、その間の呼出しには古い世界が答えます。作れないときは断り、何も変えません。URL・アカウント・鍵・プロファイル・記録はそのままです。

Empties every system and fills it, in one step, as a start with that seed does.
It is made aside first: calls meanwhile are answered by the old world. When it cannot be made, nothing changes. URLs, accounts, keys, profile and record stay."""


class Stage(Protocol):
    """The running world as the control API needs it."""

    world: World
    relay: RelayProcess | None

    def endpoints(self) -> Endpoints: ...

    def apply_rules(self) -> None: ...

    async def apply_network_faults(self) -> None: ...

    def drop_download_connections(self) -> None: ...

    def prepare_packages(self) -> None: ...


def control_app(stage: Stage) -> FastAPI:
    """The control API over one running world."""
    world = stage.world
    app = FastAPI(
        title="申請連携テストベッド 模擬世界の制御 / Control of the simulated world",
        version="1",
        docs_url=None,  # the framework's own pages load from the Internet
        redoc_url=None,
        openapi_tags=[{"name": name, "description": said} for name, said in _TAGS.items()],
        responses={code: {"model": Problem} for code in (404, 409, 422)},
    )
    _errors(app)

    @app.get(f"{BASE}/health", tags=["world"], summary="動いているか / health")
    async def health() -> Health:
        relay: Literal["running", "stopped", "none"] = "none"
        if stage.relay is not None:
            relay = "running" if stage.relay.running else "stopped"
        return Health(
            now=world.clock.now(),
            profile=world.profile.profile.id,
            relay=relay,
            exchanges=world.recorder.newest,
            dropped=world.recorder.dropped,
            relay_lines=0 if stage.relay is None else stage.relay.log.lines(),
            relay_log_full=stage.relay is not None and stage.relay.log.full,
        )

    @app.get(f"{BASE}/endpoints", tags=["world"], summary="各入口の URL / where every door is")
    async def endpoints() -> Endpoints:
        return stage.endpoints()

    @app.post(
        f"{BASE}/reset", status_code=204, tags=["world"], summary="データと障害を空にする / empty data and faults"
    )
    async def reset() -> None:
        """Empty every system and disarm every fault; clock, recorder, 更新連番 and relay go on."""
        had_tls = _has_tls(world)
        world.reset()
        await _after_reset(had_tls)

    async def _after_reset(had_tls: bool) -> None:
        stage.apply_rules()
        if had_tls:
            stage.drop_download_connections()
        await stage.apply_network_faults()

    seeding = asyncio.Lock()

    @app.post(
        f"{BASE}/seed",
        tags=["world"],
        summary="架空の自治体を入れ直す / fill with a synthetic municipality anew",
        description=_SEED,
    )
    async def seed(order: SeedOrder) -> Seeded:
        from mock_services.seeding import filled_aside  # the fixtures would only slow the start of other worlds down

        async with seeding:
            filled = await asyncio.to_thread(filled_aside, world, order)
            had_tls = _has_tls(world)
            world.take_over(filled)
            if order.start_clock is not None:
                world.set_clock(order.start_clock)
            stage.prepare_packages()
            await _after_reset(had_tls)
            town, moment = world.config.dantai_code, world.config.start_clock
            return Seeded(seed=order.seed, applications=order.applications, start_clock=moment, dantai_code=town)

    @app.get(f"{BASE}/clock", tags=["world"], summary="世界の時計を見る / read the world's clock")
    async def clock() -> Clock:
        return Clock(now=world.clock.now())

    @app.put(f"{BASE}/clock", tags=["world"], summary="世界の時計を合わせる / set the world's clock")
    async def set_clock(wanted: Clock) -> Clock:
        """Set the world's clock; it ticks on from there."""
        world.set_clock(wanted.now)
        return Clock(now=world.clock.now())

    @app.put(
        f"{BASE}/application",
        status_code=204,
        tags=["data"],
        openapi_extra={"requestBody": {"required": True, "content": {"application/zip": {}}}},
        summary="申請を1件置く / lay one application ready",
    )
    async def load_application(meta: Annotated[ApplicationMeta, Query()], request: Request) -> None:
        """Lay one application ready for download (body: the ZIP as it is), or replace the one of that 受付番号."""
        world.load_application(meta, await _spooled(request, world.config.run_dir / "packages"))

    @app.put(
        f"{BASE}/applications",
        status_code=204,
        tags=["data"],
        summary="小さい申請をまとめて置く / lay many small applications ready",
    )
    async def load_applications(laid: list[LaidApplication]) -> None:
        """Lay many small applications ready at once (``package``: the ZIP in base64), all or none of them."""
        world.load_applications(laid)

    @app.put(
        f"{BASE}/application/status", status_code=204, tags=["data"], summary="処理状況を登録する / register a 処理状況"
    )
    async def set_status(change: StatusChange) -> None:
        """Register a 処理状況, as the staff's screen does (a finished 転出届 sets the CS going)."""
        world.set_status(change)

    @app.post(f"{BASE}/tokens/revoke", tags=["data"], summary="認証トークンをすべて取り消す / revoke every token")
    async def revoke_tokens() -> dict[str, int]:
        """Revoke every token of the download function."""
        return {"revoked": world.applications.revoke_all()}

    @app.put(f"{BASE}/links", tags=["data"], summary="番号紐付情報を追加・更新する / add or update links")
    async def put_links(rows: list[LinkRecord]) -> dict[str, int]:
        """Add or update rows of 番号紐付情報 by serial."""
        return {"last_seq": world.put_links(rows)}

    @app.post(f"{BASE}/links/delete", tags=["data"], summary="番号紐付情報を削除する / delete links")
    async def delete_links(serials: list[str]) -> dict[str, int]:
        return {"last_seq": world.delete_links(serials)}

    @app.put(
        f"{BASE}/atena/{{core_system}}",
        status_code=204,
        tags=["data"],
        summary="基幹の宛名情報を入れ替える / replace a core system's persons",
    )
    async def put_atena(core_system: str, rows: list[AtenaRecord]) -> None:
        """Replace the whole 宛名情報 of one core system."""
        world.put_atena(core_system, rows)

    @app.get(f"{BASE}/faults", tags=["faults"], summary="障害と、起きた回数 / faults and how often they struck")
    async def fault_states() -> list[FaultState]:
        """What is armed, and how often each has struck."""
        return world.fault_states()

    @app.put(
        f"{BASE}/faults",
        status_code=204,
        tags=["faults"],
        description=_fault_table(),
        summary="障害を入れ替える / replace the faults",
    )
    async def set_faults(faults: list[Fault]) -> None:
        had_tls = _has_tls(world)
        world.set_faults(faults)
        if had_tls or _has_tls(world):
            stage.drop_download_connections()
        await stage.apply_network_faults()

    @app.get(f"{BASE}/rules", tags=["faults"], summary="規則を見る / read the rules")
    async def rules() -> Rules:
        """Rate limit, 保守時間帯 and client certificates of the download function, as they are in force."""
        return world.door.rules

    @app.put(f"{BASE}/rules", tags=["faults"], summary="規則を入れ替える / replace the rules")
    async def set_rules(wanted: Rules) -> Endpoints:
        """Replace them all; the answer tells where the client certificate lies when one is asked for."""
        world.door.set(wanted)
        stage.apply_rules()
        return stage.endpoints()

    @app.post(f"{BASE}/pull/{{core_system}}", tags=["core"], summary="基幹として引き取る / take over as a core system")
    async def pull(core_system: str, plan: PullPlan) -> PullResult:
        """Let the core system take over what the product offers: list, fetch, attachments, acknowledge."""
        return await world.pull(core_system, plan)

    _evidence(app, stage)
    _relay(app, stage)
    for system in world.systems.values():
        system.control(app, BASE)
    add_documents(app, world)
    specification = world.config.run_dir / "spec"
    if specification.is_dir():  # whoever starts the world may lay the generated specification there
        app.mount("/spec", StaticFiles(directory=specification, html=True))
    return app


def _evidence(app: FastAPI, stage: Stage) -> None:
    world = stage.world

    @app.get(
        f"{BASE}/strangers",
        tags=["evidence"],
        summary="この実施のものではない呼出し / calls that do not belong to this run",
    )
    async def strangers() -> list[StrangeCalls]:
        """Calls with a credential of another run, or with none; empty unless the world was told to correlate."""
        return world.strangers.seen()

    @app.get(f"{BASE}/exchanges", tags=["evidence"], summary="記録されたやりとり / recorded exchanges")
    async def exchanges(
        since: Annotated[int, Query(ge=0)] = 0,
        system: str = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[Exchange]:
        """Recorded exchanges with seq above ``since``, oldest first."""
        return world.recorder.exchanges(since, system, limit)

    @app.get(
        f"{BASE}/bodies/{{digest}}",
        tags=["evidence"],
        response_class=Response,
        summary="記録された本文 / a recorded body",
    )
    async def body(digest: str) -> Response:
        try:
            return Response(world.recorder.body(digest), media_type="application/octet-stream")
        except KeyError:
            raise UnknownError("その名の本文は記録されていません / no such body") from None

    @app.get(f"{BASE}/upward", tags=["evidence"], summary="上がってきたバイト数 / bytes that came up")
    async def upward() -> dict[str, int]:
        """Bytes that clients sent up (request line, headers, body) by system, since the last reset."""
        return world.recorder.upward

    @app.get(
        f"{BASE}/direct-connections",
        tags=["evidence"],
        summary="連携サーバを通らない接続 / connections without the relay",
    )
    async def direct_connections() -> list[str]:
        """Peers that reached the download listener without the relay, since the last reset."""
        return world.direct_connections()


def _relay(app: FastAPI, stage: Stage) -> None:
    def relay() -> RelayProcess:
        if stage.relay is None:
            raise UnknownError("この世界に連携サーバはありません / this world has no relay")
        return stage.relay

    @app.post(f"{BASE}/relay/stop", status_code=204, tags=["relay"], summary="連携サーバを止める / stop the relay")
    async def relay_stop() -> None:
        await relay().stop()

    @app.post(f"{BASE}/relay/start", status_code=204, tags=["relay"], summary="連携サーバを動かす / start the relay")
    async def relay_start() -> None:
        await relay().start()

    @app.post(
        f"{BASE}/relay/restart", status_code=204, tags=["relay"], summary="連携サーバを再起動する / restart the relay"
    )
    async def relay_restart() -> None:
        """Stop and start on the same port."""
        await relay().restart()

    @app.get(f"{BASE}/relay/log", tags=["relay"], summary="連携サーバの記録 / the relay's log")
    async def relay_log(since: Annotated[int, Query(ge=0)] = 0) -> list[dict[str, Any]]:
        """The relay's own access log after its first ``since`` lines; `health` says how many there are."""
        return relay().log.after(since)


def _errors(app: FastAPI) -> None:
    def problem(status: int, code: str, message: str) -> JSONResponse:
        return JSONResponse(Problem(code=code, message=message).model_dump(), status)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "invalid", ": ".join(finding(error.errors()[0])))

    @app.exception_handler(HTTPException)
    async def not_a_call(_: Request, error: HTTPException) -> JSONResponse:
        said = {
            400: "body: JSON として読めません / the body cannot be read as JSON",
            404: "その場所に呼出しはありません（/docs に一覧） / no call of this path (see /docs)",
            405: "その場所にそのメソッドの呼出しはありません（/docs に一覧） / no call of this method (see /docs)",
        }
        status = 422 if error.status_code == 400 else error.status_code
        message = said.get(error.status_code, str(error.detail))
        return JSONResponse(Problem(code="invalid", message=message).model_dump(), status, error.headers)

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        return problem(422, "refused", str(error))

    @app.exception_handler(FaultError)
    async def bad_fault(_: Request, error: FaultError) -> JSONResponse:
        return problem(422, "fault", str(error))

    @app.exception_handler(UnknownError)
    async def unknown(_: Request, error: UnknownError) -> JSONResponse:
        return problem(404, "unknown", str(error))

    @app.exception_handler(RelayError)
    async def relay_failed(_: Request, error: RelayError) -> JSONResponse:
        return problem(409, "relay", str(error))


async def _spooled(request: Request, folder: Path) -> Package:
    """The body; what is big goes to disk while it arrives. RefusedError when it is too big or breaks off."""
    spool = Spool(folder)
    try:
        async for chunk in request.stream():
            spool.write(chunk)
            if spool.size > MAX_PACKAGE:
                raise RefusedError(f"ZIP が {MAX_PACKAGE} バイトを超えています / ZIP too large")
        return spool.done()
    finally:
        spool.drop()


def _has_tls(world: World) -> bool:
    return any(state.fault.name == "tls" for state in world.fault_states())


def _fault_table() -> str:
    lines = ["Replace everything armed (an empty list disarms).", ""]
    return "\n".join(lines + [f"- `{kind.name}` — {kind.ja} / {kind.en}" for kind in FAULTS.values()])
