"""The product as a container: how it is started, and one clear sentence when it cannot be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

import docker.errors
import pytest
from testcontainers.core import container as library
from testcontainers.core.config import testcontainers_config

from conformance.engine.container import LABEL, Container
from conformance.engine.processes import StartProblem
from conformance.target import TargetError, load_target, with_image
from tests.conformance.targets import GOOD, target_of, write_target


class Wrapped:
    """What the Docker library shows of a container."""

    def __init__(self, status: str = "running", label: str = "") -> None:
        self.status, self.labels, self.removed = status, {LABEL: label}, False

    def reload(self) -> None:
        """Nothing changes by itself."""

    def logs(self, tail: int) -> bytes:
        assert tail
        return b"last words \x1b[31m"

    def remove(self, force: bool) -> None:
        self.removed = force


class Fake:
    """Stands for DockerContainer: keeps what it was told."""

    there: ClassVar[list[Fake]] = []
    left: ClassVar[list[Wrapped]] = []
    refuses: Exception | None = None

    def __init__(self, image: str) -> None:
        self.image, self.kwargs, self.env = image, dict[str, Any](), dict[str, str]()
        self.volumes, self.command, self.running = list[tuple[str, str, str]](), list[str](), False
        self.wrapped = Wrapped()
        Fake.there.append(self)

    def with_kwargs(self, **kwargs: Any) -> Fake:
        self.kwargs = kwargs
        return self

    def with_env(self, name: str, value: str) -> Fake:
        self.env[name] = value
        return self

    def with_volume_mapping(self, host: str, inside: str, mode: str) -> Fake:
        self.volumes.append((host, inside, mode))
        return self

    def with_command(self, words: list[str]) -> Fake:
        self.command = words
        return self

    def get_docker_client(self) -> Any:
        containers = type("C", (), {"list": lambda *_, **__: Fake.left})()
        return type("D", (), {"client": type("E", (), {"containers": containers})()})()

    def start(self) -> None:
        if Fake.refuses is not None:
            raise Fake.refuses
        self.running = True

    def get_wrapped_container(self) -> Wrapped:
        return self.wrapped

    def stop(self) -> None:
        self.running = False


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    Fake.there, Fake.left, Fake.refuses = [], [], None
    monkeypatch.setattr(library, "DockerContainer", Fake)


def test_it_runs_in_the_hosts_network_beside_the_simulated_systems(tmp_path: Path) -> None:
    left = [Wrapped(label="999999999"), Wrapped(label=str(os.getpid()))]
    Fake.left = left
    made = Container("product:1.0", ["serve"], {"PROXY_URL": "http://127.0.0.1:1"}, tmp_path)
    made.start()
    (fake,) = Fake.there
    assert (fake.image, fake.command, fake.env) == ("product:1.0", ["serve"], {"PROXY_URL": "http://127.0.0.1:1"})
    assert fake.kwargs == {"network_mode": "host", "labels": {LABEL: str(os.getpid())}}
    assert fake.volumes == [(str(tmp_path), str(tmp_path), "rw")]
    assert testcontainers_config.ryuk_disabled is True
    assert [one.removed for one in left] == [True, False]
    (tmp_path / "ready.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}), encoding="utf-8")
    assert made.wait_ready("product", tmp_path / "ready.json", 5) == {"url": "http://127.0.0.1:9"}
    made.stop()
    made.stop()
    assert not fake.running
    assert (tmp_path / "product.log").read_bytes().startswith(b"last words")


def test_a_container_that_ends_or_is_never_ready_is_the_configurations_fault(tmp_path: Path) -> None:
    made = Container("product:1.0", [], {}, tmp_path)
    made.start()
    with pytest.raises(StartProblem, match=r"0\.2 秒待っても") as late:
        made.wait_ready("product", tmp_path / "ready.json", 0.2)
    assert late.value.configuration
    Fake.there[0].wrapped.status = "exited"
    with pytest.raises(StartProblem, match="last words") as ended:
        made.wait_ready("product", tmp_path / "ready.json", 5)
    assert "\x1b" not in str(ended.value)


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    Fake.refuses = docker.errors.ImageNotFound("no such image: product")
    with pytest.raises(StartProblem, match=r"product:1\.0 を起動できません") as caught:
        Container("product:1.0", [], {}, tmp_path).start()
    assert caught.value.configuration


def test_without_an_engine_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_image: str) -> None:
        raise docker.errors.DockerException("Error while fetching server API version")

    monkeypatch.setattr(library, "DockerContainer", nobody)
    with pytest.raises(StartProblem, match="Docker Engine が応答しません") as caught:
        Container("product:1.0", [], {}, tmp_path).start()
    assert caught.value.configuration
    assert "no Docker Engine answers" in caught.value.en


def test_the_target_names_an_image_or_a_command(tmp_path: Path) -> None:
    plain = target_of(tmp_path)
    assert with_image(plain, "") is plain
    started = with_image(plain, "product:1.0").start
    assert started is not None
    assert (started.image, started.command) == ("product:1.0", ())
    with pytest.raises(TargetError, match=r"start\.command"):
        load_target(write_target(tmp_path, GOOD.replace("[world.ports]", "[start]\nenv = {}\n[world.ports]")))
