"""What an adapter is: the harness's hands and eyes on a product that is a black box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from conformance.sentence import Sentence
from interface_spec.control import ApplicationDetail, ApplicationSummary, Health, IdentifyPerson, Job, ReviewChange

SEEABLE = ("clock", "items", "attachments", "persons", "candidates", "quarantine_reason", "core_errors", "history")
"""What a product may be unable to show through its adapter: a check that needs it is then 未検証, never 不適合."""


class ProductUnreachable(Sentence):
    """The product does not answer; names address and cause."""


class AdapterProblem(Sentence):
    """The product answers, but not as its control interface promises; or the adapter has no way to ask."""


class OperatorAway(Sentence):
    """The person who acts on the product did not answer in time: the run stops here and can be resumed."""


@dataclass(frozen=True)
class Expected:
    """One application that a round sends to the product."""

    receipt_no: str
    procedure_id: str


@dataclass(frozen=True)
class Sheet:
    """What a round is about, for an adapter that has a person to tell."""

    round: str
    number: int
    of: int
    ja: str
    en: str
    expected: tuple[Expected, ...]


@dataclass(frozen=True)
class Change:
    """Result of a change that the product may refuse; ``status`` as in HTTP, ``exchange`` its number on the tape."""

    status: int
    message: str
    detail: ApplicationDetail | None
    exchange: int


class Adapter(Protocol):
    """One product. Every method may raise ProductUnreachable or AdapterProblem."""

    @property
    def unseen(self) -> frozenset[str]:
        """Words of `SEEABLE` that this adapter cannot see."""
        ...

    def begin(self, sheet: Sheet, /) -> None: ...
    def health(self) -> Health: ...
    def sync(self) -> Job: ...
    def import_now(self) -> Job: ...
    def applications(self) -> list[ApplicationSummary]: ...
    def application(self, receipt_no: str) -> ApplicationDetail | None: ...
    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]: ...
    def review(self, receipt_no: str, change: ReviewChange) -> Change: ...
    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change: ...
    def close(self) -> None: ...


class Sighted:
    """An adapter that sees everything and has nobody to tell when a round begins."""

    @property
    def unseen(self) -> frozenset[str]:
        return frozenset()

    def begin(self, _sheet: Sheet, /) -> None:
        """Nobody to tell."""


def cannot(field: str, ja: str, en: str) -> AdapterProblem:
    """The way to ask was not declared: the step fails and the checks that rest on it are 未検証."""
    return AdapterProblem(field, ja, en)
