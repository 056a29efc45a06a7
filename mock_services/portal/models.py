"""ぴったりサービス: drafts, what belongs to them, and what becomes of them when they are sent. No HTTP.

公開: only what was sent gets a 受付番号. 仮定: a draft is made first, files and signature are added, then it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fixtures.attachments import AttachmentFile
from fixtures.cases.model import ItemTruth
from interface_spec.procedures import ATTACHMENT_TYPES, Procedure
from mock_services.clock import WorldClock
from mock_services.models import ApplicationMeta
from mock_services.portal import hikkoshi
from mock_services.portal.errors import (
    BadItemsError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    RefusedTypeError,
    TooLargeError,
)
from mock_services.portal.forms import Problem, Typed, check
from mock_services.portal.people import Parcel, People, Person
from mock_services.wiring import JST

FORM_VERSION = 1
"""Every form of this repository is its first edition (仮定)."""
_DRAFTS_KEPT = 5000
_PACKAGE_OVERHEAD = 200_000


@dataclass(frozen=True)
class File:
    seq: int
    label: str
    name: str
    data: bytes


@dataclass
class Draft:
    """An application that was not sent yet; ``receipt_no`` "" until then. ``owner``: the API client, or the portal.

    ``sender``: who signed it or signed in, once it was sent; ``pair``: the 転入予約 of a 転出届, and the other way round.
    """

    draft_id: str
    owner: str
    procedure: Procedure
    dantai_code: str
    applicant_kind: str
    items: tuple[ItemTruth, ...]
    sign_target: str
    content: str
    files: dict[int, File] = field(default_factory=dict)
    receipt_no: str = ""
    received_at: datetime | None = None
    sender: Person | None = None
    pair: Draft | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        return sum(len(one.data) for one in self.files.values())


@dataclass(frozen=True)
class Proofs:
    """Who signed in and who signed; None = nobody (where the procedure allows that)."""

    login: Person | None = None
    signing: Person | None = None
    fits: bool = True


@dataclass(frozen=True)
class NewDraft:
    procedure_id: str
    dantai_code: str
    applicant_kind: str
    form_version: int
    idempotency_key: str
    typed: tuple[Typed, ...]


@dataclass(frozen=True)
class Rules:
    """Limits and rules of this portal. ``arrival``: how long until the download function lists it."""

    towns: tuple[str, ...]
    package_bytes: int
    package_entries: int
    receipt_length: int
    arrival: timedelta


class PortalStore:
    """Drafts and receipts. ``lay_down`` puts a finished package into the download function."""

    def __init__(
        self,
        clock: WorldClock,
        people: People,
        procedures: Iterable[Procedure],
        rules: Rules,
        lay_down: Callable[[ApplicationMeta, bytes], None],
        key: bytes,
    ) -> None:
        self._clock, self.people, self.rules, self._lay_down, self._key = clock, people, rules, lay_down, key
        self.procedures = {one.id: one for one in procedures if not one.outside}
        self._made = 0
        self.on_pair: list[Callable[[Draft], None]] = []
        """Who is told of a 転出届 whose 転入予約 is known now."""
        self.reset()

    def reset(self) -> None:
        """Forget drafts and receipts; no id is ever given out twice."""
        self._drafts: dict[str, Draft] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._receipts: dict[str, Draft] = {}

    def take_over(self, filled: PortalStore) -> None:
        """The people and towns of ``filled`` in the place of ours, and nothing that ours had sent."""
        self.reset()
        self.people, self.rules = filled.people, filled.rules

    def offered(self, dantai_code: str) -> list[Procedure]:
        """The procedures of a town. NotFoundError for a town that is not on this portal."""
        if dantai_code not in self.rules.towns:
            raise NotFoundError
        return list(self.procedures.values())

    def procedure(self, dantai_code: str, procedure_id: str) -> Procedure:
        found = {one.id: one for one in self.offered(dantai_code)}.get(procedure_id)
        if found is None:
            raise NotFoundError
        return found

    def create(self, owner: str, new: NewDraft) -> Draft:
        """A draft, or the one that the same key made before. BadItemsError, NotFoundError; ConflictError: key used anew."""
        content = hashlib.sha256(repr((new.procedure_id, new.dantai_code, new.applicant_kind, new.typed)).encode())
        known = self._by_key.get((owner, new.idempotency_key))
        if known is not None and known in self._drafts:
            if self._drafts[known].content != content.hexdigest():
                raise ConflictError
            return self._drafts[known]
        procedure = self.procedure(new.dantai_code, new.procedure_id)
        if new.form_version != FORM_VERSION:
            raise BadItemsError([f"様式の版は {FORM_VERSION} です"])
        problems: list[Problem] = check(procedure, new.typed)
        if problems:
            raise BadItemsError([one.ja for one in problems])
        items = _in_form_order(procedure, new.typed)
        self._made += 1
        draft_id = hmac.new(self._key, f"draft/{self._made}".encode(), hashlib.sha256).hexdigest()[:32]
        target = self.people.sign_target(items)
        draft = Draft(
            draft_id, owner, procedure, new.dantai_code, new.applicant_kind, items, target, content.hexdigest()
        )
        self._forget_the_oldest()
        self._drafts[draft_id] = draft
        self._by_key[owner, new.idempotency_key] = draft_id
        return draft

    def draft(self, owner: str, draft_id: str) -> Draft:
        """NotFoundError for another's draft too."""
        found = self._drafts.get(draft_id)
        if found is None or found.owner != owner:
            raise NotFoundError
        return found

    def attach(self, draft: Draft, file: File) -> None:
        """Add a file, or replace the one of that 連番.

        NotFoundError for a draft that was forgotten meanwhile; ConflictError, RefusedTypeError, TooLargeError,
        BadRequestError.
        """
        self._still_there(draft)
        if draft.receipt_no:
            raise ConflictError
        extension = file.name.rpartition(".")[2].lower()
        if extension not in ATTACHMENT_TYPES:
            raise RefusedTypeError
        if not 1 <= file.seq <= self.rules.package_entries or not _is_file_name(file.name):
            raise BadRequestError
        replaced = draft.files.get(file.seq)
        size = draft.size - (len(replaced.data) if replaced else 0) + len(file.data)
        if size + _PACKAGE_OVERHEAD > self.rules.package_bytes:
            raise TooLargeError
        draft.files[file.seq] = file

    def submit(self, draft: Draft, proofs: Proofs, origin: str) -> Draft:
        """Send it: pack, sign, verify, lay it into the download function.

        NotFoundError for a draft that was forgotten meanwhile; ConflictError, BadItemsError.
        """
        self._still_there(draft)
        if draft.receipt_no:
            raise ConflictError
        _check_proofs(draft.procedure, proofs)
        missing = [one.ja for one in draft.procedure.attachments if one.required and one.ja not in _labels(draft)]
        if missing:
            raise BadItemsError([f"「{one}」を添付してください" for one in missing])
        if sorted(draft.files) != list(range(1, len(draft.files) + 1)):
            raise BadItemsError(["添付ファイルの連番が 1 から続いていません"])
        if len(draft.files) + len(self.people.profile.package.documents) + 1 > self.rules.package_entries:
            raise TooLargeError
        now = self._clock.now().replace(microsecond=0)
        receipt_no = self._receipt_no(draft, now)
        package = self.people.pack(
            Parcel(
                procedure=draft.procedure,
                dantai_code=draft.dantai_code,
                receipt_no=receipt_no,
                received_at=now,
                applicant_kind=draft.applicant_kind,
                origin=origin,
                items=draft.items,
                attachments=tuple(
                    AttachmentFile(one.label, one.name, one.data) for _, one in sorted(draft.files.items())
                ),
                login=proofs.login,
                signing=proofs.signing,
                signature_fits=proofs.fits,
            )
        )
        if len(package) > self.rules.package_bytes:
            raise TooLargeError
        arrived_at = now + self.rules.arrival
        self._lay_down(
            ApplicationMeta(
                receipt_no=receipt_no,
                procedure_id=draft.procedure.id,
                dantai_code=draft.dantai_code,
                received_at=now,
                arrived_at=arrived_at,
                visible_at=arrived_at if self.rules.arrival else None,
            ),
            package,
        )
        draft.receipt_no, draft.received_at = receipt_no, now
        draft.sender = proofs.signing or proofs.login
        self._receipts[receipt_no] = draft
        self._find_pair(draft)
        return draft

    def _still_there(self, draft: Draft) -> None:
        if self._drafts.get(draft.draft_id) is not draft:
            raise NotFoundError

    def _find_pair(self, draft: Draft) -> None:
        """The newest of the same move that has none yet."""
        if draft.procedure.id not in (hikkoshi.TENSHUTSU, hikkoshi.YOYAKU):
            return
        for other in reversed(self._receipts.values()):
            if other.pair is None and hikkoshi.are_a_pair(draft, other):
                draft.pair, other.pair = other, draft
                for tell in self.on_pair:
                    tell(draft if draft.procedure.id == hikkoshi.TENSHUTSU else other)
                return

    def receipt(self, owner: str, receipt_no: str) -> Draft:
        """What became a 受付番号. NotFoundError for another's too."""
        found = self._receipts.get(receipt_no)
        if found is None or found.owner != owner:
            raise NotFoundError
        return found

    def sent(self, receipt_no: str) -> Draft | None:
        """What became a 受付番号, whoever sent it."""
        return self._receipts.get(receipt_no)

    def receipts(self, owner: str) -> list[Draft]:
        """Everything that ``owner`` sent, newest first."""
        return [one for one in reversed(self._receipts.values()) if one.owner == owner]

    def _receipt_no(self, draft: Draft, now: datetime) -> str:
        digest = hmac.new(self._key, f"receipt/{draft.draft_id}".encode(), hashlib.sha256).digest()
        opaque = b32encode(digest[:10]).decode()
        return f"{now.astimezone(JST):%y%m%d}{opaque}"[: self.rules.receipt_length]

    def _forget_the_oldest(self) -> None:
        if len(self._drafts) >= _DRAFTS_KEPT:
            oldest = next(iter(self._drafts))
            del self._drafts[oldest]
            self._by_key = {key: one for key, one in self._by_key.items() if one != oldest}


