"""The reference control interface: how a harness triggers and observes a 申請管理システム over HTTP (adapter ``http``).

It is ours, not part of any specification; a product that has none is driven by another adapter.
Bodies are JSON of the models below; every call carries ``Authorization: Bearer <control token>``.
Errors are ``{"code", "message"}``; a refused change answers 409 and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

BASE = "/control/v1"
HEALTH = f"{BASE}/health"  # GET → Health, no token needed
SYNC = f"{BASE}/sync"  # POST → Job: take over 番号紐付情報 and 宛名情報 now
IMPORTS = f"{BASE}/imports"  # POST → Job: one import from the download function now
JOB = f"{BASE}/jobs/{{job_id}}"  # GET → Job
APPLICATIONS = f"{BASE}/applications"  # GET ?offset&limit → ApplicationPage
APPLICATION = f"{BASE}/applications/{{receipt_no}}"  # GET → ApplicationDetail
ATTACHMENT = f"{BASE}/applications/{{receipt_no}}/attachments/{{seq}}"  # GET → the bytes
REVIEW = f"{BASE}/applications/{{receipt_no}}/review"  # POST ReviewChange → ApplicationDetail, 409 when not allowed
IDENTIFY = f"{BASE}/applications/{{receipt_no}}/identify"  # POST IdentifyPerson → ApplicationDetail


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Ingestion(StrEnum):
    """Axis 1: taking in. A quarantined application keeps its ZIP and its reason."""

    STORED = "stored"
    QUARANTINED = "quarantined"


class Review(StrEnum):
    """Axis 2: 審査状況."""

    UNREVIEWED = "unreviewed"  # 未審査
    REVIEWING = "reviewing"  # 審査中
    CORRECTION = "correction"  # 補正待ち
    COMPLETED = "completed"  # 審査完了
    REJECTED = "rejected"  # 却下
    WITHDRAWN = "withdrawn"  # 取下げ


class Handover(StrEnum):
    """連携状態 towards the core system."""

    NONE = "none"
    WAITING = "waiting"
    DELIVERED = "delivered"
    ERROR = "error"


class Role(StrEnum):
    SIGNER = "signer"  # 署名者（申請者）
    SUBJECT = "subject"  # 対象者（被保険者など）


class PersonState(StrEnum):
    IDENTIFIED = "identified"
    STAFF = "staff"  # a person has to decide; candidates and reasons are shown
    NONE = "none"  # staff decided: no number (住登外 etc.)


class Method(StrEnum):
    SERIAL = "serial"
    BASIC4 = "basic4"
    MANUAL = "manual"


class Health(_Wire):
    status: str = Field(description="ok | degraded")
    product: str
    version: str
    now: datetime = Field(description="the product's own clock")


class Job(_Wire):
    job_id: str
    kind: str = Field(description="sync | import")
    state: JobState
    message: str = Field(default="", description="one sentence for a person; the reason when failed")
    counts: dict[str, int] = {}


class FormItem(_Wire):
    item_id: str
    label: str
    group: str = ""
    occurrence: int = 1
    value: str = ""


class Attachment(_Wire):
    seq: int
    label: str = ""
    file_name: str
    media_type: str
    size: int
    sha256: str


class Candidate(_Wire):
    """One person whom staff may choose; ``atena_no`` is in the core system's own number space."""

    atena_no: str
    juki_atena_no: str = ""
    name: str
    birth_date: str
    gender: str
    address: str
    reasons: list[str] = []


class Person(_Wire):
    role: Role
    state: PersonState
    method: Method | None = None
    juki_atena_no: str = Field(default="", description="宛名番号 in the number space of 既存住基")
    core_system: str = ""
    atena_no: str = Field(default="", description="宛名番号 in the number space of core_system")
    candidates: list[Candidate] = []
    reasons: list[str] = []


class Event(_Wire):
    """One line of the application's own history (audit)."""

    at: datetime
    actor: str
    what: str
    reason: str = ""


class ApplicationSummary(_Wire):
    receipt_no: str
    procedure_id: str
    ingestion: Ingestion
    review: Review
    handover: Handover
    received_at: datetime = Field(description="受付日時")
    arrived_at: datetime = Field(description="到達日時 (the State's clock)")
    imported_at: datetime = Field(description="取込日時 (the product's clock)")
    version: int = Field(description="grows with every change: optimistic locking")


class ApplicationPage(_Wire):
    total: int
    items: list[ApplicationSummary]


class ApplicationDetail(ApplicationSummary):
    dantai_code: str = ""
    quarantine_reason: str = ""
    items: list[FormItem] = []
    attachments: list[Attachment] = []
    persons: list[Person] = []
    core_errors: list[str] = Field(default=[], description="what the core system answered as error, newest last")
    history: list[Event] = []


class ReviewChange(_Wire):
    to: Review
    reason: str = ""
    version: int | None = Field(default=None, description="refused with 409 when the application has moved on")
    actor: str = "harness"


class IdentifyPerson(_Wire):
    """A staff decision: ``atena_no`` (core system's space), or none for a person without number; reason required."""

    role: Role
    atena_no: str | None
    reason: str = Field(min_length=1)
    actor: str = "harness"


class Problem(_Wire):
    code: str
    message: str
