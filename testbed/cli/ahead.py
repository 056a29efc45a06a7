"""Starts what every run needs before the command line has loaded itself: they load and start side by side."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.engine.ahead import Ahead
    from testbed.postgres import ServerStart

_world: Ahead | None = None
_server: ServerStart | None = None


@contextmanager
def loading(words: Sequence[str]) -> Iterator[None]:
    """Begins when ``words`` ask for a run against the simulated world; a wrong command line costs a moment, no more.

    The bundled product also needs PostgreSQL. Leaving the context ends what no run has taken.
    """
    global _world, _server
    if not _is_run(words):
        yield
        return
    from conformance.engine.ahead import Ahead
    from shinsei_testbed import module_command

    with ExitStack() as stack:
        _world = Ahead(module_command("mock_services.serve", "--config", "-"))
        stack.callback(_world.close)
        if not _brings_its_own(words):
            from testbed.postgres import PostgresError, ServerStart

            with suppress(PostgresError):  # the run tries again and says what is missing
                _server = ServerStart()
                stack.callback(_server.close)
        try:
            yield
        finally:
            _world = _server = None


def _is_run(words: Sequence[str]) -> bool:
    return (list(words[:2]) == ["check", "am"] or list(words[:1]) == ["quick"]) and "--help" not in words


def _brings_its_own(words: Sequence[str]) -> bool:
    """Whether the run has a product or a database server of its own."""
    given = any(word.startswith(("--target", "--image", "--database-url")) for word in words)
    return given or bool(os.environ.get("SHINSEI_DATABASE_URL"))


def world() -> Ahead | None:
    """The process that waits for its order, when there is one."""
    return _world


def server() -> ServerStart | None:
    """The PostgreSQL server on its way, when there is one."""
    return _server
