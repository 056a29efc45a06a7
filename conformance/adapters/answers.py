"""Reading what a product answers through its control interface, whichever adapter brought it."""

from __future__ import annotations

import ssl
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from conformance.adapters.base import AdapterProblem
from interface_spec.control import Problem

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], data: bytes, what: str) -> M:
    """``data`` as ``model``. AdapterProblem names the first item that does not fit."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AdapterProblem(
            what,
            f"応答が制御インターフェースと違います（{place or 'JSON'}: {first['msg']}）",
            f"the answer does not fit the control interface ({place or 'JSON'}: {first['msg']})",
        ) from None


def refused(what: str, status: int, data: bytes) -> AdapterProblem:
    """The refusal as one sentence."""
    words = f"{status} {problem_text(data)}".strip()
    return AdapterProblem(what, f"拒まれました（{words}）", f"refused ({words})")


def problem_text(data: bytes) -> str:
    """Code and message of an error answer, or its beginning when it is none of ours."""
    try:
        problem = Problem.model_validate_json(data)
    except ValidationError:
        return data[:200].decode("utf-8", "replace")
    return f"{problem.code} {problem.message}"


def tls_for(url: str) -> ssl.SSLContext:
    """The system's authorities for https; plain http needs none, and loading them takes long."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
