"""OpenAPI 3.1 for every HTTP surface of a profile, and for our control interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interface_spec import control
from interface_spec.profile import Item, Operation, Profile, Surface
from testbed.specgen.tables import SERIALS

Json = dict[str, Any]
_PLACES = {"query": "query", "header": "header", "path": "path"}


def surface_document(profile: Profile, name: str) -> Json:
    """The OpenAPI document of one surface. Schema names are the operation's; provenance stands in ``x-provenance``."""
    surface = profile.surfaces[name]
    paths: Json = {}
    for operation_name, operation in surface.operations.items():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            profile, surface, operation_name, operation
        )
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{surface.ja} / {surface.en}",
            "version": f"{profile.profile.id}-{profile.profile.edition}",
            "description": f"{surface.client} → {surface.server}。模擬契約であり、実物とのバイト互換を主張しない。{surface.note}",
            "x-provenance": surface.provenance,
        },
        "servers": [{"url": "https://{host}", "variables": {"host": {"default": "localhost"}}}],
        "paths": paths,
        "components": {"schemas": {"Error": _error_schema(surface)}},
    }
    if schemes := _security(surface):
        document["components"]["securitySchemes"] = schemes
    if surface.dialect:
        document["info"]["x-dialect"] = surface.dialect
    return document


