"""``python -m shinsei_testbed run reference_impl.shinsei_kanri …``: the command, loaded the quick way.

Half of a start is loading libraries. Nothing loaded is garbage, so nothing is collected meanwhile; and httpx brings a
command line of its own (with rich, pygments and click), which a product never uses.
"""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str]) -> int:
    """As `command.main`."""
    gc.disable()
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from reference_impl.shinsei_kanri import command

    gc.freeze()
    gc.enable()
    return command.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
