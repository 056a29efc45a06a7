"""Runs one world: ``python -m shinsei_testbed run mock_services.serve --config world.json``.

Exit status: 0 stopped by SIGTERM/SIGINT, 2 the configuration cannot be used (one sentence on stderr), 3 anything else.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from mock_services.clock import WorldClock
from mock_services.config import Endpoints, WorldConfig, load_config
from mock_services.control_api import control_app
from mock_services.download.models import DownloadStore
from mock_services.listener import Listener, PortInUseError, WatchedSocket, listen
from mock_services.logs import log_to_stderr
from mock_services.relay_process import RelayError, RelayProcess, RelaySettings
from mock_services.rules import ClientCertificate
from mock_services.systems import System, Zone
from mock_services.tls import ServerTls
from mock_services.world import RelayWanted, World

log = logging.getLogger("mock_services")
_PREPARING_SECONDS = 1.2
"""Longest that the start waits for packages to be made; enough for all of a large population (a second)."""

MOST_LOGGED = 64 * 1024 * 1024
"""Characters that a world which somebody else started logs: nobody watches over that file."""


class Ahead:
    """A thread that makes packages before anybody asks for them."""

    def __init__(self, applications: DownloadStore) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=applications.prepare, args=[self._stopping], daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Soon; see `ended`."""
        self._stopping.set()

    async def ended(self) -> None:
        """Wait for it, after `stop`."""
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)


