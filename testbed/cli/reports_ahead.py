"""Loads the writers of reports while the rounds are played: the command line only waits then."""

from __future__ import annotations

import threading

from conformance.events import Event, RoundStarted


class ReportsAhead:
    """Listener of a run; begins at its first round. Whoever writes reports earlier or without it loads them itself."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, RoundStarted) and not self._begun:
            self._begun = True
            threading.Thread(target=_load, name="reports-ahead", daemon=True).start()


def _load() -> None:
    import conformance.reporters.write  # noqa: F401
    from conformance.reporters.html import compile_templates

    compile_templates()
