"""``shinsei serve``: one simulated system, or all of them, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from conformance.verdicts import Exit
from fixtures.errors import FixtureError
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from testbed.cli.common import JsonFlag, fail

SYSTEMS = {
    "download": "ダウンロード機能 / download function",
    "juki": "既存住基（番号紐付情報） / resident registry",
    "core": "基幹（宛名情報） / core systems",
    "togo": "団体内統合宛名 / integrated person numbers",
    "juki-cs": "住基ネットCS（ファイル） / CS of the registry network",
    "portal": "ぴったりサービス（申請API と住民の画面） / the portal",
    "kanri": "マイナポータル申請管理の職員の画面 / the staff's screen",
    "lgwan": "LGWAN の近隣（他サイト、DNS） / LGWAN neighbours",
}
_PORT_OF = {"download": "download", "juki": "link"}
_DOOR_OF = {"togo": "togo", "portal": "portal-screen", "kanri": "kanri-screen", "lgwan": "lgwan-site"}
_DOCUMENTS = {
    "juki": ("link",),
    "core": ("atena",),
    "juki-cs": (),
    "portal": ("portal", "portal-screen"),
    "kanri": ("kanri-screen",),
    "lgwan": ("lgwan-site",),
}
"""OpenAPI pages of a system below ``/docs/`` where they are not named as it is."""
_FICTIONAL, _NEIGHBOUR = "991236", "992020"


def serve(
    system: Annotated[str, typer.Argument(help=f"{' | '.join(SYSTEMS)} | all")],
    profile: Annotated[str, typer.Option("--profile", help="プロファイル / profile")] = "baseline",
    overlay: Annotated[Path | None, typer.Option("--overlay", help="プロファイルの上書きファイル / overlay")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="乱数種 / seed")] = 1,
    municipality: Annotated[str, typer.Option("--municipality", help="団体コード6桁 / 団体コード")] = _FICTIONAL,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="そのシステムのポート（0 は空き。all では順に続く） / port (all: others follow)",
        ),
    ] = 0,
    control_port: Annotated[int, typer.Option("--control-port", min=0, max=65535, help="制御API / control API")] = 0,
    applications: Annotated[int, typer.Option("--applications", min=0, help="置く申請の数 / applications")] = 40,
    date: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="基準日。省くと今日 / reference date")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="記録を置くフォルダ / run folder")] = Path("out/serve"),
    rate_limit: Annotated[
        int,
        typer.Option("--rate-limit", min=0, help="1分あたりの呼出しの上限（0 は無し） / calls a minute, 0 = no limit"),
    ] = 0,
    maintenance: Annotated[
        list[str] | None,
        typer.Option("--maintenance", help="毎日の保守時間帯 HH:MM-HH:MM（何度でも） / daily maintenance"),
    ] = None,
    client_certificate: Annotated[
        str, typer.Option("--client-certificate", help="none | optional | required")
    ] = "none",
    relay: Annotated[bool, typer.Option("--relay/--no-relay", help="連携サーバも動かす / run the relay")] = True,
    as_json: JsonFlag = False,
) -> None:
    """模擬システムを動かす（Ctrl-C で終わる）。使う値と仕様のページの場所を表示する

    Run simulated systems until Ctrl-C; prints the values to use and where the specification pages are.
    """
    if system != "all" and system not in SYSTEMS:
        raise fail(f"SYSTEM {system}: {', '.join(SYSTEMS)}, all のどれかを指定してください / unknown system")
    moment = datetime.now().astimezone()
    if date is not None:
        moment = datetime.combine(date.date(), time(9), moment.tzinfo)
    wanted = list(SYSTEMS) if system == "all" else [system]
    values = _world(wanted, seed, municipality, moment, out, applications) | {"profile": profile}
    values["overlay"] = str(overlay) if overlay else None
    values["ports"] = ports_of(system, port, control_port)
    if port and system == "all":
        values["lgwan"]["dns_port"] = values["ports"]["relay"] + 1
    values["rules"] = {
        "calls_per_minute": rate_limit,
        "maintenance": [_hours(one) for one in maintenance or []],
        "client_certificate": client_certificate,
    }
    if relay and "download" in wanted:
        from testbed.reference import RELAY_COMMAND

        values["relay_command"] = RELAY_COMMAND
    raise typer.Exit(_run(values, profile, overlay, wanted, as_json=as_json))


def _secret(seed: int, name: str, length: int = 40) -> str:
    """A test value that is the same for the same seed: a product's settings outlive a restart."""
    return hmac.new(b"shinsei serve", f"{seed}/{name}".encode(), hashlib.sha256).hexdigest()[:length]


def _world(
    wanted: list[str], seed: int, municipality: str, moment: datetime, out: Path, applications: int
) -> dict[str, Any]:
    names = {municipality: "架空湊市", _NEIGHBOUR: "架空隣市"}
    sections: dict[str, dict[str, Any]] = {
        "togo": {"clients": [{"client_id": _secret(seed, "client", 32), "secret": _secret(seed, "togo")}]},
        "juki_cs": {"other_towns": [_NEIGHBOUR]},
        "portal": {"api_keys": {"site": _secret(seed, "portal")}, "people_seed": seed, "town_names": names},
        "kanri": {"town_names": names},
        "lgwan": {},
    }
    return {
        "run_dir": str(out),
        "dantai_code": municipality,
        "start_clock": moment.isoformat(),
        "seed": str(seed),
        "download": {
            "account": "shinsei",
            "secret": _secret(seed, "download"),
            "other_accounts": [{"dantai_code": _NEIGHBOUR, "account": "shinsei", "secret": _secret(seed, "neighbour")}],
        },
        "link_api_key": _secret(seed, "link"),
        "core": {one: {"atena_api_key": _secret(seed, one)} for one in ("jido_teate", "kaigo")},
        "fixtures": {"seed": seed, "applications": applications},
        **{name: section for name, section in sections.items() if name.replace("_", "-") in wanted},
    }