class RunningWorld:
    """A world on its sockets. `start` returns when everything accepts; `stop` ends it, the relay included."""

    def __init__(self, config: WorldConfig, world: World, sockets: dict[str, WatchedSocket]) -> None:
        self.world, self._config, self._sockets = world, config, sockets
        ca_file = config.run_dir / "dl-ca.pem"
        self._tls = tls = ServerTls(config.download.fqdn, datetime.now(UTC), world.tls_variant, config.ca_folder)
        self._client_file = config.run_dir / "dl-client.pem"
        self._client_file.unlink(missing_ok=True)
        ca_file.write_bytes(tls.ca_pem)
        self._doors: list[str] = []
        self._beside: dict[str, str] = {}
        sockets["download"].on_accept = world.saw_peer
        self._download = Listener(world.download_app(), sockets["download"], tls.context)
        world.certificate_changed = self._download.drop_connections
        self._listeners = [
            self._download,
            Listener(world.link_app(), sockets["link"]),
            *(Listener(world.atena_app(core), sockets[f"atena.{core}"]) for core in config.core),
        ]
        for system in world.systems.values():
            for door, app in system.doors().items():
                self._doors.append(door)
                self._listeners.append(Listener(app, sockets[door]))
        self._asked: ClientCertificate = "none"
        self.apply_rules()
        self._relay_wanted = RelayWanted()
        self.relay = _relay(config, _port(sockets["download"])) if config.relay_command else None
        self._ahead = Ahead(world.applications)

    async def start(self) -> Endpoints:
        """Start everything. RelayError when the relay does not come up; nothing is left running then."""
        try:
            if self.relay is not None:
                self.relay.spawn()  # it starts up while we do
            self._prepare()
            self._listeners.append(Listener(control_app(self), self._sockets["control"]))
            for listener in self._listeners:
                await listener.start()
            for system in self.world.systems.values():
                self._beside |= await system.start(zone_address(self._config, system.zone))
            if self.relay is not None:
                await self.relay.ready()
            self._ahead.start()
        except BaseException:
            await self.stop()
            raise
        return self.endpoints()

    def _prepare(self) -> None:
        """Make packages while nobody can call yet, for a moment; a thread makes the rest."""
        self.world.applications.of_town(self._config.dantai_code)  # who is still on the way is known from then on
        until = time.monotonic() + _PREPARING_SECONDS
        while time.monotonic() < until and self.world.applications.prepare_one():
            pass

    async def stop(self) -> None:
        self._ahead.stop()
        jobs = [listener.stop() for listener in self._listeners]
        jobs += [system.stop() for system in self.world.systems.values()]
        if self.relay is not None:
            jobs.append(self.relay.stop())
        await asyncio.gather(*jobs)
        await self._ahead.ended()
        for sock in self._sockets.values():
            sock.close()
        self.world.recorder.close()

    def endpoints(self) -> Endpoints:
        config, where = self._config, {name: _address(sock) for name, sock in self._sockets.items()}
        relay = f"http://{config.addresses.zone_mynumber}:{self.relay.port}" if self.relay is not None else ""
        return Endpoints(
            control_url=f"http://{where['control']}",
            download_url=f"https://{config.download.fqdn}:{_port(self._sockets['download'])}",
            download_address=where["download"],
            link_url=f"http://{where['link']}",
            atena_urls={core: f"http://{where[f'atena.{core}']}" for core in config.core},
            relay_url=relay,
            relay_source=config.addresses.zone_dmz,
            dl_ca_file=str(config.run_dir / "dl-ca.pem"),
            dl_client_file=str(self._client_file) if self._client_file.exists() else "",
            systems={door: f"http://{where[door]}" for door in self._doors} | self._beside,
        )

    def apply_rules(self) -> None:
        """Ask for client certificates as the rules say; whoever is connected has to shake hands again."""
        wanted = self.world.door.rules.client_certificate
        if wanted == self._asked:
            return
        self._asked = wanted
        if not self._client_file.exists():
            self._client_file.touch(mode=0o600)
            self._client_file.write_bytes(self._tls.client_pem(f"client.{self._config.download.fqdn}"))
        self._tls.ask_for_client_certificate(wanted)
        self._download.drop_connections()

    async def apply_network_faults(self) -> None:
        """Bring the relay into the state that the armed faults want; what they did not change stays as it is."""
        wanted, had = self.world.relay_wanted(), self._relay_wanted
        if self.relay is None or wanted == had:
            return
        self._relay_wanted = wanted
        if wanted.download_address != had.download_address:
            home = self._config.addresses.zone_lgwan
            await self.relay.resolve(self._config.download.fqdn, wanted.download_address or home)
        if wanted.running != had.running:
            await (self.relay.start() if wanted.running else self.relay.stop())

    def prepare_packages(self) -> None:
        """Make the packages of whatever population lies there now ahead; of an older one no more are made."""
        self._ahead.stop()
        self._ahead = Ahead(self.world.applications)
        self._ahead.start()

    def drop_download_connections(self) -> None:
        self._download.drop_connections()


def _port(sock: WatchedSocket) -> int:
    return int(sock.getsockname()[1])


def _address(sock: WatchedSocket) -> str:
    host, port = sock.getsockname()[:2]
    return f"{host}:{port}"


def zone_address(config: WorldConfig, zone: Zone) -> str:
    """Where a zone lives on this machine."""
    addresses = config.addresses
    return {
        "internet": addresses.zone_internet,
        "lgwan": addresses.zone_lgwan,
        "lgwan-side": addresses.zone_lgwan_side,
        "mynumber": addresses.zone_mynumber,
        "juki-net": addresses.zone_juki_net,
    }[zone]


def _relay(config: WorldConfig, download_port: int) -> RelayProcess:
    addresses, fqdn = config.addresses, config.download.fqdn
    settings = RelaySettings(
        run_dir=config.run_dir,
        command=config.relay_command,
        address=addresses.zone_mynumber,
        source_address=addresses.zone_dmz,
        clients=config.relay_clients,
        allow=((fqdn, download_port),),
        hosts=((fqdn, addresses.zone_lgwan),),
    )
    return RelayProcess(settings, config.ports.relay)


