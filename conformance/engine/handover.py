"""How the simulated core systems come to the product (③-5): by calls through the world, or over a shared folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from conformance.adapters.base import AdapterProblem
from conformance.adapters.bounded import run_bounded
from conformance.engine.processes import clean_environment
from conformance.engine.settings import ProductSettings, address, expand
from conformance.target import HandoverChoice, Start, Target
from conformance.visible import one_line
from mock_services.control import Answer, PullPlan, PullResult, WorldClient
from mock_services.core.drops import DropCore

if TYPE_CHECKING:
    from fixtures.world import World

MOST_PRINTED = 1_000_000
COMMAND_SECONDS = 120.0
STRANGER = "no-core-system-has-this-key"
"""An API key that nobody has been given."""


class Handover(Protocol):
    """One visit after the other, of every core system in ``cores``, between the two sides of ``ready``."""

    @property
    def cores(self) -> tuple[str, ...]: ...
    def ready(self) -> AbstractContextManager[None]: ...
    def visit(self, core: str, answers: dict[str, Answer], /) -> PullResult: ...
    def ask(self, core: str, receipts: list[str], stranger: bool, /) -> PullResult | None:
        """Asked for ``receipts`` by number, listed or not, nothing acknowledged; None where nobody can ask.

        ``stranger``: with a key that nobody has been given.
        """


class _Calls:
    """The core systems call the product's interface; each has a key of its own."""

    def __init__(self, base_url: str, api_keys: Mapping[str, str], client: WorldClient) -> None:
        self._url, self._keys, self._client = base_url, api_keys, client

    @property
    def cores(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """AdapterProblem when no address was given."""
        if not self._url:
            raise AdapterProblem(
                "endpoints.handover",
                "書かれていないため、基幹は受け取りに行けません",
                "not given: the core systems cannot collect",
            )
        yield

    def visit(self, core: str, answers: dict[str, Answer], /) -> PullResult:
        plan = PullPlan(base_url=self._url, api_key=self._keys[core], answers=answers)
        return self._client.pull(core, plan)

    def ask(self, core: str, receipts: list[str], stranger: bool, /) -> PullResult | None:
        plan = PullPlan(
            base_url=self._url,
            api_key=STRANGER if stranger else self._keys[core],
            default=Answer(result="none"),
            only=receipts,
            unlisted=receipts,
        )
        return self._client.pull(core, plan)


class _Files:
    """The core systems read the product's files and drop their answers."""

    def __init__(
        self,
        choice: HandoverChoice,
        root: Path,
        world: World,
        client: WorldClient,
        words: list[str],
        env: Mapping[str, str],
    ) -> None:
        status = world.profile.surfaces["handover"].operations["ack"].status
        self._choice, self._client, self._words, self._env = choice, client, words, dict(env)
        self._cores = {core: DropCore(world.profile, root, core, status) for core in world.core_systems()}

    @property
    def cores(self) -> tuple[str, ...]:
        return tuple(self._cores)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """The product has written its files before, and has read the answers afterwards."""
        self._let_the_product_work()
        yield
        self._let_the_product_work()

    def visit(self, core: str, answers: dict[str, Answer], /) -> PullResult:
        return self._cores[core].visit(answers, self._client.clock())

    def ask(self, _core: str, _receipts: list[str], _stranger: bool, /) -> PullResult | None:
        """What is not in the files cannot be asked for."""
        return None

    def _let_the_product_work(self) -> None:
        if not self._words:
            time.sleep(self._choice.wait_seconds)
            return
        try:
            ended = run_bounded(
                self._words, b"", cwd=Path.cwd(), env=self._env, seconds=COMMAND_SECONDS, most=MOST_PRINTED
            )
        except OSError as error:
            raise AdapterProblem(
                "handover.command", f"起動できません（{error.strerror}）", f"cannot be started ({error.strerror})"
            ) from None
        if ended.code != 0:
            said = one_line((ended.err or ended.out).decode("utf-8", "replace"), 300)
            raise AdapterProblem(
                "handover.command", f"終わり方 {ended.code}: {said}", f"ended with {ended.code}: {said}"
            )


def handover_of(
    target: Target,
    beside: Path,
    settings: ProductSettings,
    ready: Mapping[str, str],
    world: World,
    client: WorldClient,
    api_keys: Mapping[str, str],
    more: Mapping[str, str],
) -> Handover:
    """The way that ``target`` says. ``beside``: the folder of target.toml; ``ready``: values of a started product, ``more``: its environment."""
    choice = target.handover
    if choice.kind == "http":
        url = target.endpoints.handover
        return _Calls(address(url, dict(ready), "endpoints.handover") if url else "", api_keys, client)
    values = settings.values()
    root = beside / expand(choice.folder, values, "handover.folder")
    words = [expand(word, values, "handover.command") for word in choice.command]
    return _Files(choice, root, world, client, words, clean_environment({**more, **_environment(target.start, values)}))


def _environment(start: Start | None, values: dict[str, str]) -> dict[str, str]:
    """A product that the harness starts is told the same when it is to exchange its files."""
    if start is None:
        return dict(os.environ)
    inherited = {name: os.environ[name] for name in start.inherit_env if name in os.environ}
    return inherited | {name: expand(value, values, f"start.env.{name}") for name, value in start.env.items()}
