"""③-3: who signed, who is meant. Pure rules over a `Directory`; only an exact, unique and undisputed hit is automatic.

Pattern i: serial → 宛名番号 (住民) → the core system's own number (pattern ii: by 団体内統合宛名, see `judging`). Pattern iii: 基本4情報 against that core system's
宛名情報, when there is no serial, no link or no number. Everything weaker goes to staff with candidates and reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from interface_spec.control import Method, PersonState, Role
from interface_spec.procedures import Procedure
from interface_spec.profile import CodeList
from reference_impl.shinsei_kanri import candidates
from reference_impl.shinsei_kanri.records import Atena, Basic4, Decision, FormValue, Link, Verification

CLOSED_STATES = frozenset({"deceased", "erased"})


class DirectoryTrouble(Exception):
    """Where a number must be asked for, nobody answered: staff, and a new look later. One sentence."""


class Directory(Protocol):
    """What this system knows of links and people; every answer holds all rows that fit, never only the first."""

    def links(self, serial: int) -> Sequence[Link]: ...

    def by_juki_number(self, core_system: str, juki_atena_no: str) -> Sequence[Atena]: ...

    def by_basic4(self, core_system: str, stated: Basic4) -> Sequence[Atena]: ...

    def similar(self, core_system: str, stated: Basic4) -> Sequence[Atena]: ...


def persons(
    items: Sequence[FormValue],
    verification: Verification,
    procedure: Procedure,
    directory: Directory,
    genders: CodeList,
) -> tuple[Decision, ...]:
    """A decision for the signer and, where the form names somebody else, for the subject."""
    who_signed = signer(verification, procedure.core_system, directory)
    if procedure.subject == "signer":
        return (who_signed,)
    stated = stated_subject(items, procedure, genders)
    return who_signed, subject(stated, verification, who_signed, procedure.core_system, directory)


def signer(verification: Verification, core_system: str, directory: Directory) -> Decision:
    """The person whose certificate signed the application."""
    if not signature_valid(verification):
        reason = (
            f"電子署名検証結果が「有効」ではないため自動では特定しません（{verification.result}） / signature not valid"
        )
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason)
    if verification.serial is None:
        return by_basic4(Role.SIGNER, core_system, verification, directory, "シリアル番号がありません / no serial")
    return by_serial(verification, core_system, directory)


def signature_valid(verification: Verification) -> bool:
    """True when マイナポータル found the signature valid."""
    return verification.result == "valid"


def by_serial(verification: Verification, core_system: str, directory: Directory) -> Decision:
    """Pattern i, with pattern iii where the serial leads to no number."""
    assert verification.serial is not None  # noqa: S101 — `signer` asked
    rows = directory.links(verification.serial)
    if not rows:
        return by_basic4(
            Role.SIGNER, core_system, verification, directory, "シリアル番号が番号紐付情報にありません / serial unknown"
        )
    numbers = sorted({row.atena_no for row in usable_links(rows)})
    if not numbers:
        reason = "シリアル番号の証明書が番号紐付情報で有効ではありません / the certificate is no longer valid in the link table"
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason)
    if len(numbers) > 1:
        reason = "シリアル番号に複数の宛名番号が紐付いています / the serial leads to several numbers"
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason)
    return in_core(verification, numbers[0], core_system, directory)


def usable_links(rows: Sequence[Link]) -> list[Link]:
    """Rows of certificates that are valid: a revoked serial identifies nobody."""
    return [row for row in rows if row.state == "valid"]


def in_core(verification: Verification, juki_atena_no: str, core_system: str, directory: Directory) -> Decision:
    """From the resident's number to the number in the core system's own space (number spaces differ per business)."""
    try:
        people = directory.by_juki_number(core_system, juki_atena_no)
    except DirectoryTrouble as trouble:
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, str(trouble))
    if not people:
        found = by_basic4(
            Role.SIGNER,
            core_system,
            verification,
            directory,
            "この基幹の宛名情報に住民がいません / not in this core system",
        )
        return without_contradiction(found, juki_atena_no, verification, core_system, directory)
    if len(people) > 1:
        reason = "住民の宛名番号に業務宛名番号が複数あります / several numbers in this core system"
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason, also=people)
    person = people[0]
    if reason := objection(verification, person):
        return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason, also=people)
    return identified(Role.SIGNER, core_system, person, Method.SERIAL, juki_atena_no=juki_atena_no)


def without_contradiction(
    found: Decision, juki_atena_no: str, verification: Verification, core_system: str, directory: Directory
) -> Decision:
    """``found`` unless its person belongs to another resident's number than the serial does."""
    if found.state is not PersonState.IDENTIFIED or found.juki_atena_no in ("", juki_atena_no):
        return found
    reason = "シリアル番号と基本4情報が別の人を指しています / serial and 基本4情報 lead to different people"
    return for_staff(Role.SIGNER, core_system, verification.basic4, directory, reason)


def objection(verification: Verification, person: Atena) -> str:
    """Why ``person``, found by serial, may not be the signer; "" when nothing speaks against it."""
    if person.state in CLOSED_STATES:
        return "宛名情報では死亡・消除の人です / deceased or erased in 宛名情報"
    if differing := disagreements(verification, person):
        return f"シリアル番号の人と基本4情報が一致しません（{'・'.join(differing)}） / 基本4情報 disagree"
    return ""


