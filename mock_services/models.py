"""What travels over the control API (and the recorder's file): plain data, pydantic, no HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, field_validator

from mock_services.wiring import canonical_serial


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Health(_Wire):
    status: Literal["ok"] = "ok"
    now: AwareDatetime = Field(description="the world's clock")
    profile: str
    relay: Literal["running", "stopped", "none"]
    exchanges: int = Field(description="number of the newest recorded exchange")
    dropped: int = Field(description="exchanges not recorded: the recorder's bound was reached, or the disk is full")
    relay_lines: int = Field(description="lines of the relay's access log")
    relay_log_full: bool = Field(
        description="the relay's access log has reached its bound: what comes now is not in it"
    )


class Clock(_Wire):
    now: AwareDatetime


class SeedOrder(_Wire):
    """Fill the whole world anew, as ``fixtures`` of the configuration does at the start. The profile stays."""

    seed: int = Field(ge=0, description="乱数種 / seed of the synthetic municipality")
    applications: int = Field(default=40, ge=0, le=10_000_000, description="置く申請の数 / how many applications")
    start_clock: AwareDatetime | None = Field(
        default=None,
        description="世界の時計をこの時刻にする。省くと時計はそのまま / the world's clock is set to it; none: the clock goes on",
    )
    dantai_code: str | None = Field(
        default=None, description="団体コード。省くと今のまま / the municipality; none: the one that it is now"
    )


class Seeded(_Wire):
    """What the world is filled with now."""

    seed: int
    applications: int
    start_clock: AwareDatetime = Field(description="基準の時刻 / the moment that the municipality is made for")
    dantai_code: str


class ApplicationMeta(_Wire):
    """One application as the download function shows it; ``visible_at``: in no list before (late arrival)."""

    receipt_no: str = Field(min_length=1)
    procedure_id: str = Field(min_length=1)
    dantai_code: str = Field(min_length=1)
    received_at: AwareDatetime
    arrived_at: AwareDatetime
    visible_at: AwareDatetime | None = None
    resident_status: str = Field(default="processing", description="canonical value of code list resident_status")


class LaidApplication(ApplicationMeta):
    """An application together with its ZIP (base64), for many small ones at once."""

    package: Base64Bytes


class StatusChange(_Wire):
    """Another 処理状況 of one application, canonical (resident_status), as the resident sees it from now on."""

    receipt_no: str = Field(min_length=1)
    status: str
    message: str = Field(default="", max_length=1000)


class LinkRecord(_Wire):
    """One row of 番号紐付情報; ``serial`` is canonical upper-case hex, ``state`` canonical (certificate_state)."""

    serial: str
    atena_no: str = Field(min_length=1)
    valid_from: date
    valid_to: date
    state: str

    @field_validator("serial")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return canonical_serial(value)


class AtenaRecord(_Wire):
    """One row of 宛名情報 of a core system; ``gender`` and ``state`` canonical."""

    atena_no: str = Field(min_length=1)
    juki_atena_no: str = ""
    name: str
    kana: str = ""
    birth_date: date | None = None
    gender: str
    address: str
    state: str


class TogoRecord(_Wire):
    """One 宛名番号 in 団体内統合宛名. ``togo_atena_no`` "" = none yet; ``merged_into``: 名寄せ先 in the same business."""

    gyomu_id: str = Field(min_length=1)
    atena_no: str = Field(min_length=1)
    togo_atena_no: str = ""
    merged_into: str = ""


class Fault(_Wire):
    """An injected disturbance of one system; names and parameters: `mock_services.fault_kinds.FAULTS`."""

    name: str
    system: str = Field(default="download", description="see the README; * = every system where it can strike")
    operation: str = Field(default="*", description="operation name of that system's surface in the profile, or *")
    times: int | None = Field(default=None, ge=1, description="how often it strikes; null = until cleared")
    percent: int = Field(default=100, ge=1, le=100, description="of the chances to strike it takes so many, drawn")
    seed: int = Field(default=0, description="of that draw: the same calls are struck for the same seed")
    receipts: list[str] = Field(
        default=[], description="download only: it strikes only calls that name one of these 受付番号; empty = any"
    )
    after: list[str] = Field(
        default=[], description="download only: it begins once the ZIPs of all these 受付番号 have been delivered whole"
    )
    params: dict[str, Any] = {}


class FaultState(_Wire):
    """``began_*``: only of a fault with ``after``: the exchange with which, and the (real) time when it began."""

    fault: Fault
    applied: int = Field(description="how often it has struck so far")
    began_seq: int | None = None
    began_at: AwareDatetime | None = None
    under_way: list[int] = Field(
        default=[], description="tls: later exchanges over connections whose handshake had been before"
    )


class Body(_Wire):
    """A recorded body: its text when it is small text; otherwise fetch it by digest."""

    text: str | None
    sha256: str
    size: int


class Exchange(_Wire):
    """One recorded exchange of one system. ``status`` 0: no answer was sent (or none came)."""

    seq: int
    at: AwareDatetime
    system: str = Field(description="download | juki | core:<id> (宛名情報) | pull:<id> (基幹 as client)")
    operation: str = Field(description="operation name of the profile, empty when the call is none of them")
    peer: str
    method: str
    target: str
    request_headers: list[tuple[str, str]]
    request_body: Body
    status: int
    response_headers: list[tuple[str, str]]
    response_body: Body
    fault: str = ""


Cause = Literal["account", "token", "key", "none"]


class StrangeCalls(_Wire):
    """Calls of one kind from one address: ``cause`` tells which credential is not of this run, or that there is none.

    ``aside``: refused and kept out of the evidence. ``operation`` is the profile's name, empty when the call is none.
    """

    system: str
    operation: str
    peer: str = Field(description="address without port")
    cause: Cause
    aside: bool
    count: int = Field(ge=1)
    bytes: int = Field(ge=0, description="of the bodies that they sent")
    first: AwareDatetime
    last: AwareDatetime


class Answer(_Wire):
    """What the core system acknowledges for one application; ``none``: it fetches and never acknowledges."""

    result: Literal["updated", "error", "none"] = "updated"
    item: str | None = None
    reason: str | None = None


class PullPlan(_Wire):
    """One run of the core system against the product's hand-over surface."""

    base_url: str
    api_key: str
    answers: dict[str, Answer] = {}
    default: Answer = Answer()
    only: list[str] | None = Field(default=None, description="take only these of the listed ones")
    unlisted: list[str] = Field(
        default=[], description="fetch these too although they may not be listed; never acknowledged"
    )
    procedure_id: str | None = Field(default=None, description="ask the list for this procedure only")
    timeout_seconds: float = Field(default=30.0, gt=0, le=300, description="one call, its answer and all")
    whole_seconds: float = Field(
        default=100.0, gt=0, le=3600, description="the whole visit: what is left then is not asked"
    )


class Received(_Wire):
    """One fetched application: canonical values (times ISO 8601), the raw answer and where it breaks the profile."""

    receipt_no: str
    status: int = Field(description="HTTP status of the fetch; 0 when no answer came")
    fields: dict[str, str | int | None] = {}
    items: list[dict[str, str | int | None]] = []
    attachments: list[dict[str, str | int | None]] = Field(
        default=[], description="canonical row plus real_size, real_sha256 of the fetched bytes and status"
    )
    raw_json: str = ""
    problems: list[str] = []


class PullResult(_Wire):
    status: int = Field(description="HTTP status of the list call; 0 when no answer came")
    listed: list[str] = []
    rows: list[dict[str, str | int | None]] = []
    received: list[Received] = []
    acks: list[tuple[str, int]] = Field(default=[], description="(receipt number, HTTP status of the ack)")
    ack_states: dict[str, str] = Field(default={}, description="連携状態 that the product answered, canonical")
    problems: list[str] = []


class Problem(_Wire):
    """Every refusal of the control API."""

    code: str
    message: str
