"""③-3 pattern ii: 団体内統合宛名, REST with OAuth 2.0 client credentials (共通機能標準仕様書)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from interface_spec.profile import OAuth, Profile
from reference_impl.shinsei_kanri.clock import Clock
from reference_impl.shinsei_kanri.wiring import calls
from reference_impl.shinsei_kanri.wiring.calls import AnswerError
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Value

SURFACE = "togo"
JUKI = "juki"
"""The name of 既存住基 among the 業務ID of the settings."""
EARLY = timedelta(seconds=30)
"""A token is renewed this long before it ends."""
ASSERTION_LEAST = 10


class TogoTrouble(Exception):
    """団体内統合宛名 does not answer as agreed; ``str()`` is one sentence."""


@dataclass(frozen=True)
class TogoSettings:
    """``gyomu_ids``: the 業務ID of 既存住基 (`JUKI`) and of every core system."""

    url: str
    client_id: str
    secret: str = field(repr=False)
    gyomu_ids: Mapping[str, str]


@dataclass(frozen=True)
class Resolved:
    """What 団体内統合宛名 knows of a resident: the number of the person, and that person's numbers in one core system."""

    togo_atena_no: str = ""
    atena_nos: tuple[str, ...] = ()


class TogoClient:
    """Asks 団体内統合宛名. ``fresh_id`` gives a text that was never used before (the assertion's ``jti``)."""

    def __init__(self, settings: TogoSettings, profile: Profile, clock: Clock, fresh_id: Callable[[], str]) -> None:
        self._settings, self._profile, self._clock, self._fresh_id = settings, profile, clock, fresh_id
        self._surface = profile.surfaces[SURFACE]
        self._http = httpx.Client(
            base_url=settings.url, trust_env=False, timeout=httpx.Timeout(float(profile.limit("no_answer")))
        )
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def close(self) -> None:
        self._http.close()

    def resolve(self, core_system: str, juki_atena_no: str) -> Resolved:
        """From the resident's 宛名番号 to the person's number in ``core_system``. Raises TogoTrouble.

        A person without 団体内統合宛名番号 yet gives an empty answer; a merged person gives that of the other.
        """
        gyomu_ids = self._settings.gyomu_ids
        found = self._call("lookup", {"gyomu_id": gyomu_ids[JUKI], "atena_no": juki_atena_no})
        numbers = sorted({row.text("togo_atena_no") for row in found} - {""})
        if not numbers:
            return Resolved()
        if len(numbers) > 1:
            raise TogoTrouble("団体内統合宛名番号が複数返りました / several numbers for one person")
        rows = self._call("reverse", {"togo_atena_no": numbers[0]})
        mine = {row.text("atena_no") for row in rows if row.text("gyomu_id") == gyomu_ids[core_system]}
        return Resolved(numbers[0], tuple(sorted(mine)))

    def _call(self, name: str, values: dict[str, Value]) -> list[Fields]:
        operation = self._surface.operations[name]
        call = calls.build(operation, values, self._profile.codes)
        response = self._authorised(call, operation.scope)
        if response.status_code != operation.status:
            named = calls.refusal(self._surface, response.status_code, response.content)
            raise TogoTrouble(
                f"団体内統合宛名の{operation.ja}が状態 {response.status_code} {named} で終わりました / ended with that status"
            )
        try:
            return calls.read_answer(operation, response.headers, response.content, self._profile.codes)[1]
        except AnswerError as error:
            raise TogoTrouble(
                f"団体内統合宛名の{operation.ja}の応答を読めません / unreadable answer: {error}"
            ) from None

    def _authorised(self, call: calls.Call, scope: str) -> httpx.Response:
        """Send with a token; when it is refused, once more with a new one."""
        for renew in (False, True):
            headers = call.headers | {self._surface.auth_header: f"Bearer {self._token(scope, renew=renew)}"}
            response = self._send(call.method, call.path, params=call.query or None, headers=headers, json=call.body)
            if response.status_code != 401:
                break
        return response

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **what)
        except httpx.HTTPError as error:
            raise TogoTrouble(
                f"団体内統合宛名に接続できません / cannot reach 団体内統合宛名 ({type(error).__name__})"
            ) from None

    def _token(self, scope: str, *, renew: bool) -> str:
        with self._lock:
            held = self._tokens.get(scope)
            if held is None or renew or self._clock.now() >= held[1]:
                held = self._tokens[scope] = self._new_token(scope)
            return held[0]

    def _new_token(self, scope: str) -> tuple[str, datetime]:
        oauth = self._surface.oauth
        assert oauth is not None  # noqa: S101 — checked with the profile at start
        form = {"grant_type": oauth.grant_type, "scope": scope}
        basic: tuple[str, str] | None = None
        if oauth.client_auth == "client_secret_basic":
            basic = (self._settings.client_id, self._settings.secret)
        else:
            form |= {"client_assertion_type": oauth.assertion_type, "client_assertion": self._assertion(oauth)}
        asked = self._clock.now()
        response = self._send("POST", oauth.token_path, data=form, auth=basic)
        try:
            answer = response.json()
            token, seconds = str(answer["access_token"]), int(answer.get("expires_in", oauth.token_seconds))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TogoTrouble(
                f"団体内統合宛名のトークンを得られません（状態 {response.status_code}） / no access token"
            ) from None
        return token, asked + timedelta(seconds=seconds) - EARLY

    def _assertion(self, oauth: OAuth) -> str:
        """The signed claim of who we are (RFC 7523), valid for a part of what is allowed: clocks differ."""
        now = self._clock.now()
        lasting = max(oauth.assertion_seconds // 2, min(ASSERTION_LEAST, oauth.assertion_seconds))
        claims = {
            "iss": self._settings.client_id,
            "sub": self._settings.client_id,
            "aud": f"{self._settings.url.rstrip('/')}{oauth.token_path}",
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + lasting,
            "jti": self._fresh_id(),
        }
        signed = _packed({"alg": oauth.algorithm, "typ": "JWT"}) + b"." + _packed(claims)
        signature = hmac.new(self._settings.secret.encode(), signed, hashlib.sha256).digest()
        return f"{signed.decode()}.{_base64url(signature).decode()}"


def _packed(content: Mapping[str, object]) -> bytes:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
