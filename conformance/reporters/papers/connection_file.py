"""``setsuzoku.toml``: what a municipality says about its own procedures: connected, planned or not, why, who agreed."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.sentence import Sentence
from interface_spec.errors import first_problem
from interface_spec.procedures import load_procedures


class ConnectionFileError(Sentence, ValueError):
    """The file cannot be used (exit 2): file and field, problem, fix."""


class Declared(BaseModel):
    """One procedure as the municipality declares it. ``approved_by`` and ``date``: who accepted the reason, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    status: Literal["接続済", "予定", "しない"]
    method: Literal["", "i", "ii", "iii", "iv"] = ""
    reason: str = Field(default="", max_length=1000)
    approved_by: str = Field(default="", max_length=200)
    date: datetime.date | None = None


def load_connections(path: Path) -> dict[str, Declared]:
    """Procedure id → declaration. Raises ConnectionFileError naming file, field and fix."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConnectionFileError(str(path), f"読めません（{error}）", f"cannot be read ({error})") from None
    return parse_connections(content, str(path))


def parse_connections(content: bytes, path: str) -> dict[str, Declared]:
    """The same of the file's content; ``path`` is its name in sentences."""
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConnectionFileError(path, f"読めません（{error}）", f"cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConnectionFileError(
            path, f"TOML として読めません（{error}）", f"not readable as TOML ({error})"
        ) from None
    found: dict[str, Declared] = {}
    for name, entry in data.items():
        if name not in load_procedures():
            known = ", ".join(load_procedures())
            raise ConnectionFileError(
                f"{path}: {name}", f"その手続はありません（あるもの: {known}）", f"no such procedure (known: {known})"
            )
        try:
            found[name] = Declared.model_validate(entry)
        except ValidationError as error:
            place, problem = first_problem(error)
            ja, _, en = problem.partition(" / ")
            raise ConnectionFileError(f"{path}: {name}.{place}", ja, en or ja) from None
        if found[name].status == "しない" and not found[name].reason:
            raise ConnectionFileError(
                f"{path}: {name}.reason", "接続しない理由を書いてください", "write why it is not connected"
            )
    return found
