"""The reference 申請管理システム as a product under test: its database, its target.toml, its start command.

It is tested as any vendor's product is: by a target file, over the network, never by import.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from shinsei_testbed import module_command
from testbed.mutants.launch import mutant_command
from testbed.postgres import Server, ServerStart, embedded_server, server_from_url

DATABASE_URL = "SHINSEI_AM_DATABASE_URL"
CONTROL_TOKEN = "SHINSEI_REFERENCE_CONTROL_TOKEN"  # noqa: S105 - the name of a variable
SCREEN_LOGIN = "SHINSEI_REFERENCE_SCREEN_LOGIN"
RELAY_COMMAND = tuple(module_command("reference_impl.relay", "--config", "{config}"))
STAFF_PASSWORD_NAME = "SHINSEI_AM_STAFF_PASSWORD"  # noqa: S105 - the name of a variable
STAFF_PASSWORD = "reference-staff-0000"  # noqa: S105 - test value of a product that lives for one run

_TARGET = """\
# 同梱の申請管理システム（reference_impl）を試験するための設定。自動生成。
role = "am"

[product]
name = "reference_impl 申請管理システム"
version = "{version}"
vendor = "申請連携テストベッド"

[run]
procedures = ["K01", "C01"]

[profile]
overlay = {overlay}

[declare]
patterns = ["i", "iii"]
methods = {{ K01 = "iv", C01 = "iv" }}

[endpoints]
control = "{{ready.url}}"
handover = "{{ready.url}}"
screen = "{{ready.url}}{screen_path}"

[credentials]
control_token = "env:{control_token}"
screen = "env:{screen_login}"

[start]
command = [{command}]
ready_file = "{{run_dir}}/product-ready.json"

[start.env]
SHINSEI_AM_LISTEN = "127.0.0.1:0"
SHINSEI_AM_READY_FILE = "{{run_dir}}/product-ready.json"
SHINSEI_AM_DANTAI_CODE = "{{dantai_code}}"
SHINSEI_AM_PROFILE = "{{profile}}"
SHINSEI_AM_PROFILE_OVERLAY = "{{profile_overlay}}"
SHINSEI_AM_PROXY_URL = "{{proxy_url}}"
SHINSEI_AM_DOWNLOAD_URL = "{{download_url}}"
SHINSEI_AM_DOWNLOAD_CA_FILE = "{{download_ca_file}}"
SHINSEI_AM_DOWNLOAD_ACCOUNT = "{{download_account}}"
SHINSEI_AM_DOWNLOAD_SECRET = "{{download_secret}}"
SHINSEI_AM_PROCEDURES = "{{procedures}}"
SHINSEI_AM_LINK_URL = "{{link_url}}"
SHINSEI_AM_LINK_API_KEY = "{{link_api_key}}"
SHINSEI_AM_ATENA_URLS = "{{atena_urls}}"
SHINSEI_AM_ATENA_API_KEYS = "{{atena_api_keys}}"
SHINSEI_AM_HANDOVER_API_KEYS = "{{handover_api_keys}}"
SHINSEI_AM_CONTROL_TOKEN = "{{control_token}}"
SHINSEI_AM_STAFF_ACCOUNT = "shokuin"
SHINSEI_AM_CLOCK = "{{clock}}"

[attestations."AM-3.5-06"]
statement = "インターフェース仕様書は interface_spec/profiles/ の項目表として同梱し、この実施と同じ版を提供している"
by = "申請連携テストベッド"
date = 2026-11-23

[attestations."AM-S62-02"]
statement = "申請管理システム（reference_impl/shinsei_kanri）がこの実施で動いている。五つの機能は AM-3.0-03 のとおり試験で判定する"
by = "申請連携テストベッド"
date = 2026-11-23
"""


@contextlib.contextmanager
def database_server(url: str = "", start: ServerStart | None = None) -> Iterator[Server]:
    """The PostgreSQL server of the run: any server by URL, otherwise an embedded one (`start`: on its way) that ends with us."""
    if url:
        yield server_from_url(url)
    else:
        with embedded_server(start=start) as server:
            yield server


def product_env(database_url: str) -> dict[str, str]:
    """What the reference needs beyond its target file."""
    return {DATABASE_URL: database_url, STAFF_PASSWORD_NAME: STAFF_PASSWORD}


def _quoted(command: list[str]) -> str:
    return ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in command)


def write_target(run_dir: Path, *, mutant: str = "", overlay: Path | None = None) -> Path:
    """Writes ``target.toml`` of the reference (or of one of its mutants) into ``run_dir`` and returns it.

    The product's database URL and the password of its screen come by the environment when it starts (`product_env`).
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    module = ["reference_impl.shinsei_kanri", "serve"]
    command = mutant_command(mutant, *module) if mutant else module_command(*module)
    file = run_dir / "target.toml"
    file.write_text(
        _TARGET.format(
            version="0.1.0",
            overlay=_quoted([str(overlay.resolve()) if overlay else ""]),
            command=_quoted(command),
            control_token=CONTROL_TOKEN,
            screen_login=SCREEN_LOGIN,
            screen_path="/staff/applications/{receipt_no}",
        ),
        encoding="utf-8",
    )
    os.environ.setdefault(CONTROL_TOKEN, "reference-control-0000")
    os.environ.setdefault(SCREEN_LOGIN, f"shokuin:{STAFF_PASSWORD}")
    return file