def open_sockets(config: WorldConfig, systems: Iterable[System] = ()) -> dict[str, WatchedSocket]:
    """Every listening socket by the field of `Ports`; PortInUseError names the field, and then none is open."""
    addresses, ports = config.addresses, config.ports
    wanted = {
        "download": (addresses.zone_lgwan, ports.download),
        "link": (addresses.zone_mynumber, ports.link),
        **{f"atena.{core}": (addresses.zone_mynumber, ports.atena.get(core, 0)) for core in config.core},
        "control": (addresses.control, ports.control),
        **{
            door: (zone_address(config, system.zone), ports.systems.get(door, 0))
            for system in systems
            for door in system.doors()
        },
    }
    opened: dict[str, WatchedSocket] = {}
    try:
        for name, (address, port) in wanted.items():
            opened[name] = listen(address, port, f"ports.{name}")
        if config.relay_command and ports.relay:
            listen(addresses.zone_mynumber, ports.relay, "ports.relay").close()
    except PortInUseError:
        for sock in opened.values():
            sock.close()
        raise
    return opened


def _write_ready(run_dir: Path, endpoints: Endpoints) -> None:
    unfinished = run_dir / "world-ready.json.tmp"
    unfinished.write_text(endpoints.model_dump_json(indent=2), encoding="utf-8")
    unfinished.replace(run_dir / "world-ready.json")


async def run(config: WorldConfig, stop: asyncio.Event, on_ready: Callable[[Endpoints], None] = lambda _: None) -> None:
    """Run one world until ``stop`` is set. SpecError, PortInUseError, RelayError before it is up."""
    profile = load_profile(config.profile, config.overlay)
    (config.run_dir / "world-ready.json").unlink(missing_ok=True)
    world = World(config, profile, WorldClock(config.start_clock))
    if config.fixtures is not None:
        from mock_services.seeding import fill

        fill(world)
    running = RunningWorld(config, world, open_sockets(config, world.systems.values()))
    endpoints = await running.start()
    _write_ready(config.run_dir, endpoints)
    on_ready(endpoints)
    log.info("ready", extra={"what": endpoints.control_url})
    await stop.wait()
    (config.run_dir / "world-ready.json").unlink(missing_ok=True)
    await running.stop()
    log.info("stopped")


def run_until_signalled(config: WorldConfig, on_ready: Callable[[Endpoints], None] = lambda _: None) -> None:
    """Run one world in a loop of its own until SIGTERM or SIGINT; see `run`."""
    sys.setswitchinterval(_TURN_SECONDS)
    with asyncio.Runner(loop_factory=_fast_loop) as runner:
        runner.run(until_signalled(config, on_ready))


_TURN_SECONDS = 0.0005
"""How long a thread that makes packages keeps the calls waiting."""


def _fast_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one (everywhere but on Windows): its TLS costs half of asyncio's."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def until_signalled(config: WorldConfig, on_ready: Callable[[Endpoints], None] = lambda _: None) -> None:
    """Run one world until SIGTERM or SIGINT; see `run`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    await run(config, stop, on_ready)


def _log_to(path: Path) -> None:
    """From here on everything that this process and its children say goes to the end of ``path``."""
    with path.open("ab") as log:
        for number in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(log.fileno(), number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="mock_services.serve", description="模擬世界を動かす / run the simulated world"
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="world.json。- は標準入力の一行を待ち、出力をその隣の world.log へ / - waits for a line that names it",
    )
    config_file: Path = parser.parse_args(arguments).config
    if str(config_file) == "-":
        told = sys.stdin.readline().strip()
        if not told:
            return 0  # whoever started us has ended before it knew what to play
        config_file = Path(told)
        _log_to(config_file.with_name("world.log"))
    log_to_stderr(MOST_LOGGED)
    try:
        config = load_config(config_file)
        config.run_dir.mkdir(parents=True, exist_ok=True)
        run_until_signalled(config)
    except (SpecError, PortInUseError) as error:
        print(f"{config_file.name}: {error}" if isinstance(error, PortInUseError) else error, file=sys.stderr)  # noqa: T201
        return 2
    except RelayError as error:
        print(f"{config_file.name}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