def _check_proofs(procedure: Procedure, proofs: Proofs) -> None:
    if procedure.signing == "required" and (proofs.signing is None or proofs.login is None):
        raise BadItemsError(["この手続には電子署名が要ります"])
    if procedure.signing == "none" and (proofs.signing is not None or proofs.login is not None):
        raise BadItemsError(["この手続に電子署名は要りません"])
    if proofs.signing is not None and proofs.login is not None and proofs.signing is not proofs.login:
        raise BadItemsError(["署名した人とログインした人が違います"])


def _labels(draft: Draft) -> set[str]:
    return {one.label for one in draft.files.values()}


def _is_file_name(name: str) -> bool:
    bare = not any(char in name for char in '/\\:*?"<>|') and name.isprintable()
    return bare and 0 < len(name) <= 255 and not name.startswith(".")


def _in_form_order(procedure: Procedure, typed: Iterable[Typed]) -> tuple[ItemTruth, ...]:
    """Single items in the form's order, then each group, occurrence by occurrence; what was left empty stays empty."""
    values = {one.key: one.value for one in typed}
    found = [
        ItemTruth(one.id, one.ja, "", 1, values.get((one.id, "", 1), "")) for one in procedure.items if not one.group
    ]
    for group in procedure.groups:
        members = [one for one in procedure.items if one.group == group]
        count = max((number for _, of, number in values if of == group), default=0)
        for number in range(1, count + 1):
            found += [ItemTruth(i.id, i.ja, group, number, values.get((i.id, group, number), "")) for i in members]
    return tuple(found)
