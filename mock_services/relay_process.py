"""The 連携サーバ as a supervised child: written configuration, start, stop, restart on the same port, its access log.

The relay is a product, given as a command line; nothing of it is imported here.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mock_services.relay_log import MOST_BYTES, RelayLog

START_SECONDS = 10.0
STOP_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


class RelayError(RuntimeError):
    """The relay did not start; ``str()`` is one sentence with its own last words."""


@dataclass(frozen=True)
class RelaySettings:
    """What the relay is told; ``hosts`` are the names that resolve only at the relay."""

    run_dir: Path
    command: tuple[str, ...]
    address: str
    source_address: str
    clients: tuple[str, ...]
    allow: tuple[tuple[str, int], ...]
    hosts: tuple[tuple[str, str], ...]
    most_log_bytes: int = MOST_BYTES

    @property
    def config_file(self) -> Path:
        return self.run_dir / "relay.toml"

    @property
    def ready_file(self) -> Path:
        return self.run_dir / "relay-ready.json"

    @property
    def log_file(self) -> Path:
        return self.run_dir / "relay-access.jsonl"

    @property
    def error_file(self) -> Path:
        return self.run_dir / "relay-stderr.log"


def relay_toml(settings: RelaySettings, port: int) -> str:
    """The relay's configuration (TOML; JSON strings are valid TOML basic strings)."""
    lines = [
        f"listen = {_toml(f'{settings.address}:{port}')}",
        f"source_address = {_toml(settings.source_address)}",
        f"ready_file = {_toml(str(settings.ready_file))}",
        f"log_file = {_toml(str(settings.log_file))}",
        f"clients = [{', '.join(_toml(client) for client in settings.clients)}]",
    ]
    for fqdn, allowed_port in settings.allow:
        lines += ["", "[[allow]]", f"fqdn = {_toml(fqdn)}", f"port = {allowed_port}"]
    lines += ["", "[hosts]", *(f"{_toml(name)} = {_toml(address)}" for name, address in settings.hosts)]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _prepared(parent: int, most_bytes: int) -> Callable[[], None]:
    """What the child does before it becomes the relay.

    It is killed by the kernel when the world dies, even by SIGKILL, and no file of its grows beyond ``most_bytes``.
    """
    import resource  # where there is none there is no prctl either, and this is not called

    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class RelayProcess:
    """Starts, stops and restarts the relay. ``port`` is fixed once the relay has told it."""

    def __init__(self, settings: RelaySettings, port: int = 0) -> None:
        self._settings = settings
        self.port = port
        self._child: subprocess.Popen[bytes] | None = None
        self.log = RelayLog(settings.log_file, settings.most_log_bytes)
        for left_over in (settings.log_file, settings.error_file):
            left_over.unlink(missing_ok=True)
        self._changing = asyncio.Lock()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def spawn(self) -> None:
        """Write the configuration and start the child; `ready` waits until it accepts."""
        settings = self._settings
        settings.ready_file.unlink(missing_ok=True)
        settings.config_file.write_text(relay_toml(settings, self.port), encoding="utf-8")
        command = [part.replace("{config}", str(settings.config_file)) for part in settings.command]
        with settings.error_file.open("ab") as errors:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    preexec_fn=_prepared(os.getpid(), settings.most_log_bytes) if sys.platform == "linux" else None,
                )
            except OSError as error:
                raise RelayError(
                    f"relay_command: {command[0]} を起動できません / cannot be started: {error.strerror}"
                ) from None

    async def ready(self) -> None:
        """Wait for the relay's ready file and keep its port. RelayError when it ends or stays silent."""
        if self._child is None:
            raise RelayError("連携サーバは起動していません / the relay was not started")
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while (listen := self._listen()) is None:
            if self._child.poll() is not None:
                raise RelayError(
                    f"連携サーバが終了コード {self._child.returncode} で終わりました / the relay ended: {self._last_words()}"
                )
            if asyncio.get_running_loop().time() > deadline:
                await self._end()
                raise RelayError(f"連携サーバが {START_SECONDS:g} 秒以内に待ち受けません / the relay does not accept")
            await asyncio.sleep(0.01)
        self.port = int(listen.rpartition(":")[2])

    def _listen(self) -> str | None:
        try:
            return str(json.loads(self._settings.ready_file.read_text(encoding="utf-8"))["listen"])
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def _last_words(self) -> str:
        lines = self._settings.error_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "（標準エラー出力なし / nothing on stderr）"

    async def start(self) -> None:
        """Start it unless it runs."""
        async with self._changing:
            if not self.running:
                self.spawn()
                await self.ready()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it does not end within a second."""
        async with self._changing:
            await self._end()

    async def resolve(self, name: str, address: str) -> None:
        """Let ``name`` point to ``address`` at the relay, and restart it when it runs: it reads its names once."""
        hosts = tuple((known, address if known == name else old) for known, old in self._settings.hosts)
        async with self._changing:
            self._settings = replace(self._settings, hosts=hosts)
            if self.running:
                await self._end()
                self.spawn()
                await self.ready()

    async def restart(self) -> None:
        async with self._changing:
            await self._end()
            self.spawn()
            await self.ready()

    async def _end(self) -> None:
        if self._child is None:
            return
        self._child.terminate()
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._child.poll() is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._child = None
