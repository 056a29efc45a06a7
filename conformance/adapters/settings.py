"""The ``[adapter]`` part of target.toml: how the harness acts on a product and looks at it."""

from __future__ import annotations

import string
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

COMMANDS: dict[str, tuple[str, ...]] = {
    "health": (), "sync": (), "import": (), "list": (), "show": ("receipt_no",), "attachment": ("receipt_no", "seq"),
    "review": ("receipt_no",), "identify": ("receipt_no",),
}  # fmt: skip
"""Command of adapter ``command`` → the placeholders it may use."""

TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "applications": (
        ("receipt_no", "procedure_id", "ingestion", "review", "handover", "received_at", "arrived_at"),
        ("imported_at", "version", "dantai_code", "quarantine_reason"),
    ),
    "items": (("receipt_no", "item_id", "value"), ("label", "group", "occurrence")),
    "attachments": (("receipt_no", "seq", "file_name", "path"), ("label", "media_type")),
    "persons": (
        ("receipt_no", "role", "state"),
        ("method", "juki_atena_no", "core_system", "atena_no", "reasons"),
    ),
    "candidates": (
        ("receipt_no", "role", "atena_no", "name"),
        ("juki_atena_no", "birth_date", "gender", "address", "reasons"),
    ),
    "core_errors": (("receipt_no", "message"), ()),
    "history": (("receipt_no", "at", "what"), ("actor", "reason")),
}
"""Exported table of adapter ``files`` → (columns that must be mapped, columns that may be)."""

REQUESTS: dict[str, tuple[str, ...]] = {
    "export": (),
    "sync": (),
    "import": (),
    "review": ("receipt_no", "to"),
    "identify": ("receipt_no", "role", "atena_no"),
}
"""Request of adapter ``files`` → the values that its file must carry."""
MAY_CARRY = {"review": ("reason", "version"), "identify": ("reason",)}

ASKED = ("persons", "quarantine_reason", "core_errors", "items", "attachments")
"""What an operator may be asked to copy from the screen, beside the list itself."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Table):
    """Where a value stands in the product's file. In target.toml a plain string is the column's name.

    ``values`` maps what the product writes to what the control interface says; ``const`` needs no column.
    ``format`` is that of ``datetime.strptime``; ``zone`` is said wherever the format has none.
    """

    column: str = ""
    values: dict[str, str] = {}
    const: str = ""
    format: str = ""
    zone: str = Field(default="", pattern=r"^([+-]\d{2}:\d{2})?$")
    separator: str = Field(default="", description="between several values of one cell (reasons)")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: object) -> object:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.column) == bool(self.const):
            raise ValueError("column（列名）か const（決まった値）の一方を書きます / write either column or const")
        if self.format and "%z" not in self.format and not self.zone:
            raise ValueError(
                'format に時差がありません。zone = "+09:00" を添えます / say the zone, e.g. zone = "+09:00"'
            )
        return self

    def moment(self, text: str) -> datetime:
        """``text`` as a moment. ValueError when it is none."""
        read = datetime.strptime if self.format else _iso
        found = read(text, self.format)
        if found.tzinfo is None:
            if not self.zone:
                raise ValueError("no zone")
            found = found.replace(tzinfo=datetime.fromisoformat(f"2000-01-01T00:00:00{self.zone}").tzinfo)
        return found


def _iso(text: str, _: str) -> datetime:
    return datetime.fromisoformat(text)


class Exported(_Table):
    """One file that the product writes, below ``outbox``."""

    file: str = Field(min_length=1)
    columns: dict[str, Column]

    @field_validator("file")
    @classmethod
    def _inside(cls, name: str) -> str:
        return _below(name)


class Request(_Table):
    """One file that the harness writes into ``inbox`` to ask for something, and the file that answers it in ``outbox``.

    ``{number}`` in both names counts the requests. Without ``answer`` the request counts as carried out when the
    product has taken its file away.
    """

    file: str = Field(min_length=1)
    answer: str = ""
    columns: dict[str, Column] = {}
    answer_columns: dict[str, Column] = {}

    @field_validator("file", "answer")
    @classmethod
    def _inside(cls, name: str) -> str:
        known = {field for _, field, _, _ in string.Formatter().parse(name) if field is not None}
        if known - {"number"}:
            raise ValueError("使えるのは {number} だけです / only {number} is filled in")
        return _below(name)

    @model_validator(mode="after")
    def _answer_is_said(self) -> Self:
        if self.answer and "{number}" not in self.answer:
            raise ValueError("answer: 前の実施の答えと区別するため {number} を入れます / needs {number}")
        if any(not one.column for one in self.columns.values()):
            raise ValueError("columns: 依頼には列名（column）を書きます / a request needs column names")
        if self.answer_columns and not self.answer:
            raise ValueError("answer（答えのファイル名）がありません / answer (file name) is missing")
        if set(self.answer_columns) - {"status", "message"}:
            raise ValueError("answer_columns に書けるのは status と message です / only status and message")
        return self


def _below(name: str) -> str:
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError("フォルダーの中の名前を書きます（/ で始まらず、.. を含まない） / a name inside the folder")
    return name


class FilesChoice(_Table):
    """``[adapter.files]``: a product that exports and imports files in a shared folder."""

    outbox: str = Field(min_length=1, description="folder where the product writes")
    inbox: str = Field(default="", description="folder where the product reads requests")
    format: Literal["csv", "tsv", "json"] = "csv"
    encoding: Literal["utf-8", "utf-8-sig", "cp932", "utf-16"] = "utf-8"
    settle_seconds: float = Field(default=5, ge=0, le=3600, description="until the export shows what was asked for")
    export: dict[str, Exported]
    request: dict[str, Request] = {}

    @model_validator(mode="after")
    def _known_and_complete(self) -> Self:
        _names("export", self.export, TABLES)
        _names("request", self.request, REQUESTS)
        if "applications" not in self.export:
            raise ValueError("export.applications: 申請の一覧は必要です / the list of applications is needed")
        for name, table in self.export.items():
            must, may = TABLES[name]
            _names(f"export.{name}.columns", table.columns, (*must, *may))
            for column in must:
                if column not in table.columns:
                    raise ValueError(f"export.{name}.columns.{column}: 列を書きます / column is missing")
        for name, request in self.request.items():
            _names(f"request.{name}.columns", request.columns, (*REQUESTS[name], *MAY_CARRY.get(name, ())))
            for column in REQUESTS[name]:
                if column not in request.columns:
                    raise ValueError(f"request.{name}.columns.{column}: 列を書きます / column is missing")
        if self.request and not self.inbox:
            raise ValueError("inbox: 依頼ファイルを置くフォルダーを書きます / folder for the requests is missing")
        return self


def _names(place: str, given: Iterable[str], known: Iterable[str]) -> None:
    words = tuple(known)
    for name in given:
        if name not in words:
            raise ValueError(
                f"{place}.{name}: ありません（あるもの: {', '.join(words)}） / unknown (known: {', '.join(words)})"
            )


class PythonChoice(_Table):
    """``[adapter.python]``: a small class that the vendor writes; it runs in a process of its own."""

    file: str = Field(min_length=1, description="Python file beside target.toml")
    name: str = Field(default="Product", pattern=r"^[A-Za-z_]\w*$")
    interpreter: str = Field(default="", description="empty: the one that runs the harness")
    settings: dict[str, str] = {}
    inherit_env: tuple[str, ...] = ()


class OperatorChoice(_Table):
    """``[adapter.operator]``: a person acts on the product's screen and answers, at the terminal or on a page."""

    answer_minutes: float = Field(default=30, gt=0, le=1440)
    page_port: int = Field(default=0, ge=0, le=65535)
    terminal: bool = True
    asks: tuple[Literal["persons", "quarantine_reason", "core_errors", "items", "attachments"], ...] = (
        "persons",
        "quarantine_reason",
        "core_errors",
    )


