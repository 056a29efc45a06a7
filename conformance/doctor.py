"""`shinsei doctor`: is the configuration fit for a run? Each finding names the field and the fix.

It talks to the product only by reading (health, list, screen, hand-over list) and starts nothing; the one thing that it
makes is the test CA, which the product has to trust before the first run.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from conformance.adapters.base import Adapter, AdapterProblem, ProductUnreachable
from conformance.catalogue import load_catalogue
from conformance.doctor_roles import Diagnosis, examine_other, role_of
from conformance.engine.product import Surroundings, open_adapter
from conformance.engine.secrets import Redactor
from conformance.engine.settings import secrets_to_set
from conformance.engine.tape import AdapterTape
from conformance.plan import Plan
from conformance.planner import make_plan, to_carry
from conformance.sharing import coinciding
from conformance.target import Target, TargetError, load_target, others, resolve_secret, with_seed
from fixtures.errors import NotExpressible
from fixtures.outline import WORLD_VERSION
from fixtures.world import World
from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile
from mock_services.config import Addresses
from mock_services.tls import CA_FILE, kept_authority

MOST_SKEW_SECONDS = 120
MINUTES_AN_IMPORT = 1.0
MINUTES_A_QUESTION = 0.5
DAYS_LEFT = 30
SHORT_SECONDS = 10


def examine(path: Path, *, today: date, reference_date: date | None = None, seed: int | None = None) -> list[Diagnosis]:
    """Everything that can be said about ``path`` before a run, in the order in which one would mend it.

    ``seed``: of the run that is meant, when it is not the file's (a challenge gives it).
    """
    if role_of(path) != "am":
        return examine_other(path)
    try:
        target = with_seed(load_target(path), seed)
        overlay = path.parent / target.profile.overlay if target.profile.overlay else None
        profile = load_profile(target.profile.name, overlay)
    except (TargetError, SpecError) as error:
        return [_bad("", str(error))]
    found = [_ok("", "設定ファイルを読めました", "the file is readable")]
    found += _secrets(target)
    day = reference_date or today
    world = World(seed=target.run.seed, reference_date=day, profile=profile, carried=to_carry(target))
    try:
        plan = _plan(target, profile, today, reference_date or today)
    except TargetError as error:
        return [*found, _bad("", str(error))]
    found += _expectations(target, plan)
    found += _ports(target)
    if target.start is not None:
        words = ("製品は試験が起動します（ここでは起動しません）", "the harness will start the product")
        found.append(_note("start", *words))
    elif target.adapter.kind == "operator":
        words = ("製品は人が操作します（ここでは尋ねません）", "a person operates the product: nothing is asked here")
        found.append(_note("adapter", *words))
        found += _addresses(target, path.parent)
    elif not any(one.grade == "bad" and one.field.startswith("credentials") for one in found):
        found += _product(target, path.parent, plan, world)
        found += _addresses(target, path.parent)
    if target.start is None:
        found += _settings(target, path.parent, world)
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
                yield _bad(f"credentials.{name}", str(error).removeprefix(f"credentials.{name}: "))
            else:
                yield _ok(f"credentials.{name}", "値があります", "has a value")


def _plan(target: Target, profile: Profile, today: date, reference: date) -> Plan:
    return make_plan(
        run_id="doctor",
        target=target,
        profile=profile,
        world_version=WORLD_VERSION,
        reference_date=reference,
        today=today,
    )


def _expectations(target: Target, plan: Plan) -> Iterator[Diagnosis]:
    """Rounds × minutes, what is N/A, what has to be attested, which waivers there are."""
    active = sum(one.status == "run" for one in plan.checks)
    minutes = expected_minutes(target, plan)
    rounds = len(plan.rounds)
    yield _note(
        "declare",
        f"検査 {active} 件、ラウンド {rounds} 回、およそ {minutes:.0f} 分（取込み {imports(plan)} 回）",
        f"{active} checks in {rounds} rounds, about {minutes:.0f} minutes ({imports(plan)} imports)",
    )
    if plan.shared:
        yield _note(
            "run.imports",
            "一回の取込みを複数のラウンドで共にする。共には適合と示せない検査だけ、そのラウンドを単独で繰り返す（一つにつき取込み2回まで）",
            "rounds share imports; one whose check does not pass that way is repeated by itself (up to 2 imports each)",
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
    for waiver in plan.waivers:
        yield _note(
            "waiver",
            f"{waiver.check} は {waiver.expires} まで免除（{waiver.owner}）。不適合は不適合のまま報告されます",
            f"{waiver.check} is waived until {waiver.expires} ({waiver.owner}): a failure stays a failure",
        )


def imports(plan: Plan) -> int:
    """How often the product has to take in during the run, when every check passes."""
    catalogue = load_catalogue(plan.role)
    if plan.shared:
        return len(coinciding(catalogue.windows, {one.id for one in plan.rounds}))
    return sum(step.do == "import" for one in plan.rounds for step in catalogue.disturbances[one.id].steps)


def expected_minutes(target: Target, plan: Plan) -> float:
    """Minutes of a run: imports by the product's own interval (poll) or a minute each; for a person also the questions."""
    choice = target.adapter
    each = choice.poll_seconds / 60 if choice.trigger == "poll" else MINUTES_AN_IMPORT
    minutes = imports(plan) * each
    if choice.kind == "operator":
        scripts = load_catalogue(plan.role).disturbances
        shots = sum(
            len(one.cases) + 1 for one in plan.rounds for step in scripts[one.id].steps if step.do == "snapshot"
        )
        minutes += shots * MINUTES_A_QUESTION
    return minutes


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


