"""Who may open the pages: one configured account by HTTP Basic, and the token that its forms carry."""

from __future__ import annotations

import hashlib
import hmac

from fastapi import Depends, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials

_scheme = HTTPBasic(realm="shinsei-kanri", auto_error=True)


class Staff:
    """An empty password opens the pages to nobody."""

    def __init__(self, account: str, password: str) -> None:
        self._account, self._password = account, password

    def name(self, given: HTTPBasicCredentials = Depends(_scheme)) -> str:
        """The account's name; 401 for anybody else."""
        right = hmac.compare_digest(given.username.encode(), self._account.encode()) & hmac.compare_digest(
            given.password.encode(), self._password.encode()
        )
        if not self._password or not right:
            raise HTTPException(401, "アカウントが正しくありません / wrong account", {"WWW-Authenticate": "Basic"})
        return given.username

    def token(self, name: str) -> str:
        """What only our own pages know: the same in every process of the product."""
        return hmac.new(self._password.encode(), f"form:{name}".encode(), hashlib.sha256).hexdigest()
