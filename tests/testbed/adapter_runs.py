"""The reference behind each adapter: the worked examples of docs/examples, with its addresses and its start command."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.catalogue import load_catalogue
from conformance.engine.run import Options, execute
from conformance.events import Listener
from conformance.reporters.write import write_reports
from conformance.results import Results
from shinsei_testbed import module_command
from testbed.postgres import Server
from testbed.reference import RELAY_COMMAND, SCREEN_LOGIN, product_env, write_target

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
FILES_PRODUCT = Path(__file__).with_name("files_product.py")
ADDRESS = "http://192.0.2.10:8080"


def example(name: str, folder: Path) -> str:
    """The text of ``docs/examples/target-NAME.toml`` with the bundled product's addresses, start and attestations."""
    text = (EXAMPLES / f"target-{name}.toml").read_text(encoding="utf-8").partition("[world.ports]")[0]
    reference = write_target(folder / "reference").read_text(encoding="utf-8")
    screen = next(line for line in reference.splitlines() if line.startswith("screen = ")).partition('"')[2].rstrip('"')
    text = text.replace(f"{ADDRESS}/shinsei/{{receipt_no}}", screen).replace(ADDRESS, "{ready.url}")
    text = text.replace("env:AM_CONTROL_TOKEN", "env:SHINSEI_REFERENCE_CONTROL_TOKEN").replace("env:AM_SCREEN_LOGIN", f"env:{SCREEN_LOGIN}")  # fmt: skip
    shutil.copy(EXAMPLES / "am_adapter.py", folder)
    return text + "\n" + reference[reference.index("[start]") :]


def behind_files(text: str, folder: Path) -> str:
    """The start command with the bridge of `files_product` in front of it; it tells the address when files are there."""
    words = [sys.executable, "-I", str(FILES_PRODUCT), str(folder / "renkei"), "{run_dir}/product-ready.json"]
    before = json.dumps([*words, "{run_dir}/bridge-ready.json"])[1:-1]
    text = text.replace("command = [", f"command = [{before}, ", 1)
    text = text.replace("{control_token}", "reference-control-0000")  # the bridge alone needs it, not the harness
    return text.replace('ready_file = "{run_dir}/product-ready.json"', 'ready_file = "{run_dir}/bridge-ready.json"', 1)


def run_example(
    text: str,
    folder: Path,
    server: Server,
    *select: str,
    run: str = "run",
    resume: Path | None = None,
    database: str = "",
    listeners: Sequence[Listener] = (),
) -> Results:
    """One run of the reference under ``text`` in ``folder``, with a database of its own unless it is given one."""
    (folder / "target.toml").write_text(text, encoding="utf-8")
    url = database or server.create_database(f"t{abs(hash(str(folder / run))):x}")
    options = Options(
        module_command=module_command,
        relay_command=RELAY_COMMAND,
        select=select,
        resume=resume,
        product_env=lambda: product_env(url),
    )
    execute(folder / "target.toml", folder / run, options, listeners)
    return write_reports(folder / run).results


STAFF_CALLS = frozenset(one.id for one in load_catalogue("am").checks.values() if one.needs == "staff-calls")
"""Checks of single calls with other reasons or versions: 対象外 where an adapter cannot pass them on."""


def not_passed(results: Results, beyond: frozenset[str] = frozenset()) -> dict[str, str]:
    """Checks that did not pass, with their first finding: what a failing assertion should show. ``beyond`` must be N/A."""
    return {
        one.planned.id: f"{one.verdict} {one.reason_ja} {[f.ja for f in one.findings]}"
        for one in results.checks
        if one.verdict != ("N/A" if one.planned.id in beyond else "PASS")
    }
