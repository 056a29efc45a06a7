"""What travels over the control API for the CS and the master of 既存住基."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from mock_services.wiring import canonical_serial


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Code = Annotated[str, Field(pattern=r"^[0-9]{11}$", description="住民票コード")]


class JukiPerson(_Wire):
    """One line of the 住民票コードマスタ of this world's town."""

    juminhyo_code: Code
    atena_no: str = Field(min_length=1)


class _Certificate(_Wire):
    serial: str
    valid_from: date
    valid_to: date
    medium: Literal["card", "smartphone"] = "card"

    @field_validator("serial")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return canonical_serial(value)


class Register(_Wire):
    """People become residents of a town."""

    event: Literal["register"]
    dantai_code: str
    persons: list[Code]


class Issue(_Certificate):
    event: Literal["issue"]
    dantai_code: str
    juminhyo_code: Code
    state: Literal["valid", "revoked", "expired"] = "valid"


class Replace(_Certificate):
    """更新・再発行: ``old`` is revoked, ``serial`` valid."""

    event: Literal["renew", "reissue"]
    dantai_code: str
    old: str

    @field_validator("old")
    @classmethod
    def _canonical_old(cls, value: str) -> str:
        return canonical_serial(value)


class End(_Wire):
    """失効・有効期間満了."""

    event: Literal["revoke", "expire"]
    dantai_code: str
    serial: str

    @field_validator("serial")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return canonical_serial(value)


class Move(_Wire):
    """The old town has finished the 転出届: 転出証明書情報 goes CS → CS."""

    event: Literal["move"]
    juminhyo_code: Code
    from_dantai: str
    to_dantai: str
    moved_on: date


class Arrive(_Wire):
    """The new town has taken the 転入届 at its counter."""

    event: Literal["arrive"]
    juminhyo_code: Code
    dantai_code: str


CsEvent = Annotated[Register | Issue | Replace | End | Move | Arrive, Field(discriminator="event")]


class ExchangeOrder(_Wire):
    """One exchange of 既存住基 with the CS; ``again``: the same request once more (再送要求)."""

    wanted: Literal["full", "diff", "persons"] = "diff"
    persons: list[Code] = []
    again: bool = False


class ExchangeResult(_Wire):
    """``reason`` "" = taken over; else partial, encoding, totals, sequence, format, missing, or the CS's own result."""

    request: str
    answers: list[str]
    reason: str
    detail: str
    faults: list[str]
    records: int
    upserts: int
    deletes: int
    generation: int
    last_seq: int
    unresolved: int


class HistoryLine(_Wire):
    """One line of the link table's history; never a 住民票コード."""

    serial: str
    atena_no: str
    state: str
    reason: str
    since: AwareDatetime
    until: AwareDatetime | None


class DropResult(_Wire):
    folder: str
    names: list[str]
    faults: list[str]


class CsState(_Wire):
    """Counts only: people stay in the CS."""

    dantai_code: str
    residents: int
    certificates: int
    generation: int
    tenshutsu: int = Field(description="転出証明書情報 that arrived here")
