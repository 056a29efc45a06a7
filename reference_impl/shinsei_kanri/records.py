"""What this system knows about applications and people: typed records, without storage and without HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from interface_spec.control import Candidate, Handover, Ingestion, Method, PersonState, Review, Role


@dataclass(frozen=True)
class Listed:
    """A row of the download function's list: what the State says about one application."""

    receipt_no: str
    procedure_id: str
    dantai_code: str
    received_at: datetime
    arrived_at: datetime
    size: int
    sha256: str


class FormValue(NamedTuple):
    """One item of the form, character by character as it was sent."""

    item_id: str
    label: str
    group: str
    occurrence: int
    value: str


class Typed(NamedTuple):
    """What the procedure's definition makes of a form value; the value itself stays as it was sent.

    ``type`` is that of the definition, "" for an item that the definition does not know. At most one of ``day``,
    ``number`` and ``flag`` is there; none when the value is text, empty, or does not fit its type.
    """

    type: str = ""
    day: date | None = None
    number: int | None = None
    flag: bool | None = None


Content = bytes | memoryview
"""The bytes of a file; a large one is a view, so that it is never copied as a whole."""


@dataclass(frozen=True)
class AttachedFile:
    seq: int
    label: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    body: Content = field(repr=False)


@dataclass(frozen=True)
class Basic4:
    """基本4情報 (氏名, 生年月日, 性別, 住所) as somebody stated them; "" or None is "not stated".

    ``gender`` is male, female or unknown. ``birth_text`` keeps what was written when it is no date.
    """

    name: str = ""
    birth_date: date | None = None
    gender: str = ""
    address: str = ""
    birth_text: str = ""

    @property
    def present(self) -> bool:
        return bool(self.name or self.birth_date or self.birth_text or self.gender or self.address)

    @property
    def complete(self) -> bool:
        return bool(self.name and self.birth_date and self.gender and self.address)


@dataclass(frozen=True)
class Verification:
    """電子署名検証結果: ``result`` is a canonical code (valid, revoked, …), ``serial`` the number itself."""

    result: str
    reason: str
    verified_at: datetime
    serial: int | None
    basic4: Basic4
    name_substituted: bool = False
    address_substituted: bool = False


@dataclass(frozen=True)
class Application:
    """One unpacked application ZIP."""

    receipt_no: str
    procedure_id: str
    procedure_name: str
    dantai_code: str
    applied_at: datetime
    applicant_kind: str
    origin: str
    items: tuple[FormValue, ...]
    attachments: tuple[AttachedFile, ...]
    verification: Verification
    form_pdf: Content = field(repr=False)


@dataclass(frozen=True)
class Link:
    """番号紐付: a certificate serial and the resident's 宛名番号 in the number space of 既存住基."""

    serial: int
    atena_no: str
    valid_from: date
    valid_to: date
    state: str


@dataclass(frozen=True)
class Atena:
    """A person in one core system's 宛名情報; ``atena_no`` is in that system's own number space."""

    atena_no: str
    juki_atena_no: str
    name: str
    kana: str
    birth_date: date | None
    gender: str
    address: str
    state: str

    @property
    def basic4(self) -> Basic4:
        return Basic4(self.name, self.birth_date, self.gender, self.address)


@dataclass(frozen=True)
class Decision:
    """Who a person of an application is, or why staff have to say it."""

    role: Role
    core_system: str
    state: PersonState
    method: Method | None = None
    juki_atena_no: str = ""
    atena_no: str = ""
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acknowledgement:
    """What the core system answered: ``result`` is updated or error."""

    result: str
    error_item: str = ""
    error_reason: str = ""


@dataclass(frozen=True)
class Status:
    """The state of one application that the rules of review and hand-over decide about.

    ``drop_number``: the file drop that carries it to the core system, until staff review it again.
    """

    receipt_no: str
    procedure_id: str
    ingestion: Ingestion
    review: Review
    handover: Handover
    version: int
    persons: tuple[Decision, ...] = ()
    acknowledged: Acknowledgement | None = None
    drop_number: int | None = None
