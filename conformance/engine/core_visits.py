"""The simulated core systems at the product's hand-over interface: they collect, and they ask for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.catalogue import Catalogue
from conformance.engine.contract import Contract
from conformance.engine.handover import Handover
from conformance.engine.masking import Masker
from conformance.engine.secrets import Redactor
from conformance.engine.truth import truth_of
from conformance.record import CoreReceived, Forbidden, Pull
from fixtures.cases import Case
from interface_spec.control import Review
from mock_services.control import Answer, Received

MOST_RAW = 200_000
"""Characters of a raw answer that are kept."""


@dataclass(frozen=True)
class CoreVisits:
    """What core systems do in a round. ``told`` makes a product's words fit for the record."""

    handover: Handover
    catalogue: Catalogue
    contract: Contract
    masker: Masker
    redact: Redactor
    told: Callable[[str], str]

    def collect(self, cases: list[Case]) -> tuple[Pull, ...]:
        """Every core system lists, fetches and acknowledges as the stimuli say. Raises AdapterProblem without an address."""
        answers = {}
        for case in cases:
            answer = self.catalogue.stimulus(case.name).core
            answers[case.receipt_no] = Answer(
                result=answer,
                item="account_no" if answer == "error" else "",
                reason="口座番号が基幹の登録と一致しません" if answer == "error" else "",
            )
        with self.handover.ready():
            return tuple(self._collect_one(core, answers) for core in self.handover.cores)

    def trespass(self, cases: list[Case]) -> tuple[Forbidden, ...]:
        """Every core system asks by 受付番号 for what is not for it, and somebody without a key asks for everything.

        Not for it: applications of its own that are not completed, and another core system's that still wait for their
        acknowledgement. Nothing is acknowledged. Raises AdapterProblem without an address.
        """
        owner = {case.receipt_no: truth_of(case).core_system for case in cases}
        waiting = [case.receipt_no for case in cases if self._completed(case) and self._core(case) == "none"]
        withheld = [case.receipt_no for case in cases if self._touched(case) and not self._completed(case)]
        found: list[Forbidden] = []
        with self.handover.ready():
            for core in self.handover.cores:
                own = [one for one in withheld if owner[one] == core]
                found += self._ask(core, own + [one for one in waiting if owner[one] != core])
                found += self._ask(core, [one for one in waiting if owner[one] == core], stranger=True)
        return tuple(found)

    def _touched(self, case: Case) -> bool:
        """Whether somebody looked at the case or tried to change it; the many others are all 未審査."""
        stimulus = self.catalogue.stimulus(case.name)
        return bool(stimulus.review or stimulus.illegal)

    def _core(self, case: Case) -> str:
        return self.catalogue.stimulus(case.name).core

    def _completed(self, case: Case) -> bool:
        stimulus = self.catalogue.stimulus(case.name)
        return bool(stimulus.review) and stimulus.review[-1] is Review.COMPLETED and not stimulus.reopen

    def _ask(self, core: str, wanted: list[str], *, stranger: bool = False) -> list[Forbidden]:
        result = self.handover.ask(core, wanted, stranger)
        if result is None:
            return []
        found = [
            Forbidden(
                core_system=core,
                stranger=stranger,
                receipt_no=one.receipt_no,
                status=one.status,
                delivered=_delivered(one),
            )
            for one in result.received
            if one.receipt_no in wanted
        ]
        if stranger:
            everything = Forbidden(
                core_system=core, stranger=True, receipt_no="", status=result.status, delivered=bool(result.rows)
            )
            found.append(everything)
        return found

    def _collect_one(self, core: str, answers: dict[str, Answer]) -> Pull:
        result = self.handover.visit(core, answers)
        masker = self.masker
        return Pull(
            core_system=core,
            listed=tuple(one if masker.ours(one) else masker.value(one) for one in result.listed),
            received=tuple(
                CoreReceived(
                    receipt_no=one.receipt_no,
                    fields=masker.data(dict(one.fields)),
                    items=tuple(masker.data(dict(item)) for item in one.items),
                    attachments=tuple(
                        {"seq": item.get("seq"), "size": item.get("real_size"), "sha256": item.get("real_sha256")}
                        for item in one.attachments
                    ),
                    raw=self.redact(masker.body(one.raw_json))[:MOST_RAW],
                    problems=tuple(map(self.told, one.problems)),
                )
                for one in result.received
                if masker.ours(one.receipt_no)
            ),
            acks=tuple((receipt, status) for receipt, status in result.acks),
            acknowledged=tuple(receipt for receipt, status in result.acks if self.contract.acknowledged(status)),
            problems=tuple(map(self.told, result.problems)),
        )


def _delivered(one: Received) -> bool:
    """Whether the answer holds anything of an application."""
    return bool(one.items) or any(value not in (None, "") for value in one.fields.values())
