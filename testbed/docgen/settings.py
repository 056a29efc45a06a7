"""Pages of settings: every field of the files that users write, and the variables that commands read."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from conformance.firewall.run import RelayTarget
from conformance.reporters.papers.connection_file import Declared
from conformance.target import Target
from interface_spec.policy import Policy
from reference_impl.shinsei_kanri.settings import NAMES, PREFIX
from testbed.docgen.model import Entry, facts, link, plain, table
from testbed.docgen.words import setting_words, words

KIND = "settings"
FILES: dict[str, tuple[str, type[BaseModel], str]] = {
    "target": ("target.toml", Target, ""),
    "relay-target": ("relay-target.toml", RelayTarget, ""),
    "setsuzoku": ("setsuzoku.toml", Declared, "*."),
}
"""Name → file as users call it, its model, and what stands before the names of its fields."""


@dataclass(frozen=True)
class Setting:
    """One field. ``default``: "" when it must be written."""

    file: str
    name: str
    type: str
    default: str
    ja: str
    en: str


def settings() -> Iterator[Setting]:
    """Every field of every file, in the order of the file."""
    for key, (_, model, prefix) in FILES.items():
        for name, info in _fields(model, prefix):
            told = setting_words(key, name) or ("", info.description or "")
            default = "" if info.is_required() else _default(info)
            yield Setting(key, name, _type(info.annotation), default, *told)


def _default(info: FieldInfo) -> str:
    """A default as it would be written in TOML."""
    value = info.get_default(call_default_factory=True)
    match value:
        case None:
            return "（なし） / (none)"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple() | list() | frozenset():
            return "[" + ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in value) + "]"
        case dict():
            return "{}" if not value else str(value)
    return str(value)


def unexplained() -> list[str]:
    """Fields of which no document says in both languages what they are."""
    return [f"{one.file}: {one.name}" for one in settings() if not (one.ja and one.en)]


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        inner, mark = _inner(info.annotation)
        if inner is None:
            yield f"{prefix}{name}", info
        else:
            yield from _fields(inner, f"{prefix}{name}{mark}.")


def _inner(annotation: object) -> tuple[type[BaseModel] | None, str]:
    """The table behind a field, and how its entries are written: ``[]`` for a list, ``.*`` for named ones."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    models = [one for one in parts if isinstance(one, type) and issubclass(one, BaseModel)]
    if not models:
        return None, ""
    return models[0], ".*" if origin is dict else "[]" if origin in (tuple, list) else ""


def _type(annotation: object) -> str:
    """A type as people write it: choices as such."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(f'"{one}"' if one else '""' for one in parts)
    if origin in (tuple, list):
        return f"[{_type(parts[0])}, …]"
    if origin is dict:
        return f"{{ 名前 = {_type(parts[1])} }}"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_type(one) for one in parts if one is not type(None))
    names = {"str": "文字列 / text", "int": "整数 / integer", "float": "数 / number", "bool": "true | false", "date": "日付 / date"}  # fmt: skip
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name)


def pages() -> Iterator[Entry]:
    """A page for each setting, each table of the policy, and each variable."""
    for one in settings():
        body = (
            facts(
                ("ファイル / file", f"`{FILES[one.file][0]}`"),
                ("型 / type", plain(one.type)),
                ("既定 / default", f"`{one.default}`" if one.default else "なし（必ず書く） / none, must be written"),
            ),
            plain(one.ja),
            plain(one.en),
        )
        yield Entry(KIND, f"{one.file}.{one.name}", "", "", body)
    yield from _policy()
    for name, (ja, en) in words()["environment"].items():
        yield Entry(KIND, name, "環境変数", "environment variable", (ja, en))
    for name in NAMES:
        own = (
            "同梱の参照用の申請管理システムの設定。意味は reference_impl/README.md。 / A setting of the bundled reference product.",
        )
        yield Entry(KIND, f"{PREFIX}{name}", "環境変数", "environment variable", own)


def _policy() -> Iterator[Entry]:
    """One page a table of the network policy; its commented example is ``interface_spec/policies/baseline.toml``."""
    for name, info in Policy.model_fields.items():
        inner, mark = _inner(info.annotation)
        told = (inner.__doc__ or "").strip().partition("\n")[0] if inner else info.description or ""
        rows = [
            (f"`{field}`", plain(_type(one.annotation)), "―" if one.is_required() else f"`{_default(one)}`")
            for field, one in (inner.model_fields.items() if inner else ())
        ]
        body = [facts(("ファイル / file", "`policy.toml`（例 / example: `interface_spec/policies/baseline.toml`）")), plain(told)]  # fmt: skip
        if rows:
            body.append(table(("項目", "型", "既定"), rows))
        else:
            body.append(facts(("型 / type", plain(_type(info.annotation)))))
        yield Entry(KIND, f"policy.{name}{mark}", "", "", tuple(body))


def index() -> str:
    """All settings by file."""
    parts = ["# 設定 / Settings"]
    for key, (file, _, _) in FILES.items():
        rows = [
            (link(KIND, f"{key}.{one.name}", KIND), plain(one.ja or one.en)) for one in settings() if one.file == key
        ]
        parts.append(f"## {file}\n\n" + table(("項目", "意味"), rows))
    rows = [(link(KIND, one.name, KIND), one.body[1]) for one in _policy()]
    parts.append("## policy.toml\n\n" + table(("表", "意味"), rows))
    rows = [(link(KIND, name, KIND), told[0]) for name, told in words()["environment"].items()]
    rows += [(link(KIND, f"{PREFIX}{name}", KIND), "参照用の製品 / the reference product") for name in NAMES]
    parts.append("## 環境変数 / Environment\n\n" + table(("名前", "意味"), rows))
    return "\n\n".join(parts)
