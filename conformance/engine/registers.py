"""The registers of a run as one file (CSV), so that whoever ends a test can find every synthetic person in the product."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.events import RegistersGiven

if TYPE_CHECKING:
    from fixtures.world import World

REGISTERS_FILE = "test-registers.csv"
COLUMNS = ("台帳", "業務", "番号", "既存住基の宛名番号", "氏名", "生年月日")


def write_registers(world: World, run_dir: Path, at: datetime) -> RegistersGiven:
    """Writes 番号紐付情報 and 宛名情報 of ``world`` to ``run_dir`` (UTF-8 with BOM, for Excel); the event that says so."""
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    out.writerows(("番号紐付情報", "", row.serial, row.atena_no, "", "") for row in world.links())
    persons: dict[str, int] = {}
    for core in world.core_systems():
        rows = world.atena(core)
        persons[core] = len(rows)
        out.writerows(
            ("宛名情報", core, row.atena_no, row.juki_atena_no, row.name, row.birth_date or "") for row in rows
        )
    data = b"\xef\xbb\xbf" + text.getvalue().encode()
    (run_dir / REGISTERS_FILE).write_bytes(data)
    return RegistersGiven(
        at=at,
        links=len(world.links()),
        persons=persons,
        file=REGISTERS_FILE,
        sha256=hashlib.sha256(data).hexdigest(),
    )
