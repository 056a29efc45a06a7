"""A target file that is right, as text to be made wrong."""

from __future__ import annotations

from pathlib import Path

from conformance.target import Target, load_target

GOOD = """\
role = "am"

[product]
name = "申請管理 試作品"
version = "1.2"
vendor = "製造者"

[run]
seed = 7
procedures = ["K01", "C01"]

[declare]
patterns = ["i", "iii"]
methods = { K01 = "iv", C01 = "iv" }

[endpoints]
control = "http://127.0.0.1:9001"
handover = "http://127.0.0.1:9001"
screen = "http://127.0.0.1:9001/screen/{receipt_no}"

[credentials]
control_token = "env:TEST_CONTROL_TOKEN"

[world.ports]
download = 18443
relay = 13128
link = 18080

[attestations."AM-3.5-06"]
statement = "提供している"
by = "製造者"
date = 2026-01-01

[attestations."AM-S62-02"]
statement = "動いている"
by = "製造者"
date = 2026-01-01
"""


def write_target(folder: Path, text: str = GOOD) -> Path:
    """``text`` as ``target.toml`` in ``folder``."""
    path = folder / "target.toml"
    path.write_text(text, encoding="utf-8")
    return path


def target_of(folder: Path, old: str = "", new: str = "") -> Target:
    """The good target with one piece of its text replaced."""
    assert old in GOOD
    return load_target(write_target(folder, GOOD.replace(old, new) if old else GOOD))
