"""Profiles from disk: a folder of TOML files, and at most one overlay file laid over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from interface_spec.errors import SpecError, first_problem
from interface_spec.profile.model import Profile

PROFILES = Path(__file__).parents[1] / "profiles"


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(path, "", "ファイルがありません / no such file") from None
    except IsADirectoryError:
        raise SpecError(path, "", "フォルダではなくファイルを指定します / a file is wanted, not a folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"TOML として読めません / not readable as TOML: {error}") from None


def profile_names() -> tuple[str, ...]:
    """The names that `load_profile` knows."""
    return tuple(sorted(path.name for path in PROFILES.iterdir() if path.is_dir()))


@lru_cache(maxsize=16)
def load_profile(name: str = "baseline", overlay: Path | None = None) -> Profile:
    """The profile ``name``, with a vendor's ``overlay`` file laid over it when given.

    Raises SpecError with one sentence: file, place, what is expected.
    """
    if name not in profile_names():
        known = ", ".join(profile_names())
        raise SpecError(name, "profile", f"その名前のプロファイルはありません（あるもの: {known}） / no such profile")
    data: dict[str, Any] = {}
    for path in sorted((PROFILES / name).glob("*.toml")):
        data = _merge(data, _read(path))
    source: Path | str = f"profiles/{name}"
    if overlay is not None:
        data, source = _merge(data, _read(overlay)), overlay
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        raise SpecError(source, *first_problem(error)) from None
