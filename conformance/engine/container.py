"""The product as a container next to the simulated systems, where a Docker Engine answers (`testcontainers`).

It runs in the host's network, because the simulated zones are loopback addresses of this machine (Linux). The run's
folder lies at the same place inside, so that the product finds its CA file and can write its ready file.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.engine.logs import LARGEST_LOG
from conformance.engine.processes import StartProblem
from conformance.visible import one_line

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

LABEL = "shinsei-testbed.pid"
"""Carries the number of the run's process: what a killed run left behind is removed by the next one."""
FIELD = "start.image"


class Container:
    """One container. `stop` removes it; nothing happens before `start`."""

    def __init__(self, image: str, command: list[str], env: Mapping[str, str], run_dir: Path) -> None:
        self._image, self._command, self._env, self._dir = image, command, dict(env), run_dir
        self._container: DockerContainer | None = None

    def start(self) -> None:
        """Starts it. StartProblem (the configuration's) without testcontainers, without an Engine, without the image."""
        try:
            import docker.errors
            from testcontainers.core.config import testcontainers_config
            from testcontainers.core.container import DockerContainer
        except ImportError:
            raise _problem(
                "testcontainers がありません（pip install 'shinsei-testbed[image]'）",
                "testcontainers is not installed (pip install 'shinsei-testbed[image]')",
            ) from None
        testcontainers_config.ryuk_disabled = True
        try:
            container = DockerContainer(self._image).with_kwargs(network_mode="host", labels={LABEL: str(os.getpid())})
        except docker.errors.DockerException:
            raise _problem(
                "Docker Engine が応答しません（起動するか、製品を自分で起動して [start] を消してください）",
                "no Docker Engine answers (start one, or start the product yourself and remove [start])",
            ) from None
        _remove_left_behind(container)
        container.with_volume_mapping(str(self._dir), str(self._dir), "rw")
        for name, value in self._env.items():
            container.with_env(name, value)
        if self._command:
            container.with_command(self._command)
        try:
            container.start()
        except docker.errors.DockerException as error:
            words = one_line(str(getattr(error, "explanation", None) or error), 300)
            raise _problem(
                f"{self._image} を起動できません（{words}）", f"{self._image} cannot be started ({words})"
            ) from None
        self._container = container

    def wait_ready(self, name: str, ready_file: Path, seconds: float) -> dict[str, object]:
        """The JSON object that the product writes when it is ready. StartProblem when it ends or does not write it in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                ready = json.loads(ready_file.read_text(encoding="utf-8"))
                if isinstance(ready, dict):
                    return ready
            if self._ended():
                words = one_line(self._log()[-500:].decode("utf-8", "replace"), 500)
                raise _problem(f"起動直後に終了しました: {words}", f"ended at start: {words}")
            time.sleep(0.1)
        raise _problem(f"{seconds:g} 秒待っても準備ができません（{name}）", f"{name} is not ready after {seconds:g} s")

    def stop(self) -> None:
        """Keeps the end of what it printed in ``product.log`` and removes it."""
        if self._container is not None:
            (self._dir / "product.log").write_bytes(self._log())
            self._container.stop()
            self._container = None

    def _ended(self) -> bool:
        wrapped = self._container.get_wrapped_container() if self._container else None
        if wrapped is None:
            return True
        wrapped.reload()
        return bool(wrapped.status in ("exited", "dead"))

    def _log(self) -> bytes:
        wrapped = self._container.get_wrapped_container() if self._container else None
        if wrapped is None:
            return b""
        log: bytes = wrapped.logs(tail=10_000)
        return log[-LARGEST_LOG:]


def _problem(ja: str, en: str) -> StartProblem:
    return StartProblem(FIELD, ja, en, configuration=True)


def _remove_left_behind(container: DockerContainer) -> None:
    """Removes containers of runs whose process is gone."""
    client = container.get_docker_client().client
    for one in client.containers.list(all=True, filters={"label": LABEL}):
        pid = str(one.labels.get(LABEL, ""))
        if pid.isdigit() and not Path("/proc", pid).exists():
            one.remove(force=True)
