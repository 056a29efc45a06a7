"""Who may open the pages: one configured account by HTTP Basic, and the token that its forms carry."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from reference_impl.shinsei_kanri import web
from reference_impl.shinsei_kanri.web import Call

PREFIX = "/staff"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="shinsei-kanri", charset="UTF-8"'}


class Staff:
    """An empty password opens the pages to nobody."""

    def __init__(self, account: str, password: str) -> None:
        self._account, self._password = account, password

    def name(self, headers: Headers) -> str:
        """The account's name; 401 (HTTPException) for anybody else."""
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        try:
            account, _, password = base64.b64decode(given, validate=True).partition(b":")
        except ValueError:
            account, password = b"", b""
        right = hmac.compare_digest(account, self._account.encode()) & hmac.compare_digest(
            password, self._password.encode()
        )
        if scheme.lower() != "basic" or not self._password or not right:
            raise HTTPException(401, "アカウントが正しくありません / wrong account", CHALLENGE)
        return self._account

    def route(self, method: str, path: str, work: Callable[[Call, str], Response]) -> Route:
        """``work`` of the request and the account's name below `PREFIX`, for this account only."""
        return web.route(method, PREFIX + path, lambda call: work(call, self.name(call.headers)))

    def token(self, name: str) -> str:
        """What only our own pages know: the same in every process of the product."""
        return hmac.new(self._password.encode(), f"form:{name}".encode(), hashlib.sha256).hexdigest()
