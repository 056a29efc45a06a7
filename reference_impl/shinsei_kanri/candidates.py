"""Candidates for staff: how alike two people's 基本4情報 are, in words, and in which order to show them."""

from __future__ import annotations

from collections.abc import Sequence

from interface_spec.control import Candidate
from reference_impl.shinsei_kanri import folding
from reference_impl.shinsei_kanri.records import Atena, Basic4

MOST = 10


def same_name(stated: str, register: str, *, substituted: bool = False) -> bool:
    """Equal exactly, after folding, or, when the certificate says so, but for 代替文字."""
    if folding.name(stated) == folding.name(register):
        return True
    return substituted and folding.matches_substituted(stated, register)


def same_address(stated: str, register: str, *, substituted: bool = False) -> bool:
    """Equal exactly, after folding and notation, or, when the certificate says so, but for 代替文字."""
    if folding.address(stated) == folding.address(register):
        return True
    return substituted and folding.matches_substituted(folding.address(stated), folding.address(register))


def rank(stated: Basic4, people: Sequence[Atena]) -> tuple[Candidate, ...]:
    """The likeliest first, at most `MOST`, each with what agrees; people with nothing in common are left out."""
    scored = [(*score(stated, person), person) for person in people]
    scored.sort(key=lambda one: (-one[0], one[2].atena_no))
    return tuple(as_candidate(person, reasons) for points, reasons, person in scored[:MOST] if points > 0)


def score(stated: Basic4, person: Atena) -> tuple[int, list[str]]:
    """Points and their reasons in Japanese: exact agreement counts more than folded, folded more than 代替文字."""
    points, reasons = 0, list[str]()
    for stage, ja in (name_stage(stated, person), address_stage(stated, person)):
        points += stage
        if ja:
            reasons.append(ja)
    if stated.birth_date and stated.birth_date == person.birth_date:
        points += 3
        reasons.append("生年月日が一致 / same birth date")
    if stated.gender and stated.gender == person.gender and points:
        points += 1
        reasons.append("性別が一致 / same gender")
    return points, reasons


def name_stage(stated: Basic4, person: Atena) -> tuple[int, str]:
    if not stated.name:
        return 0, ""
    if stated.name == person.name:
        return 5, "氏名が一致 / same name"
    if folding.width(stated.name) == folding.width(person.name):
        return 4, "氏名が字幅・空白を除いて一致 / same name but for width and blanks"
    if folding.name(stated.name) == folding.name(person.name):
        return 3, "氏名が異体字を除いて一致 / same name but for variant characters"
    if folding.matches_substituted(stated.name, person.name):
        return 2, "氏名が代替文字を除いて一致 / same name but for substituted characters"
    return 0, ""


def address_stage(stated: Basic4, person: Atena) -> tuple[int, str]:
    if not stated.address:
        return 0, ""
    if stated.address == person.address:
        return 3, "住所が一致 / same address"
    if folding.address(stated.address) == folding.address(person.address):
        return 2, "住所が表記のゆれを除いて一致 / same address in another notation"
    return 0, ""


def as_candidate(person: Atena, reasons: list[str]) -> Candidate:
    return Candidate(
        atena_no=person.atena_no,
        juki_atena_no=person.juki_atena_no,
        name=person.name,
        birth_date=person.birth_date.isoformat() if person.birth_date else "",
        gender=person.gender,
        address=person.address,
        reasons=reasons,
    )
