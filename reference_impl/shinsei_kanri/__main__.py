"""``python -m shinsei_testbed run reference_impl.shinsei_kanri …``: the command, loaded the quick way.

Half of a start is loading libraries. Nothing loaded is garbage, so nothing is collected meanwhile. Two parts that a
product never uses are left out, as their users expect where they are not installed: the command line of httpx (with
rich, pygments and click), and the copy of pydantic 1, to which FastAPI compares every model.
"""

from __future__ import annotations

import gc
import sys

SWITCH_SECONDS = 0.0005
"""How long one thread computes while others wait. The usual 5 ms is longer than a whole call to the relay, of which every
step would wait for its turn: fetching beside storing would mostly be waiting."""


def main(arguments: list[str]) -> int:
    """As `command.main`."""
    gc.disable()
    for unused in ("httpx._main", "pydantic.v1"):
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]
    from reference_impl.shinsei_kanri import command

    gc.freeze()
    gc.enable()
    sys.setswitchinterval(SWITCH_SECONDS)
    return command.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
