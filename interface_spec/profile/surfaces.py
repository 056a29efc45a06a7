"""Interfaces over HTTP: surfaces, their operations, errors, and how a client proves who it is."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Item, Provenance, Spec, unique_wires

_PLACEHOLDER = re.compile(r"\{([^}/]*)\}")


class Operation(Spec):
    """One call. ``rows`` is the wire name of the row array, ``row`` its items; both absent when there are no rows.

    ``request_rows``/``request_row`` are the same for the request; ``upload`` says that the request's body is a file.
    ``declared`` False: the operation may exist in reality, nobody knows; a profile that declares it puts it in force.
    """

    ja: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str = Field(pattern=r"^/")
    provenance: Provenance = "仮定"
    status: int = Field(default=200, ge=200, le=299)
    body: Literal["json", "csv", "binary", "none"] = "json"
    request: dict[str, Item] = Field(default={})
    request_rows: str | None = None
    request_row: dict[str, Item] = Field(default={})
    upload: bool = False
    response: dict[str, Item] = Field(default={})
    rows: str | None = None
    row: dict[str, Item] = Field(default={})
    scope: str = ""
    declared: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for part in ("request", "request_row", "response", "row"):
            unique_wires(getattr(self, part), part)
        self._check_path()
        self._check_arrays()
        return self

    def _check_path(self) -> None:
        if self.path.count("{") != len(_PLACEHOLDER.findall(self.path)) or self.path.count("}") != self.path.count("{"):
            raise ValueError(f"path {self.path!r} の {{}} が閉じていません / unbalanced braces")
        for part in self.path.split("/"):
            if "{" in part and not (part.startswith("{") and part.endswith("}") and part.count("{") == 1):
                raise ValueError(
                    f"path {self.path!r} の {{}} は区切り一つ分を占めます / a placeholder fills one segment"
                )
        names = _PLACEHOLDER.findall(self.path)
        placed = [item.wire for item in self.request.values() if item.place == "path"]
        if sorted(placed) != sorted(names):
            raise ValueError(f"path {self.path!r} の {{}} と place='path' の項目が一致しません / path items differ")

    def _check_arrays(self) -> None:
        for rows, row, single, place in (
            (self.rows, self.row, self.response, "rows"),
            (self.request_rows, self.request_row, self.request, "request_rows"),
        ):
            if rows and not row:
                raise ValueError(f"{place} には行の項目が必要です / {place} needs items of a row")
            for name, item in single.items():
                if rows and item.place == "body" and item.wire == rows:
                    raise ValueError(f"{name} と {place} が同じ名前 {rows!r} です / an item and the array share a name")
        if self.method == "GET":
            for name, item in self.request.items():
                if item.place == "body":
                    raise ValueError(f"request.{name}: GET に body は使えません / GET has no body")
            if self.request_row or self.upload:
                raise ValueError("GET に body は使えません / GET has no body")
        for name, item in self.response.items():
            if item.place not in ("body", "header"):
                raise ValueError(f"response.{name}: body か header にします / body or header")
        if self.upload and (self.request_row or any(item.place == "body" for item in self.request.values())):
            raise ValueError("upload の本文はファイルだけです / an upload's body is the file alone")


class ErrorCode(Spec):
    """One error answer of a surface: HTTP status, code and message on the wire."""

    status: int = Field(ge=400, le=599)
    code: str
    message: str
    provenance: Provenance = "仮定"


class ErrorBody(Spec):
    """Wire names of the JSON object in an error answer of a surface without envelope."""

    code: str = Field(default="code", min_length=1)
    message: str = Field(default="message", min_length=1)
    provenance: Provenance = "仮定"

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if self.code == self.message:
            raise ValueError(f"code と message が同じ名前 {self.code!r} です / code and message share a name")
        return self


class TextFile(Spec):
    """How text files (CSV) of a surface are written."""

    encoding: Literal["utf-8", "cp932"] = "utf-8"
    bom: bool = False
    header: bool = True
    newline: Literal["\r\n", "\n"] = "\r\n"

    @model_validator(mode="after")
    def _bom_is_utf8(self) -> Self:
        if self.bom and self.encoding != "utf-8":
            raise ValueError("BOM は utf-8 のときだけ付きます / a BOM goes with utf-8 only")
        return self


class OAuth(Spec):
    """OAuth 2.0 client credentials in 共通機能 style: an access token only, no refresh, scopes per call."""

    token_path: str = Field(pattern=r"^/")
    grant_type: str = "client_credentials"
    client_auth: Literal["client_secret_jwt", "client_secret_basic"] = "client_secret_jwt"
    algorithm: Literal["HS256"] = "HS256"
    assertion_type: str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion_seconds: int = Field(default=300, ge=1, description="how long a client assertion is valid")
    client_id_length: int = Field(default=32, ge=1)
    secret_least: int = Field(default=32, ge=32, description="least characters of the secret: HS256 needs 32 octets")
    token_seconds: int = Field(default=1800, ge=1)
    scopes: tuple[str, ...]
    provenance: Provenance = "公開"


class Envelope(Spec):
    """The frame around every JSON answer in 共通機能 style; wire names of its parts."""

    metadata: str = "metadata"
    title: str = "title"
    detail: str = "detail"
    links: str = "_links"
    self_link: str = "self"
    href: str = "href"
    result: str = "result"
    errors: str = "errors"
    error_code: str = "code"
    error_message: str = "message"
    provenance: Provenance = "公開"


class Surface(Spec):
    """One interface between two systems. ``undeclared`` holds the operations that this profile does not put in force."""

    ja: str
    en: str
    server: str
    client: str
    provenance: Provenance = "仮定"
    auth: Literal["bearer-login", "api-key", "none", "oauth"] = "none"
    auth_header: str = "Authorization"
    oauth: OAuth | None = None
    envelope: Envelope | None = None
    dialect: str = ""
    json_on_timeout: bool = Field(default=True, description="False: timeout and maintenance answer 5xx without JSON")
    file: TextFile = TextFile()
    operations: dict[str, Operation]
    undeclared: dict[str, Operation] = Field(default={})
    errors: dict[str, ErrorCode] = Field(default={})
    error_body: ErrorBody = ErrorBody()
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _put_aside_undeclared(cls, data: Any) -> Any:
        """Operations with ``declared = false`` leave ``operations``: no reader can meet them by mistake."""
        if not isinstance(data, dict) or not isinstance(data.get("operations"), dict):
            return data
        aside = {
            name: one
            for name, one in data["operations"].items()
            if isinstance(one, dict) and one.get("declared", True) is False
        }
        kept = {name: one for name, one in data["operations"].items() if name not in aside}
        return {**data, "operations": kept, "undeclared": {**data.get("undeclared", {}), **aside}}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.auth == "oauth") != (self.oauth is not None):
            raise ValueError("auth='oauth' のときだけ oauth の節を書きます / oauth goes with auth 'oauth'")
        seen: dict[tuple[str, str], str] = {}
        for name, operation in self.operations.items():
            key = (operation.method, _PLACEHOLDER.sub("{}", operation.path))
            if key in seen:
                raise ValueError(
                    f"operations.{name}: {seen[key]} と同じ {operation.method} {operation.path} です / same call as {seen[key]}"
                )
            seen[key] = name
            if self.oauth is not None and operation.scope not in self.oauth.scopes:
                raise ValueError(
                    f"operations.{name}.scope: {operation.scope!r} が oauth.scopes にありません / not among the scopes"
                )
            if self.auth != "none" and any(
                item.place == "header" and item.wire.lower() == self.auth_header.lower()
                for item in operation.request.values()
            ):
                raise ValueError(
                    f"operations.{name}: 認証のヘッダ {self.auth_header!r} と同じ名前の項目があります / an item uses the auth header"
                )
        codes: dict[tuple[int, str], str] = {}
        for name, error in self.errors.items():
            if (error.status, error.code) in codes:
                raise ValueError(
                    f"errors.{name}: {codes[error.status, error.code]} と同じ状態とコードです / same status and code"
                )
            codes[error.status, error.code] = name
        return self
