"""The operations of this product as an OpenAPI document (``/openapi.json``): what is served is what is described."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from interface_spec.control import Problem
from reference_impl.shinsei_kanri.web import Operation

REFUSALS = {
    400: "not readable",
    401: "wrong control token",
    404: "not found",
    409: "refused by the rules; nothing changed",
    413: "larger than any request has to be",
    422: "not a valid request",
    503: "database, worker or scanner away",
}
_NAMES = re.compile(r"{(\w+)}")
Mode = Literal["validation", "serialization"]


def document(title: str, version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """OpenAPI 3.1 of ``operations``."""
    wanted: list[tuple[type[BaseModel], Mode]] = [(Problem, "serialization")]
    for one in operations:
        wanted += [(one.takes, "validation")] if one.takes else []
        wanted += [(one.gives, "serialization")] if one.gives else []
    references, described = models_json_schema(list(dict.fromkeys(wanted)), ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": described.get("$defs", {}),
            "securitySchemes": {"control": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, references: Mapping[Any, Any]) -> dict[str, Any]:
    refusal = _json(references[Problem, "serialization"])
    answer = _json(references[one.gives, "serialization"]) if one.gives else {"content": {"*/*": {}}}
    refused = {code: what for code, what in REFUSALS.items() if not (one.open and code == HTTPStatus.UNAUTHORIZED)}
    found: dict[str, Any] = {
        "parameters": [*map(_number, one.query), *(_in_path(name, one) for name in _NAMES.findall(one.path))],
        "responses": {"200": {"description": "done"} | answer}
        | {str(code): {"description": what} | refusal for code, what in refused.items()},
    }
    if one.takes:
        found["requestBody"] = {"required": True} | _json(references[one.takes, "validation"])
    return found if one.open else found | {"security": [{"control": []}]}


def _json(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _number(one: Any) -> dict[str, Any]:
    schema = {"type": "integer", "default": one.default, "minimum": one.least}
    if one.most is not None:
        schema["maximum"] = one.most
    return {"name": one.name, "in": "query", "required": False, "schema": schema}


def _in_path(name: str, one: Operation) -> dict[str, Any]:
    kind = "integer" if name in one.numbers else "string"
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}