def _product(target: Target, folder: Path, plan: Plan, world: World) -> Iterator[Diagnosis]:
    """What the running product says, through its adapter."""
    place = "endpoints.control" if target.adapter.kind == "http" else f"adapter.{target.adapter.kind}"
    short = target.adapter.model_copy(
        update={"call_timeout_seconds": min(target.adapter.call_timeout_seconds, SHORT_SECONDS), "trigger": "command"}
    )
    reference = target.credentials.control_token
    with tempfile.TemporaryDirectory(prefix="shinsei-doctor-") as scratch:
        around = Surroundings(
            folder=folder,
            run_dir=Path(scratch),
            ready={},
            values={"dantai_code": world.municipality.dantai_code},
            token=resolve_secret(reference, "control_token") if reference else "",
            tape=AdapterTape(Redactor([])),
        )
        try:
            adapter = open_adapter(target.model_copy(update={"adapter": short}), around)
        except TargetError as error:
            yield _bad("", str(error))
            return
        try:
            yield from _alive(adapter, place)
            yield from _contents(adapter, place, target, plan, world)
        except (ProductUnreachable, AdapterProblem) as error:
            yield _bad(place, str(error))
        finally:
            adapter.close()


def _alive(adapter: Adapter, place: str) -> Iterator[Diagnosis]:
    """The clock is compared because certificates and windows are judged by the product's clock."""
    health = adapter.health()
    yield _ok(place, f"{health.product} {health.version} が応答しました", "the product answers")
    if "clock" in adapter.unseen:
        yield _note(
            place, "製品の時計は見えません。時刻を合わせておいてください", "the product's clock cannot be seen: set it"
        )
        return
    skew = abs((datetime.now(UTC) - health.now).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        yield _bad(
            place,
            f"製品の時計が {skew:.0f} 秒ずれています（時刻を合わせるか、--date で基準日を製品に合わせてください）",
            f"the product's clock differs by {skew:.0f} s",
        )


def _contents(adapter: Adapter, place: str, target: Target, plan: Plan, world: World) -> Iterator[Diagnosis]:
    """The list is read: the token counts, and whose applications the product holds, with the 団体コード of one of them."""
    present = {one.receipt_no for one in adapter.applications()}
    if target.credentials.control_token:
        yield _ok("credentials.control_token", "トークンが通りました", "the token is accepted")
    if not present:
        yield _ok(
            place, "製品に申請はありません（試験の申請は実施のときに届きます）", "the product holds no application yet"
        )
        return
    ours = set()
    for name in sorted({case for one in plan.rounds for case in one.cases}):
        try:
            ours.add(world.case(name).receipt_no)
        except NotExpressible:
            continue
    if held := present & ours:
        yield _bad(
            "run.seed",
            f"製品はこの実施の申請をすでに {len(held)} 件持っています（製品を空にするか、seed を変えてください）",
            f"the product already holds {len(held)} applications of this run: empty it or change the seed",
        )
    if foreign := present - ours:
        grade = _note if target.run.other_applications else _bad
        yield grade("run.other_applications", *others(len(foreign)))
    detail = adapter.application(min(present))
    if detail is not None and detail.dantai_code and detail.dantai_code != world.municipality.dantai_code:
        yield _bad(
            place,
            f"製品の団体コードは {detail.dantai_code} です。試験の団体コード {world.municipality.dantai_code} に設定してください",
            f"the product's 団体コード is {detail.dantai_code}: set {world.municipality.dantai_code}",
        )


def _addresses(target: Target, beside: Path) -> Iterator[Diagnosis]:
    for field, url in (("handover", target.endpoints.handover), ("screen", target.endpoints.screen)):
        if url:
            yield _reach(f"endpoints.{field}", url.replace("{receipt_no}", "0"))
    for field in ("control", "handover", "screen"):
        url = getattr(target.endpoints, field)
        if url.startswith("https:"):
            yield from _certificate(f"endpoints.{field}", url)
    if target.handover.kind == "files" and not (beside / target.handover.folder).is_dir():
        yield _bad(
            "handover.folder",
            f"フォルダー {target.handover.folder} がありません（target.toml の隣に作ってください）",
            f"no folder {target.handover.folder}: make it beside target.toml",
        )
    if not target.endpoints.handover and target.handover.kind == "http":
        words = ("書かれていないため、③-5 は未検証になります", "not given: ③-5 stays unverified")
        yield _note("endpoints.handover", *words)


def _reach(field: str, url: str) -> Diagnosis:
    try:
        status = httpx.get(url, timeout=SHORT_SECONDS, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _bad(field, f"{url} に届きません（{type(error).__name__}） / {url} cannot be reached")
    if status >= 500:
        return _bad(field, f"{url} が {status} で答えます（製品を確かめてください） / {url} answers {status}")
    return _ok(field, f"届きました（{status}）", f"reachable ({status})")


def _certificate(field: str, url: str) -> Iterator[Diagnosis]:
    """The product's own certificate: valid by the system's authorities, and for how long."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), SHORT_SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield _bad(
            field,
            f"証明書を検証できません（{error.verify_message}）。認証局をこの機械に登録するか、証明書を直してください",
            f"the certificate does not verify ({error.verify_message}): install its authority here, or mend it",
        )
        return
    except (OSError, ValueError) as error:
        yield _bad(
            field, f"TLSで接続できません（{type(error).__name__}）", f"no TLS connection ({type(error).__name__})"
        )
        return
    days = int((ssl.cert_time_to_seconds(str(shown["notAfter"])) - datetime.now(UTC).timestamp()) // 86400)
    grade = _note if days < DAYS_LEFT else _ok
    yield grade(field, f"証明書は有効です（あと {days} 日）", f"the certificate is valid ({days} days left)")


def _settings(target: Target, folder: Path, world: World) -> Iterator[Diagnosis]:
    """「製品側に設定する値」 of a product that is set up by hand. Secrets are named, never shown."""
    ca_folder = folder.resolve() / target.world.ca_folder
    try:
        kept_authority(ca_folder, datetime.now(UTC))
    except (OSError, ValueError) as error:
        yield _bad(
            "world.ca_folder",
            f"{ca_folder} に試験用の認証局を置けません（{error}）",
            f"the test CA cannot be kept in {ca_folder} ({error})",
        )
    ports, addresses, given = target.world.ports, Addresses(), target.credentials
    test_value = secrets_to_set(target)
    values = {
        "団体コード": world.municipality.dantai_code,
        "ダウンロード機能のURL": f"https://{target.world.fqdn}:{ports.download}",
        "プロキシ（連携サーバ）": f"http://{addresses.zone_mynumber}:{ports.relay}",
        "信頼する認証局（ルート）の証明書": str(ca_folder / CA_FILE),
        "ダウンロード機能のアカウント": _secret(given.download_account, test_value("download_account")),
        "ダウンロード機能の秘密": _secret(given.download_secret, test_value("download_secret")),
        "番号紐付情報のURL": f"http://{addresses.zone_mynumber}:{ports.link}",
        "番号紐付情報のAPIキー": _secret(given.link_api_key, test_value("link_api_key")),
        "対象の手続": "、".join(target.run.procedures),
    }
    for core in world.core_systems():
        port = ports.atena.get(core, 0)
        values[f"宛名情報のURL（{core}）"] = f"http://{addresses.zone_mynumber}:{port}" if port else f"world.ports.atena.{core} に番号を書く"  # fmt: skip
        values[f"宛名情報のAPIキー（{core}）"] = _secret(
            given.atena_api_keys.get(core, ""), test_value(f"atena_api_key.{core}")
        )
        values[f"基幹連携のAPIキー（{core}）"] = _secret(given.handover_api_keys.get(core, ""), test_value(f"handover_api_key.{core}"))  # fmt: skip
    for name, value in values.items():
        yield Diagnosis("set", name, value, value)


def _secret(reference: str, default: str) -> str:
    return f"（{reference} の値）" if reference else default


def _ok(field: str, ja: str, en: str) -> Diagnosis:
    return Diagnosis("ok", field, ja, en)


def _note(field: str, ja: str, en: str) -> Diagnosis:
    return Diagnosis("note", field, ja, en)


def _bad(field: str, ja: str, en: str = "") -> Diagnosis:
    if not en:
        ja, _, en = ja.partition(" / ")
    return Diagnosis("bad", field, ja, en or ja)