def _hours(text: str) -> dict[str, str]:
    start, dash, end = text.partition("-")
    if not dash:
        raise fail(f"--maintenance {text}: HH:MM-HH:MM の形にしてください / write HH:MM-HH:MM")
    return {"start": start, "end": end}


def ports_of(system: str, port: int, control_port: int) -> dict[str, Any]:
    """Where the doors are. With ``all``, ``port`` is that of the first and the others follow in this order."""
    ports: dict[str, Any] = {"control": control_port}
    if port and system == "juki-cs":
        raise fail("--port: juki-cs はファイルの受渡しで、ポートはありません / juki-cs exchanges files, it has no port")
    if port and system == "all":
        doors = ("togo", "portal", "portal-screen", "kanri-screen", "lgwan-site")
        most = 65535 - 5 - len(doors)
        if port > most:
            raise fail(f"--port {port}: all では後のポートも使うので {most} 以下にします / at most {most} with all")
        return ports | {
            "download": port,
            "link": port + 1,
            "atena": {"jido_teate": port + 2, "kaigo": port + 3},
            "systems": {door: port + 4 + place for place, door in enumerate(doors)},
            "relay": port + 4 + len(doors),
        }
    if system in _PORT_OF:
        ports[_PORT_OF[system]] = port
    elif system in _DOOR_OF:
        ports["systems"] = {_DOOR_OF[system]: port}
    elif system == "core":
        ports["atena"] = {"jido_teate": port}
    return ports


def _run(values: dict[str, Any], profile: str, overlay: Path | None, wanted: list[str], *, as_json: bool) -> Exit:
    from mock_services.config import Endpoints, WorldConfig
    from mock_services.errors import RefusedError
    from mock_services.listener import PortInUseError
    from mock_services.logs import log_to_file
    from mock_services.relay_process import RelayError
    from mock_services.serve import run_until_signalled
    from testbed.specgen.build import made

    try:
        config = WorldConfig.model_validate(values)
        config = config.model_copy(update={"run_dir": config.run_dir.resolve()})
        config.run_dir.mkdir(parents=True, exist_ok=True)
        made(load_profile(profile, overlay)).write(config.run_dir / "spec")
        log_to_file(config.run_dir / "world.log")

        def on_ready(endpoints: Endpoints) -> None:
            _show(config.model_dump(mode="json"), endpoints.model_dump(), wanted, as_json=as_json)

        run_until_signalled(config, on_ready)
    except (SpecError, PortInUseError, RelayError, FixtureError, RefusedError) as error:
        raise fail(str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except OSError as error:
        raise fail(f"--out {values['run_dir']}: 書けません（{error.strerror}） / cannot write") from None
    return Exit.CONFORMANT


def _show(config: dict[str, Any], endpoints: dict[str, Any], wanted: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"endpoints": endpoints, "world": config}, ensure_ascii=False))
        return
    control = endpoints["control_url"]
    systems = endpoints["systems"]
    lines = {
        "download": (
            f"{endpoints['download_url']}\naddress {endpoints['download_address']}"
            f"\n{endpoints['relay_url'] and 'proxy ' + endpoints['relay_url']}",
            f"account {config['download']['account']}\nsecret {config['download']['secret']}\nCA (root) {endpoints['dl_ca_file']}"
            + (f"\nclient certificate {endpoints['dl_client_file']}" if endpoints["dl_client_file"] else ""),
        ),
        "juki": (endpoints["link_url"], f"API key {config['link_api_key']}"),
        "core": (
            "\n".join(f"{name} {url}" for name, url in endpoints["atena_urls"].items()),
            "\n".join(f"API key ({name}) {one['atena_api_key']}" for name, one in config["core"].items()),
        ),
        "juki-cs": (f"{config['run_dir']}/juki-cs", ""),
    }
    for name in wanted:
        doors = "\n".join(f"{door} {url}" for door, url in systems.items() if door.split("-")[0] == name)
        where, used = lines.get(name, (doors, _values_of(name, config)))
        documents = "\n".join(f"OpenAPI {control}/docs/{one}" for one in _DOCUMENTS.get(name, (name,)))
        lines_of_it = f"{where}\n{used}\n{documents}".splitlines()
        typer.echo("\n".join([SYSTEMS[name], *(f"  {line}" for line in lines_of_it if line)]))
    typer.echo(f"制御API / control\n  {control}/docs\n  {control}/world/v1/health")
    typer.echo(f"仕様 / specification\n  {control}/spec/index.html")
    typer.echo("動いています。Ctrl-C で終わります / running, Ctrl-C to stop")


def _values_of(name: str, config: dict[str, Any]) -> str:
    match name:
        case "togo":
            client = config["togo"]["clients"][0]
            return f"client_id {client['client_id']}\nsecret {client['secret']}"
        case "portal":
            return "\n".join(f"API key ({site}) {key}" for site, key in config["portal"]["api_keys"].items())
        case "kanri":
            account = config["download"]
            return f"団体コード {config['dantai_code']}\naccount {account['account']}\nsecret {account['secret']}"
    return ""