def disagreements(verification: Verification, person: Atena) -> list[str]:
    """Which of the stated 基本4情報 differ from 宛名情報, exactly and after folding (代替文字 stand for any character)."""
    stated = verification.basic4
    found = []
    if stated.name and not candidates.same_name(stated.name, person.name, substituted=verification.name_substituted):
        found.append("氏名")
    if (stated.birth_date or stated.birth_text) and stated.birth_date != person.birth_date:
        found.append("生年月日")
    if "unknown" not in (stated.gender, person.gender) and stated.gender and stated.gender != person.gender:
        found.append("性別")
    if stated.address and not candidates.same_address(
        stated.address, person.address, substituted=verification.address_substituted
    ):
        found.append("住所")
    return found


def by_basic4(role: Role, core_system: str, verification: Verification, directory: Directory, why: str) -> Decision:
    """Pattern iii for the signed 基本4情報; ``why`` tells staff why the serial did not decide."""
    if verification.name_substituted or verification.address_substituted:
        reason = "氏名または住所に代替文字があります / 代替文字 in name or address"
        return for_staff(role, core_system, verification.basic4, directory, why, reason)
    return by_four(role, core_system, verification.basic4, directory, why)


def by_four(role: Role, core_system: str, stated: Basic4, directory: Directory, *why: str) -> Decision:
    """Identified when all four of ``stated`` equal those of exactly one person of this core system; else staff."""
    if not stated.complete or stated.gender == "unknown":
        reason = "基本4情報がそろっていません / 基本4情報 are incomplete"
        return for_staff(role, core_system, stated, directory, *why, reason)
    people = exact_matches(core_system, stated, directory)
    if len(people) == 1 and people[0].state not in CLOSED_STATES:
        return identified(role, core_system, people[0], Method.BASIC4, why=why)
    if len(people) == 1:
        reason = "宛名情報では死亡・消除の人です / deceased or erased in 宛名情報"
    elif people:
        reason = f"基本4情報が一致する人が {len(people)} 人います / several people share all four"
    else:
        reason = "基本4情報が完全に一致する人がいません / nobody has exactly these 基本4情報"
    return for_staff(role, core_system, stated, directory, *why, reason)


def exact_matches(core_system: str, stated: Basic4, directory: Directory) -> list[Atena]:
    """People of this core system whose name, birth date, gender and address all equal ``stated``, character by character."""
    return [person for person in directory.by_basic4(core_system, stated) if person.basic4 == stated]


def subject(
    stated: Basic4, verification: Verification, who_signed: Decision, core_system: str, directory: Directory
) -> Decision:
    """The person whom the form names: a match of its own, never simply the signer."""
    why = "対象者は申請書の記載から探します（署名されていません） / the subject is typed, not signed"
    if not signature_valid(verification):
        invalid = "電子署名検証結果が「有効」ではないため自動では特定しません / signature not valid"
        return for_staff(Role.SUBJECT, core_system, stated, directory, why, invalid)
    found = by_four(Role.SUBJECT, core_system, stated, directory, why)
    if not same_as_signer(stated, verification, who_signed):
        return found
    if found.state is PersonState.IDENTIFIED and found.atena_no != who_signed.atena_no:
        split = "署名者と同じ人のはずですが、別の宛名番号が見つかりました / leads to another number than the signer"
        return for_staff(Role.SUBJECT, core_system, stated, directory, why, split)
    if found.state is PersonState.STAFF and not exact_matches(core_system, stated, directory):
        return replace(who_signed, role=Role.SUBJECT)  # 宛名情報 writes it otherwise, but it is the signed person
    return found


def same_as_signer(stated: Basic4, verification: Verification, who_signed: Decision) -> bool:
    """True when the form names the person who signed: the same four, character by character, and we know who it is."""
    return who_signed.state is PersonState.IDENTIFIED and stated.complete and stated == verification.basic4


def stated_subject(items: Sequence[FormValue], procedure: Procedure, genders: CodeList) -> Basic4:
    """The subject's four as typed into the form's items that the procedure marks for it."""
    typed = {spec.subject: _typed(items, spec.id) for spec in procedure.items if spec.subject}
    gender = next((key for key, code in genders.values.items() if code.ja == typed.get("gender", "")), "")
    text = typed.get("birth_date", "")
    try:
        birth: date | None = date.fromisoformat(text)
    except ValueError:
        birth = None
    return Basic4(typed.get("name", ""), birth, gender, typed.get("address", ""), "" if birth else text)


def _typed(items: Sequence[FormValue], item_id: str) -> str:
    values = [item.value for item in items if item.item_id == item_id and not item.group]
    return values[0] if len(values) == 1 else ""


def identified(
    role: Role, core_system: str, person: Atena, method: Method, *, juki_atena_no: str = "", why: Sequence[str] = ()
) -> Decision:
    return Decision(
        role=role,
        core_system=core_system,
        state=PersonState.IDENTIFIED,
        method=method,
        juki_atena_no=juki_atena_no or person.juki_atena_no,
        atena_no=person.atena_no,
        reasons=tuple(why),
    )


def for_staff(
    role: Role, core_system: str, stated: Basic4, directory: Directory, *reasons: str, also: Sequence[Atena] = ()
) -> Decision:
    """A person has to decide: with the reasons, and with everybody who may be meant, best first."""
    people = {person.atena_no: person for person in [*also, *directory.similar(core_system, stated)]}
    ranked = candidates.rank(stated, list(people.values()))
    return Decision(
        role=role, core_system=core_system, state=PersonState.STAFF, candidates=ranked, reasons=tuple(reasons)
    )


def needs_new_look(decision: Decision) -> bool:
    """True for a person who is still open: neither identified nor decided by staff."""
    return decision.state is PersonState.STAFF
