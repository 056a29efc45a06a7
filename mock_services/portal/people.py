"""The portal's link to the synthetic municipality: who may sign in, with which card, and the one writer of packages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.attachments import AttachmentFile
from fixtures.cases.model import ItemTruth
from fixtures.draw import Draw
from fixtures.jpki.authority import Holder
from fixtures.population import Population, Resident
from fixtures.submission import Submission, signing_certificate
from fixtures.town import Card
from fixtures.wiring import Value
from fixtures.world import World
from interface_spec.procedures import Procedure
from interface_spec.profile import Profile

_SHAPES = ("couple-2", "single", "elder-couple", "parent-1", "three-generations", "couple-1")
_SIGN_IN_ROLES = ("head", "spouse", "elder", "daughter")


@dataclass(frozen=True)
class Person:
    """A resident who can sign in; ``number`` is the place in the list of test residents."""

    number: int
    resident: Resident
    card: Card
    household: tuple[Resident, ...]


@dataclass(frozen=True)
class Parcel:
    """What goes into one package, in the portal's own words."""

    procedure: Procedure
    dantai_code: str
    receipt_no: str
    received_at: datetime
    applicant_kind: str
    origin: str
    items: tuple[ItemTruth, ...]
    attachments: tuple[AttachmentFile, ...]
    login: Person | None
    signing: Person | None
    signature_fits: bool = True


class People(World):
    """A municipality of the fixtures, opened for the portal (its cards sign, its writer writes)."""

    def __init__(self, seed: int, reference_date: date, profile: Profile, dantai_code: str) -> None:
        super().__init__(seed=seed, reference_date=reference_date, profile=profile, dantai_code=dantai_code)

    @cached_property
    def mark(self) -> str:
        """The same for the same people, another one for any others."""
        stated = (self.seed, self.reference_date.isoformat(), self.municipality.dantai_code)
        return sha256(repr(stated).encode()).hexdigest()[:16]

    @property
    def population(self) -> Population:
        """The residents as a function, for applications in any number."""
        return self._town.population

    def registered(self) -> list[tuple[Resident, str, tuple[Card, ...]]]:
        """Every resident with 住民票コード, the 住記 number, and the certificates that the CS knows from the start.

        A certificate that is linked to another by mistake stands with that other.
        """
        residents = [one for one in self._town.everybody() if one.juminhyo_code]
        held: dict[int, list[Card]] = {}
        for card in (card for one in residents for card in self._town.cards(one.index) if card.known == "start"):
            held.setdefault(card.owner if card.at_first_of is None else card.at_first_of, []).append(card)
        return [(one, self._town.juki_number(one.index), tuple(held.get(one.index, ()))) for one in residents]

    @cached_property
    def persons(self) -> tuple[Person, ...]:
        """Two dozen adults with a valid card, households of every shape."""
        found: list[Person] = []
        for slot in range(4):
            for shape in _SHAPES:
                members = self._town.household_members(self._town.population.household_of_shape(shape, slot))
                adult = next(one for one in members if one.role in _SIGN_IN_ROLES)
                found.append(Person(len(found), adult, self._town.ensure_card(adult.index), members))
        return tuple(found)

    def form_bytes(self, items: tuple[ItemTruth, ...]) -> bytes:
        """The form document as it will stand in the package: what the resident signs."""
        rows: list[dict[str, Value]] = [
            {"item_id": i.item_id, "label": i.label, "group": i.group, "occurrence": i.occurrence, "value": i.value}
            for i in items
        ]
        return self.writer.table("form", rows)

    def sign_target(self, items: tuple[ItemTruth, ...]) -> str:
        return sha256(self.form_bytes(items)).hexdigest()

    def signing_holder(self, person: Person) -> Holder:
        stated = signing_certificate(person.card, person.resident)
        return self.jpki.signing.issue(stated.serial, stated.valid, stated.person)

    def login_holder(self, person: Person) -> Holder:
        card = person.card
        return self.jpki.authentication.issue(card.serial, (card.valid_from, card.valid_to))

    def holder_of(self, certificate: x509.Certificate) -> Person | None:
        """Whose 署名用 or 利用者証明用 certificate this is, bit by bit; None for any other certificate."""
        raw = certificate.public_bytes(Encoding.DER)
        for person in self.persons:
            if certificate.serial_number == person.card.sign_serial:
                holder = self.signing_holder(person)
            elif certificate.serial_number == person.card.serial:
                holder = self.login_holder(person)
            else:
                continue
            return person if holder.certificate.public_bytes(Encoding.DER) == raw else None
        return None

    def pack(self, parcel: Parcel) -> bytes:
        """The application ZIP, by the same writer as every package of the fixtures. Raises NotExpressible."""
        signing = parcel.signing
        anybody = signing or parcel.login or self.persons[0]
        submission = Submission(
            profile=self.profile,
            procedure=parcel.procedure,
            dantai_code=parcel.dantai_code,
            receipt_no=parcel.receipt_no,
            received_at=parcel.received_at,
            signer=anybody.resident,
            subject=anybody.resident,
            login=parcel.login.card if parcel.login else None,
            signing=signing_certificate(signing.card, signing.resident) if signing else None,
            items=parcel.items,
            attachments=list(parcel.attachments),
            draw=Draw("portal", self.seed, parcel.receipt_no),
            applicant_kind=parcel.applicant_kind,
            origin=parcel.origin,
            signed_items=None if parcel.signature_fits else (),
        )
        return self._builder.build(submission).zip_bytes
