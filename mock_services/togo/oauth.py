"""OAuth 2.0 client credentials as the 共通機能 specification wants them: `client_secret_jwt`, HS256, access tokens only.

公開: grant, client authentication, scopes per call. RFC 7523 for the assertion (iss = sub = client id, aud = the token
endpoint, exp, jti used once). 仮定: what an assertion may be late by (nothing), one token per request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from interface_spec.profile import OAuth
from mock_services.clock import WorldClock
from mock_services.togo.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedError,
    UnsupportedGrantError,
)

_ASSERTION_MOST = 8192


@dataclass(frozen=True)
class Client:
    """One consuming system. ``scopes``: what it may ask for."""

    client_id: str
    secret: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class AccessToken:
    value: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


class TokenStore:
    """Clients, access tokens, and the assertion ids that were used."""

    def __init__(self, oauth: OAuth, clients: Iterable[Client], clock: WorldClock, key: bytes) -> None:
        self._oauth, self._clock, self._key = oauth, clock, key
        self._clients = {one.client_id: one for one in clients}
        self._issued = 0
        self._tokens: dict[str, AccessToken] = {}
        self._used: dict[tuple[str, str], datetime] = {}

    def reset(self) -> None:
        """Forget all tokens; clients stay, and no token is ever issued twice."""
        self._tokens.clear()
        self._used.clear()

    def issue(self, form: Mapping[str, str], basic: str | None, audience: str) -> AccessToken:
        """An access token for a token request. ``basic``: the Authorization header; ``audience``: where it was asked.

        TokenError: InvalidRequest, UnsupportedGrant, InvalidClient (the same for every cause), InvalidScope.
        """
        if "grant_type" not in form:
            raise InvalidRequestError
        if form["grant_type"] != self._oauth.grant_type:
            raise UnsupportedGrantError
        if self._oauth.client_auth == "client_secret_jwt":
            client = self._by_assertion(form, audience)
        else:
            client = self._by_password(basic)
        scopes = frozenset(form.get("scope", "").split()) or frozenset(client.scopes)
        if not scopes <= set(client.scopes):
            raise InvalidScopeError
        self._issued += 1
        value = hmac.new(self._key, str(self._issued).encode(), hashlib.sha256).hexdigest()
        expires_at = self._clock.now() + timedelta(seconds=self._oauth.token_seconds)
        self._tokens[value] = AccessToken(value, client.client_id, scopes, expires_at)
        return self._tokens[value]

    def authorise(self, value: str | None, scope: str) -> AccessToken:
        """The token when it is valid now and has ``scope``; UnauthorizedError otherwise."""
        token = self._tokens.get(value or "")
        if token is None or self._clock.now() >= token.expires_at or scope not in token.scopes:
            raise UnauthorizedError
        return token

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def _by_assertion(self, form: Mapping[str, str], audience: str) -> Client:
        if form.get("client_assertion_type") != self._oauth.assertion_type or "client_assertion" not in form:
            raise InvalidRequestError
        head, claims, signed, signature = _parts(form["client_assertion"])
        client = self._clients.get(claims.get("sub", "")) if isinstance(claims.get("sub"), str) else None
        if client is None or head.get("alg") != self._oauth.algorithm or claims.get("iss") != client.client_id:
            raise InvalidClientError
        if form.get("client_id", client.client_id) != client.client_id:
            raise InvalidClientError
        if not hmac.compare_digest(hmac.new(client.secret.encode(), signed, hashlib.sha256).digest(), signature):
            raise InvalidClientError
        self._check_claims(client, claims, audience)
        return client

    def _check_claims(self, client: Client, claims: dict[str, Any], audience: str) -> None:
        stated = claims.get("aud")
        audiences = stated if isinstance(stated, list) else [stated]
        if not any(isinstance(one, str) and _same_place(one, audience) for one in audiences):
            raise InvalidClientError
        now, expires, jti = self._clock.now(), claims.get("exp"), claims.get("jti")
        if isinstance(expires, bool) or not isinstance(expires, int | float) or not isinstance(jti, str) or not jti:
            raise InvalidClientError
        if not 0 < expires - now.timestamp() <= self._oauth.assertion_seconds:
            raise InvalidClientError
        self._used = {key: until for key, until in self._used.items() if until > now}
        if (client.client_id, jti) in self._used:
            raise InvalidClientError
        self._used[client.client_id, jti] = now + timedelta(seconds=self._oauth.assertion_seconds)

    def _by_password(self, header: str | None) -> Client:
        scheme, _, packed = (header or "").partition(" ")
        try:
            name, _, secret = base64.b64decode(packed.encode(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeError):
            raise InvalidClientError from None
        client = self._clients.get(unquote_plus(name))
        given = unquote_plus(secret).encode(errors="surrogatepass")
        if scheme.lower() != "basic" or client is None or not hmac.compare_digest(client.secret.encode(), given):
            raise InvalidClientError
        return client


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """(header, claims, signed bytes, signature) of a JWT; InvalidClientError when it is none."""
    pieces = assertion.split(".")
    if len(pieces) != 3 or len(assertion) > _ASSERTION_MOST:
        raise InvalidClientError
    try:
        head, claims = (json.loads(_unpacked(piece)) for piece in pieces[:2])
        signature = _unpacked(pieces[2])
    except (ValueError, RecursionError):
        raise InvalidClientError from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise InvalidClientError
    return head, claims, f"{pieces[0]}.{pieces[1]}".encode(), signature


def _unpacked(piece: str) -> bytes:
    return base64.b64decode(piece.encode("ascii") + b"=" * (-len(piece) % 4), altchars=b"-_", validate=True)


def _same_place(one: str, other: str) -> bool:
    """Whether two URLs name the same endpoint; the scheme may differ where TLS ends before us."""
    try:
        left, right = urlsplit(one), urlsplit(other)
    except ValueError:
        return False
    return left.scheme in ("http", "https") and (left.netloc, left.path) == (right.netloc, right.path)
