"""Starts the simulated world of a run before the command line has loaded itself: the two load side by side."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.engine.ahead import Ahead

_world: Ahead | None = None


@contextmanager
def loading(words: Sequence[str]) -> Iterator[None]:
    """Begins when ``words`` ask for a run against the simulated world; a wrong command line costs a moment, no more.

    Leaving the context ends a world that no run has taken.
    """
    global _world
    if list(words[:2]) != ["check", "am"] or "--help" in words:
        yield
        return
    from conformance.engine.ahead import Ahead
    from shinsei_testbed import module_command

    _world = Ahead(module_command("mock_services.serve", "--config", "-"))
    try:
        yield
    finally:
        _world.close()
        _world = None


def world() -> Ahead | None:
    """The process that waits for its order, when there is one."""
    return _world
