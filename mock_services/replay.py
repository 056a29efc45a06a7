"""Plays a record again: the same calls, at the same times of the world's clock, against a world that runs.

``python -m shinsei_testbed run mock_services.replay --record RUN_DIR --world CONTROL_URL``

A world of the same configuration, seed and data gives the same answers, tokens and receipt numbers included. Whatever
differs is told, one line each. Exit status: 0 all the same, 1 something differs, 2 it cannot be played.
"""

from __future__ import annotations

import argparse
import hashlib
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import ValidationError

from mock_services.config import Endpoints
from mock_services.control import WorldClient, WorldError
from mock_services.models import Body, Exchange

_OWN_HEADERS = ("host", "content-length", "connection", "transfer-encoding", "proxy-connection")


class ReplayError(RuntimeError):
    """The record cannot be played; ``str()`` is one sentence."""


@dataclass(frozen=True)
class Replayed:
    """One exchange played again. ``difference``: one sentence, "" when the answer was the same."""

    exchange: Exchange
    difference: str = ""


@dataclass
class Result:
    played: int = 0
    skipped: int = 0


def read_record(run_dir: Path) -> Iterator[Exchange]:
    """The exchanges of a run folder, oldest first. ReplayError when there is none or a line is no exchange."""
    try:
        lines = (run_dir / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise ReplayError(f"{run_dir}: exchanges.jsonl を読めません / cannot be read") from None
    for number, line in enumerate(lines, start=1):
        try:
            yield Exchange.model_validate_json(line)
        except ValidationError:
            raise ReplayError(f"exchanges.jsonl {number} 行目: 記録ではありません / no exchange") from None


def replay(run_dir: Path, world: WorldClient, result: Result) -> Iterator[Replayed]:
    """Play every call that a client made of a system of the world and that no disturbance struck; count the others."""
    endpoints = world.endpoints()
    with ExitStack() as stack:
        clients = {system: stack.enter_context(client) for system, client in _clients(endpoints)}
        for exchange in read_record(run_dir):
            client = clients.get(exchange.system)
            if client is None or exchange.fault or exchange.status == 0:
                result.skipped += 1
                continue
            world.set_clock(exchange.at)
            result.played += 1
            yield Replayed(exchange, _difference(exchange, client, run_dir))


def _clients(endpoints: Endpoints) -> Iterator[tuple[str, httpx.Client]]:
    context = ssl.create_default_context(cafile=endpoints.dl_ca_file)
    context.check_hostname = False  # by address: its name resolves at the relay only
    if endpoints.dl_client_file:
        context.load_cert_chain(endpoints.dl_client_file)
    doors = {"kanri-screen": "kanri"}
    places = {
        "download": f"https://{endpoints.download_address}",
        "juki": endpoints.link_url,
        **{f"core:{name}": url for name, url in endpoints.atena_urls.items()},
        **{doors.get(door, door): url for door, url in endpoints.systems.items() if url.startswith("http")},
    }
    for system, url in places.items():
        yield system, httpx.Client(base_url=url, verify=context, trust_env=False, timeout=60)


def _difference(exchange: Exchange, client: httpx.Client, run_dir: Path) -> str:
    headers = [pair for pair in exchange.request_headers if pair[0].lower() not in _OWN_HEADERS]
    request = client.build_request(exchange.method, exchange.target, content=_bytes(exchange.request_body, run_dir))
    request.headers = httpx.Headers([*headers, *(pair for pair in request.headers.items() if pair[0] in _OWN_HEADERS)])
    answer = client.send(request)
    if answer.status_code != exchange.status:
        return f"{exchange.status} → {answer.status_code}"
    if exchange.method != "HEAD" and hashlib.sha256(answer.content).hexdigest() != exchange.response_body.sha256:
        return "本文が違います / another body"
    return ""


def _bytes(body: Body, run_dir: Path) -> bytes:
    return body.text.encode() if body.text is not None else (run_dir / "bodies" / body.sha256).read_bytes()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="mock_services.replay", description="記録をもう一度流す / play a record again"
    )
    parser.add_argument("--record", type=Path, required=True, help="記録のあるフォルダ / run folder of the record")
    parser.add_argument("--world", required=True, help="動いている模擬世界の制御API / control API of a running world")
    args = parser.parse_args(arguments)
    result, differing = Result(), 0
    try:
        with WorldClient(args.world) as world:
            for one in replay(args.record, world, result):
                if one.difference:
                    differing += 1
                    print(f"{one.exchange.seq} {one.exchange.system} {one.exchange.operation}: {one.difference}")  # noqa: T201
    except (ReplayError, WorldError, httpx.HTTPError, OSError) as error:
        print(f"流せません / cannot be played: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(  # noqa: T201
        f"{result.played} 件を流し、{differing} 件が違いました（障害・相手の呼出し {result.skipped} 件は除く） / "
        f"{result.played} played, {differing} differ, {result.skipped} left out"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
