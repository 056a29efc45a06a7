"""Procedures (手続) as data: who, what is asked, what is attached, where it is received.

One TOML file per procedure below ``procedures/``. Ids are ours and stable (K01, C01, …); the real 手続ID is not public.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interface_spec.errors import SpecError, first_problem
from interface_spec.profile import Provenance

PROCEDURES = Path(__file__).parent / "procedures"

ATTACHMENT_TYPES = [
    "xls",
    "xlsx",
    "doc",
    "docx",
    "ppt",
    "pptx",
    "pdf",
    "jpeg",
    "jpg",
    "png",
    "gif",
    "tiff",
    "tif",
    "xml",
    "txt",
    "csv",
]  # 公開: マイナポータル FAQ 4288


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FormItemSpec(_Spec):
    """One item of the form. ``group`` names a repeated group of `Procedure.groups`; "" is a single item."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    ja: str
    type: Literal["text", "kana", "date", "integer", "choice", "phone", "postal", "flag"]
    length: int = Field(default=200, ge=1, le=4000)
    required: bool = True
    group: str = ""
    choices: tuple[str, ...] = ()
    subject: Literal["", "name", "kana", "birth_date", "gender", "address"] = Field(
        default="", description="this item states that part of the subject's identity (typed data, never signed)"
    )

    @model_validator(mode="after")
    def _choice_has_choices(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError(
                "choices は type='choice' のときだけ書きます / choices go with type 'choice' and only there"
            )
        return self


class GroupSpec(_Spec):
    """A group of items that repeats (児童 …), ``least`` to ``most`` times."""

    ja: str
    least: int = Field(default=0, ge=0)
    most: int = Field(ge=1)


class AttachmentSpec(_Spec):
    id: str
    ja: str
    required: bool = False


class Procedure(_Spec):
    """One procedure. ``kind`` decides its words: a 届出 is never 却下."""

    id: str
    official_id: str = Field(default="", description="the real 手続ID when somebody who holds it fills it in")
    ja: str
    en: str
    kind: Literal["申請", "届出", "申出"]
    field: str = Field(description="分野 (子育て, 介護, 被災者支援, …)")
    ministry: str = Field(default="", description="所管")
    target: Literal["市区町村", "都道府県", "両方"] = "市区町村"
    signing: Literal["required", "optional", "none"]
    zone: Literal["mynumber", "lgwan", "none"] = Field(
        description="where it is received; lgwan never enters 利用事務系; none: outside of this configuration"
    )
    core_system: str = Field(default="", description="target core system id; empty when zone is lgwan")
    subject: Literal["signer", "named"] = Field(
        default="signer", description="signer: the applicant is the subject; named: the form names another person"
    )
    outside: str = Field(
        default="", description="why it does not pass through this configuration: it is listed and never sent"
    )
    groups: dict[str, GroupSpec] = {}
    items: tuple[FormItemSpec, ...]
    attachments: tuple[AttachmentSpec, ...] = ()
    source: str = Field(description="where the name stands (手順書1.0 図表2 …)")
    provenance: Provenance = Field(default="仮定", description="of the item list; the name itself is 公開")
    note: str = ""

    @model_validator(mode="after")
    def _ids_and_groups(self) -> Self:
        for what, ids in (("項目", [one.id for one in self.items]), ("添付", [one.id for one in self.attachments])):
            if len(set(ids)) != len(ids):
                raise ValueError(f"同じ{what}IDが二度あります / an id stands twice")
        named = {item.group for item in self.items if item.group}
        if named != set(self.groups):
            raise ValueError(
                f"items の group と groups が一致しません: {sorted(named ^ set(self.groups))} / groups and items differ"
            )
        return self

    @model_validator(mode="after")
    def _place(self) -> Self:
        if (self.zone == "mynumber") != bool(self.core_system):
            raise ValueError(
                "core_system は zone='mynumber' のときだけ書きます / core_system goes with zone 'mynumber'"
            )
        if bool(self.outside) != (self.zone == "none") or bool(self.outside) == bool(self.items):
            raise ValueError(
                "構成の外の手続は outside と zone='none' を書き、items を空にします / outside goes with zone 'none' and no items"
            )
        return self

    @model_validator(mode="after")
    def _named_subject_is_stated(self) -> Self:
        stated = [item.subject for item in self.items if item.subject]
        if len(set(stated)) != len(stated) or any(item.subject and item.group for item in self.items):
            raise ValueError(
                "対象者の項目は一つずつ、項目群の外に書きます / state each part of the subject once, in no group"
            )
        if (self.subject == "named") != bool(stated) or (stated and not {"name", "birth_date"} <= set(stated)):
            raise ValueError(
                "subject='named' には対象者の氏名と生年月日の項目が要ります（それ以外では書きません） / "
                "subject 'named' needs items for the name and the birth date, and only then"
            )
        return self


@lru_cache(maxsize=1)
def load_procedures() -> dict[str, Procedure]:
    """All procedures by id. Raises SpecError naming file and place."""
    return read_procedures(PROCEDURES)


def read_procedures(folder: Path) -> dict[str, Procedure]:
    """The procedures in ``folder`` by id. Raises SpecError naming file and place."""
    found: dict[str, Procedure] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            procedure = Procedure.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise SpecError(path.name, "", f"TOML として読めません / not readable as TOML: {error}") from None
        except ValidationError as error:
            raise SpecError(path.name, *first_problem(error)) from None
        if procedure.id != path.stem.split("-")[0]:
            raise SpecError(path.name, "id", "ファイル名の先頭と一致しません / differs from the file name")
        if procedure.id in found:
            raise SpecError(
                path.name, "id", f"手続 {procedure.id} は別のファイルにもあります / the id stands in two files"
            )
        found[procedure.id] = procedure
    return found
