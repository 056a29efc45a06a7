"""`shinsei doctor`: is the configuration fit for a run? Each finding names the field and the fix; nothing is changed.

It talks to the product only by reading (health, list, screen, hand-over list) and starts nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import httpx

from conformance.adapters.base import AdapterProblem, ProductUnreachable
from conformance.adapters.http import HttpAdapter
from conformance.planner import make_plan
from conformance.target import Target, TargetError, load_target, resolve_secret
from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile

MOST_SKEW_SECONDS = 120
MINUTES_A_ROUND = 1.0

Grade = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at. ``field`` is the place in target.toml; ``bad`` keeps a run from being useful."""

    grade: Grade
    field: str
    ja: str
    en: str


def examine(path: Path, *, today: date) -> list[Diagnosis]:
    """Everything that can be said about ``path`` before a run, in the order in which one would mend it."""
    try:
        target = load_target(path)
        overlay = path.parent / target.profile.overlay if target.profile.overlay else None
        profile = load_profile(target.profile.name, overlay)
    except (TargetError, SpecError) as error:
        return [_bad("", str(error))]
    found = [_ok("", "設定ファイルを読めました", "the file is readable")]
    found += _secrets(target)
    found += _plan(target, profile, today)
    found += _ports(target)
    if target.start is not None:
        found.append(
            _note("start", "製品は試験が起動します（ここでは起動しません）", "the harness will start the product")
        )
    elif not any(one.grade == "bad" and one.field.startswith("credentials") for one in found):
        found += _product(target)
    return found


def _secrets(target: Target) -> Iterator[Diagnosis]:
    for field, value in target.credentials.model_dump().items():
        references = value.items() if isinstance(value, dict) else [("", value)]
        for key, reference in references:
            name = f"{field}.{key}" if key else field
            if not reference:
                continue
            try:
                resolve_secret(reference, name)
            except TargetError as error:
                yield _bad(f"credentials.{name}", str(error))
            else:
                yield _ok(f"credentials.{name}", "値があります", "has a value")


def _plan(target: Target, profile: Profile, today: date) -> Iterator[Diagnosis]:
    try:
        plan = make_plan(
            run_id="doctor",
            target=target,
            profile=profile,
            world_version="",
            reference_date=today,
            today=today,
        )
    except TargetError as error:
        yield _bad("", str(error))
        return
    active = sum(one.status == "run" for one in plan.checks)
    minutes = len(plan.rounds) * max(MINUTES_A_ROUND, 0)
    yield _note(
        "declare",
        f"検査 {active} 件、ラウンド {len(plan.rounds)} 回（製品の取込みが1回1分なら約 {minutes * 2:.0f} 分）",
        f"{active} checks in {len(plan.rounds)} rounds",
    )
    for one in plan.checks:
        if one.status == "na":
            yield _note("declare", f"{one.id} は対象外: {one.reason_ja}", f"{one.id} is N/A: {one.reason_en}")
    for open_ in (one for one in plan.attestations if not one.answered):
        yield _note(
            f"attestations.{open_.requirement}",
            f"申告がないと未完了になります: {plan.requirements[open_.requirement].ja}",
            "unanswered: the run stays incomplete",
        )


def _ports(target: Target) -> Iterator[Diagnosis]:
    ports = target.world.ports
    wanted = {"download": ports.download, "relay": ports.relay, "link": ports.link, "control": ports.control}
    wanted |= {f"atena.{core}": port for core, port in ports.atena.items()}
    for name, port in wanted.items():
        if port and not _free(port):
            yield _bad(
                f"world.ports.{name}",
                f"ポート {port} は使われています（使っている製品を止めるか、別の番号にしてください）",
                f"port {port} is in use",
            )


def _free(port: int) -> bool:
    for address in ("127.0.0.1", "127.0.20.1"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _product(target: Target) -> Iterator[Diagnosis]:
    """What the running product says. The clock is compared because certificates and windows are judged by its clock."""
    adapter = HttpAdapter(
        target.endpoints.control,
        resolve_secret(target.credentials.control_token, "control_token"),
        lambda *_: 0,
        call_timeout=min(target.adapter.call_timeout_seconds, 10),
        job_timeout=1,
    )
    try:
        health = adapter.health()
        yield _ok("endpoints.control", f"{health.product} {health.version} が応答しました", "the product answers")
        skew = abs((datetime.now(UTC) - health.now).total_seconds())
        if skew > MOST_SKEW_SECONDS:
            yield _bad(
                "endpoints.control",
                f"製品の時計が {skew:.0f} 秒ずれています（時刻を合わせるか、--date で基準日を製品に合わせてください）",
                f"the product's clock differs by {skew:.0f} s",
            )
        present = adapter.applications()
        yield _ok("credentials.control_token", "トークンが通りました", "the token is accepted")
        if present:
            yield _note(
                "endpoints.control",
                f"製品にはすでに {len(present)} 件の申請があります。試験用の環境であることを確かめてください",
                f"the product already holds {len(present)} applications: make sure it is a test environment",
            )
    except (ProductUnreachable, AdapterProblem) as error:
        yield _bad("endpoints.control", str(error))
    finally:
        adapter.close()
    for field, url in (("handover", target.endpoints.handover), ("screen", target.endpoints.screen)):
        if url:
            yield _reach(f"endpoints.{field}", url.replace("{receipt_no}", "0"))


def _reach(field: str, url: str) -> Diagnosis:
    try:
        status = httpx.get(url, timeout=10, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _bad(field, f"{url} に届きません（{type(error).__name__}） / cannot be reached")
    if status >= 500:
        return _bad(field, f"{url} が {status} で答えます（製品を確かめてください） / answers {status}")
    return _ok(field, f"届きました（{status}）", f"reachable ({status})")


def _ok(field: str, ja: str, en: str) -> Diagnosis:
    return Diagnosis("ok", field, ja, en)


def _note(field: str, ja: str, en: str) -> Diagnosis:
    return Diagnosis("note", field, ja, en)


def _bad(field: str, ja: str, en: str = "") -> Diagnosis:
    if not en:
        ja, _, en = ja.partition(" / ")
    return Diagnosis("bad", field, ja, en or ja)