class AdapterChoice(_Table):
    """How the harness acts on the product and looks at it.

    ``trigger = "poll"``: the product takes in on its own schedule, every ``poll_seconds``; the harness waits.
    """

    kind: Literal["http", "command", "files", "python", "operator"] = "http"
    trigger: Literal["command", "poll"] = "command"
    poll_seconds: float = Field(default=60, gt=0, le=3600)
    commands: dict[str, tuple[str, ...]] = {}
    files: FilesChoice | None = None
    python: PythonChoice | None = None
    operator: OperatorChoice | None = None
    job_timeout_seconds: float = Field(default=120, gt=0, le=7200)
    call_timeout_seconds: float = Field(default=30, gt=0, le=600)

    @model_validator(mode="after")
    def _commands_are_complete(self) -> Self:
        wanted = set(COMMANDS) if self.kind == "command" else set()
        for name in sorted(wanted - self.commands.keys()):
            raise ValueError(f'commands.{name}: コマンドを書きます（例 ["./am.sh", "{name}"]） / command is missing')
        for name in sorted(self.commands.keys() - wanted):
            raise ValueError(f"commands.{name}: kind='command' の知らないコマンドです / unknown command")
        if any(not words for words in self.commands.values()):
            raise ValueError("commands: 空のコマンドがあります / an empty command")
        for name, words in self.commands.items():
            _placeholders(name, words)
        return self

    @model_validator(mode="after")
    def _has_its_table(self) -> Self:
        for name in ("files", "python", "operator"):
            given = getattr(self, name) is not None
            if given and self.kind != name:
                raise ValueError(f'{name}: kind = "{name}" のときだけ書きます / only with kind = "{name}"')
            if not given and self.kind == name and name != "operator":
                raise ValueError(f"{name}: [adapter.{name}] の節を書きます / write the table [adapter.{name}]")
        return self


def _placeholders(name: str, words: tuple[str, ...]) -> None:
    known = COMMANDS[name]
    for word in words:
        try:
            found = [field for _, field, _, _ in string.Formatter().parse(word) if field is not None]
        except ValueError:
            found = ["{"]
        for field in found:
            if field not in known:
                said = ", ".join(f"{{{one}}}" for one in known) or "なし / none"
                raise ValueError(
                    f"commands.{name}: {word} は使えません（使える値: {said}） / unknown placeholder (known: {said})"
                )