def _operation(profile: Profile, surface: Surface, name: str, operation: Operation) -> Json:
    found: Json = {
        "operationId": name,
        "summary": operation.ja,
        "x-provenance": operation.provenance,
        "parameters": [
            {
                "name": item.wire,
                "in": _PLACES[item.place],
                "required": item.required or item.place == "path",
                "description": item.ja,
                "schema": item_schema(profile, item),
            }
            for item in operation.request.values()
            if item.place != "body"
        ],
        "responses": {str(operation.status): _response(profile, surface, operation)},
    }
    if operation.note:
        found["description"] = operation.note
    if body := _request_body(profile, operation):
        found["requestBody"] = body
    by_status: dict[int, list[str]] = {}
    for error in surface.errors.values():
        by_status.setdefault(error.status, []).append(f"{error.code} {error.message}".strip())
    for status, lines in by_status.items():
        found["responses"][str(status)] = {
            "description": "；".join(lines),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    found["security"] = _required(surface, name, operation)
    return found


def _request_body(profile: Profile, operation: Operation) -> Json | None:
    if operation.upload:
        return {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    items = {name: item for name, item in operation.request.items() if item.place == "body"}
    if not items and not operation.request_row:
        return None
    schema = object_schema(profile, items)
    _add_rows(profile, schema, operation.request_rows, operation.request_row)
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _response(profile: Profile, surface: Surface, operation: Operation) -> Json:
    found: Json = {"description": "成功 / success"}
    headers = {item.wire: item for item in operation.response.values() if item.place == "header"}
    if headers:
        found["headers"] = {
            wire: {"description": item.ja, "required": item.required, "schema": item_schema(profile, item)}
            for wire, item in headers.items()
        }
    match operation.body:
        case "json":
            body = {name: item for name, item in operation.response.items() if item.place == "body"}
            schema = object_schema(profile, body)
            _add_rows(profile, schema, operation.rows, operation.row)
            found["content"] = {"application/json": {"schema": _framed(surface, schema)}}
        case "csv":
            columns = ", ".join(item.wire for item in operation.row.values())
            found["content"] = {"text/csv": {"schema": {"type": "string", "description": f"列 / columns: {columns}"}}}
        case "binary":
            found["content"] = {"application/octet-stream": {"schema": {}}}
    return found


def _framed(surface: Surface, schema: Json) -> Json:
    if surface.envelope is None:
        return schema
    parts = surface.envelope
    text = {"type": "string"}
    frame = {
        parts.metadata: {"type": "object", "properties": {parts.title: text, parts.detail: text}},
        parts.links: {
            "type": "object",
            "properties": {parts.self_link: {"type": "object", "properties": {parts.href: text}}},
        },
    }
    return {**schema, "properties": {**frame, **schema["properties"]}, "required": [*frame, *schema["required"]]}


def _add_rows(profile: Profile, schema: Json, rows: str | None, row: Mapping[str, Item]) -> None:
    if rows:
        schema["properties"][rows] = {"type": "array", "items": object_schema(profile, row)}
        schema["required"].append(rows)


def object_schema(profile: Profile, items: Mapping[str, Item]) -> Json:
    """A closed JSON object with these items."""
    return {
        "type": "object",
        "properties": {item.wire: item_schema(profile, item) for item in items.values()},
        "required": [item.wire for item in items.values() if item.required],
        "additionalProperties": False,
    }


def item_schema(profile: Profile, item: Item) -> Json:
    """One item as JSON Schema; what JSON Schema cannot say stands in the description."""
    found: Json = {"type": "string", "title": item.ja, "x-provenance": item.provenance}
    notes = [item.note] if item.note else []
    match item.type:
        case "INT":
            found["type"] = "integer"
        case "BOOL":
            found |= {"type": "boolean"} if item.format == "json" else {"enum": ["0", "1"]}
        case "CODE":
            values = profile.codes[item.codes or ""].values
            found["enum"] = [one.wire for one in values.values()]
            notes.append("、".join(f"{one.wire} {one.ja}" for one in values.values()))
        case "DATE" | "DATETIME":
            notes.append(f"形式 {item.format}" + (f"（{item.zone}）" if item.zone else ""))
        case "SERIAL":
            pattern = {"hex-upper": "^[0-9A-F]+$", "hex-lower": "^[0-9a-f]+$", "decimal": "^[0-9]+$"}
            found["pattern"] = pattern[item.format or ""]
            notes.append(SERIALS[item.format or ""])
        case "DIGEST":
            found["pattern"] = "^[0-9a-fA-F]{64}$"
    if item.length is not None and found["type"] == "string":
        found["maxLength"] = item.length
    if notes:
        found["description"] = "。".join(notes)
    return found


def _error_schema(surface: Surface) -> Json:
    code, message = {"type": "string"}, {"type": "string"}
    if surface.envelope is None:
        names = surface.error_body
        properties = {names.code: code, names.message: message}
        return {"type": "object", "properties": properties, "required": list(properties)}
    parts = surface.envelope
    one = {"type": "object", "properties": {parts.error_code: code, parts.error_message: message}}
    return {"type": "object", "properties": {parts.errors: {"type": "array", "items": one}}}


def _security(surface: Surface) -> Json:
    match surface.auth:
        case "api-key":
            return {"key": {"type": "apiKey", "in": "header", "name": surface.auth_header}}
        case "bearer-login" if surface.auth_header.lower() == "authorization":
            return {"token": {"type": "http", "scheme": "bearer"}}
        case "bearer-login":
            return {"token": {"type": "apiKey", "in": "header", "name": surface.auth_header}}
        case "oauth" if surface.oauth is not None:
            scopes = dict.fromkeys(surface.oauth.scopes, "")
            flow = {"tokenUrl": surface.oauth.token_path, "scopes": scopes}
            return {"oauth": {"type": "oauth2", "flows": {"clientCredentials": flow}}}
    return {}


def _required(surface: Surface, name: str, operation: Operation) -> list[Json]:
    if surface.auth == "none" or (surface.auth == "bearer-login" and name == "login"):
        return []
    key = {"api-key": "key", "bearer-login": "token", "oauth": "oauth"}[surface.auth]
    return [{key: [operation.scope] if operation.scope else []}]


def control_document() -> Json:
    """The OpenAPI document of our control interface (adapter ``http``)."""
    from pydantic.json_schema import models_json_schema

    calls = (
        ("get", control.HEALTH, "health", "動いているか", None, control.Health),
        ("post", control.SYNC, "sync", "番号紐付情報と宛名情報を最新化する", None, control.Job),
        ("post", control.IMPORTS, "import", "ダウンロード機能から1回取り込む", None, control.Job),
        ("get", control.JOB, "job", "仕事の進み", None, control.Job),
        ("get", control.APPLICATIONS, "applications", "申請の一覧（offset, limit）", None, control.ApplicationPage),
        ("get", control.APPLICATION, "application", "申請1件の詳細", None, control.ApplicationDetail),
        ("get", control.ATTACHMENT, "attachment", "添付ファイルの中身", None, None),
        ("post", control.REVIEW, "review", "審査状況を変える", control.ReviewChange, control.ApplicationDetail),
        (
            "post",
            control.IDENTIFY,
            "identify",
            "職員が申請者を決める",
            control.IdentifyPerson,
            control.ApplicationDetail,
        ),
    )
    models = {one for call in calls for one in call[4:] if one is not None}
    ordered = sorted(models, key=lambda one: one.__name__)
    _, schemas = models_json_schema(
        [(one, "serialization") for one in ordered], ref_template="#/components/schemas/{model}"
    )
    paths: Json = {}
    for method, path, name, ja, asked, answered in calls:
        ref = {"schema": {"$ref": f"#/components/schemas/{answered.__name__}"}} if answered else None
        content = {"application/json": ref} if ref else {"application/octet-stream": {"schema": {}}}
        call: Json = {
            "operationId": name,
            "summary": ja,
            "parameters": _control_parameters(path),
            "responses": {"200": {"description": "成功 / success", "content": content}},
            "security": [] if path == control.HEALTH else [{"token": []}],
        }
        if asked is not None:
            body = {"schema": {"$ref": f"#/components/schemas/{asked.__name__}"}}
            call["requestBody"] = {"required": True, "content": {"application/json": body}}
            call["responses"]["409"] = {"description": "許されない変更。何も変わらない / refused, nothing changed"}
        paths.setdefault(path, {})[method] = call
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "試験用の制御インターフェース / reference control interface",
            "version": control.BASE.rpartition("/")[2],
            "description": control.__doc__ or "",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _control_parameters(path: str) -> list[Json]:
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    found: list[Json] = [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in named]
    if path == control.APPLICATIONS:
        found += [
            {"name": one, "in": "query", "schema": {"type": "integer", "minimum": 0}} for one in ("offset", "limit")
        ]
    return found
