"""③-3 as configured: the patterns that each procedure uses, and for pattern ii what 団体内統合宛名 says beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from interface_spec.control import Method, PersonState, Role
from interface_spec.procedures import Procedure
from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import identify
from reference_impl.shinsei_kanri.records import Atena, Decision, FormValue, Verification
from reference_impl.shinsei_kanri.storage.people import Ahead, SqlDirectory
from reference_impl.shinsei_kanri.togo import Resolved, TogoClient, TogoTrouble

USUAL = frozenset({"i", "iii"})
PATTERNS = frozenset({"i", "ii", "iii"})


NOTHING = Resolved()
IN_VAIN = "団体内統合宛名に、この基幹の宛名番号がありません / 団体内統合宛名 knows no number in this core system"


@dataclass(frozen=True)
class Prepared:
    """What 団体内統合宛名 answered about the holder of a certificate, asked before the database transaction begins."""

    juki_atena_no: str = ""
    resolved: Resolved = NOTHING
    trouble: str = ""

    @property
    def in_vain(self) -> bool:
        """It was asked, answered, and gave no number in the core system."""
        return bool(self.juki_atena_no and not self.trouble and not self.resolved.atena_nos)


NOTHING_ASKED = Prepared()


@dataclass(frozen=True)
class Question:
    """Who are the people of this application?"""

    items: Sequence[FormValue]
    verification: Verification
    procedure_id: str
    prepared: Prepared


class PreparedDirectory:
    """Pattern ii: from the resident to the core system's number by 団体内統合宛名, instead of by the core's own copy."""

    def __init__(self, inner: Ahead, prepared: Prepared) -> None:
        self._inner, self._prepared = inner, prepared
        self.links, self.by_basic4, self.similar = inner.links, inner.by_basic4, inner.similar

    def by_juki_number(self, core_system: str, juki_atena_no: str) -> Sequence[Atena]:
        """Raises identify.DirectoryTrouble when 団体内統合宛名 could not be asked, or about somebody else."""
        if self._prepared.trouble:
            raise identify.DirectoryTrouble(self._prepared.trouble)
        if self._prepared.juki_atena_no != juki_atena_no:
            raise identify.DirectoryTrouble("番号紐付情報が変わりました / the link table has just changed")
        numbers = self._prepared.resolved.atena_nos
        return [person for number in numbers for person in self._inner.by_number(core_system, number)]


class Judge:
    """Who signed and who is meant, for every procedure by its own patterns; ``togo`` is needed by pattern ii only."""

    def __init__(
        self,
        engine: Engine,
        profile: Profile,
        procedures: Mapping[str, Procedure],
        patterns: Mapping[str, frozenset[str]],
        togo: TogoClient | None,
    ) -> None:
        self._engine, self._procedures, self._patterns, self._togo = engine, procedures, patterns, togo
        self._genders = profile.codes["gender_municipal"]

    def patterns_of(self, procedure_id: str) -> frozenset[str]:
        return self._patterns.get(procedure_id, USUAL)

    def prepare(self, verification: Verification, procedure_id: str) -> Prepared:
        """Ask 団体内統合宛名 where the procedure wants it; never within a transaction: it may take its time."""
        if "ii" not in self.patterns_of(procedure_id) or self._togo is None or verification.serial is None:
            return NOTHING_ASKED
        with self._engine.connect() as connection:
            links = identify.usable_links(SqlDirectory(connection).links(verification.serial))
        numbers = sorted({link.atena_no for link in links})
        if len(numbers) != 1:
            return NOTHING_ASKED
        try:
            resolved = self._togo.resolve(self._procedures[procedure_id].core_system, numbers[0])
        except TogoTrouble as trouble:
            return Prepared(numbers[0], trouble=str(trouble))
        return Prepared(numbers[0], resolved)

    def decide(self, connection: Connection, questions: Sequence[Question]) -> list[tuple[Decision, ...]]:
        """The decisions of `identify.persons` within each procedure's patterns.

        The rules look people up one by one; the database is asked for all applications at once. So the rules are run
        until they need nothing that was not looked up: links, then numbers, then people who are alike.
        """
        directory = Ahead(connection)
        decided: dict[int, tuple[Decision, ...]] = {}
        while len(decided) < len(questions):
            for number, question in enumerate(questions):
                if number in decided:
                    continue
                missing = directory.missing
                found = self._one(directory, question)
                if directory.missing == missing:
                    decided[number] = found
            directory.look_up()
        return [decided[number] for number in range(len(questions))]

    def _one(self, ahead: Ahead, question: Question) -> tuple[Decision, ...]:
        patterns, procedure = self.patterns_of(question.procedure_id), self._procedures[question.procedure_id]
        directory = PreparedDirectory(ahead, question.prepared) if "ii" in patterns else ahead
        verification = question.verification
        if not patterns & {"i", "ii"}:
            verification = replace(verification, serial=None)
        found = identify.persons(question.items, verification, procedure, directory, self._genders)
        return tuple(within(one, patterns, question.prepared) for one in found)


def within(decision: Decision, patterns: frozenset[str], prepared: Prepared) -> Decision:
    """``decision`` as the patterns allow it: without iii, nobody is identified by 基本4情報 alone."""
    if decision.role is Role.SIGNER and prepared.in_vain:
        decision = replace(decision, reasons=(*decision.reasons, IN_VAIN))
    if decision.state is not PersonState.IDENTIFIED:
        return decision
    if decision.method is Method.BASIC4 and "iii" not in patterns:
        reason = "この手続では基本4情報だけで特定しません（方式 iii を使わない設定） / pattern iii is not used here"
        return replace(
            decision,
            state=PersonState.STAFF,
            method=None,
            juki_atena_no="",
            atena_no="",
            reasons=(*decision.reasons, reason),
        )
    if decision.method is Method.SERIAL and prepared.resolved.togo_atena_no:
        via = f"団体内統合宛名番号 {prepared.resolved.togo_atena_no} を経て / by 団体内統合宛名"
        return replace(decision, reasons=(*decision.reasons, via))
    return decision
