"""③-3: mistakes in identifying people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from testbed.mutants.model import Mutant

IDENTIFY = "reference_impl.shinsei_kanri.identify"


def _typed(original: Callable[..., Any]) -> Callable[..., Any]:
    def persons(items: Any, verification: Any, procedure: Any, directory: Any, genders: Any) -> Any:
        typed = {one.item_id: one.value for one in items if not one.group}
        if verification.serial is None and typed.get("claimant_name"):
            signed = verification.basic4
            stated = replace(
                signed,
                name=typed["claimant_name"],
                birth_date=date.fromisoformat(typed["claimant_birth_date"]),
                address=typed["claimant_address"],
            )
            if signed.present:
                verification = replace(verification, basic4=stated)
        return original(items, verification, procedure, directory, genders)

    return persons


def _no_links(_: Callable[..., Any]) -> Callable[..., Any]:
    def sync(client: Any, engine: Any, now: Any) -> int:
        return 0 if client is not None and engine is not None and now is not None else 1

    return sync


def _keeps_what_was_withdrawn(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply(row: Any, connection: Any) -> None:
        if row.text("change") != "delete":
            original(row, connection)

    return apply


def _no_serial(original: Callable[..., Any]) -> Callable[..., Any]:
    def signer(verification: Any, core_system: str, directory: Any) -> Any:
        return original(replace(verification, serial=None), core_system, directory)

    return signer


def _no_basic4(_: Callable[..., Any]) -> Callable[..., Any]:
    def by_basic4(role: Any, core_system: str, verification: Any, directory: Any, why: str) -> Any:
        from reference_impl.shinsei_kanri import identify

        return identify.for_staff(role, core_system, verification.basic4, directory, why)

    return by_basic4


def _decimal(original: Callable[..., Any]) -> Callable[..., Any]:
    def read_verification(profile: Any, body: bytes) -> Any:
        found = original(profile, body)
        text = "" if found.serial is None else f"{found.serial:X}"
        return replace(found, serial=int(text)) if text.isdigit() else found

    return read_verification


def _newest_only(original: Callable[..., Any]) -> Callable[..., Any]:
    def replace_links(connection: Any, links: Any) -> None:
        newest: dict[str, Any] = {}
        for link in sorted(links, key=lambda one: (one.state == "valid", one.valid_from)):
            newest[link.atena_no] = link
        original(connection, list(newest.values()))

    return replace_links


def _two_of_four(_: Callable[..., Any]) -> Callable[..., Any]:
    def exact_matches(core_system: str, stated: Any, directory: Any) -> list[Any]:
        return [
            one
            for one in directory.similar(core_system, stated)
            if one.name == stated.name and one.birth_date == stated.birth_date
        ]

    return exact_matches


def _without(left_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compares all of the four but ``left_out``."""
    compared = [one for one in ("name", "birth_date", "gender", "address") if one != left_out]

    def wrap(_: Callable[..., Any]) -> Callable[..., Any]:
        def exact_matches(core_system: str, stated: Any, directory: Any) -> list[Any]:
            return [
                one
                for one in directory.similar(core_system, stated)
                if all(getattr(one, part) == getattr(stated, part) for part in compared)
            ]

        return exact_matches

    return wrap


def _first_change_counts(original: Callable[..., Any]) -> Callable[..., Any]:
    def in_order(rows: Any) -> Any:
        return list(reversed(original(rows)))

    return in_order


def _unknown_is_stuck(original: Callable[..., Any]) -> Callable[..., Any]:
    def by_serial(verification: Any, core_system: str, directory: Any) -> Any:
        from interface_spec.control import Role
        from reference_impl.shinsei_kanri import identify

        if not directory.links(verification.serial):
            return identify.for_staff(Role.SIGNER, core_system, verification.basic4, directory, "シリアル番号が不明")
        return original(verification, core_system, directory)

    return by_serial


def _first(original: Callable[..., Any]) -> Callable[..., Any]:
    def exact_matches(core_system: str, stated: Any, directory: Any) -> list[Any]:
        return list(original(core_system, stated, directory))[:1]

    return exact_matches


def _serial_wins(_: Callable[..., Any]) -> Callable[..., Any]:
    def objection(verification: Any, person: Any) -> str:
        return "" if verification is not None and person is not None else "?"

    return objection


def _resident_number(original: Callable[..., Any]) -> Callable[..., Any]:
    def identified(role: Any, core_system: str, person: Any, method: Any, **more: Any) -> Any:
        found = original(role, core_system, person, method, **more)
        return replace(found, atena_no=found.juki_atena_no or found.atena_no)

    return identified


def _signer_is_subject(_: Callable[..., Any]) -> Callable[..., Any]:
    def subject(stated: Any, verification: Any, who_signed: Any, core_system: str, directory: Any) -> Any:
        del stated, verification, core_system, directory
        from interface_spec.control import Role

        return replace(who_signed, role=Role.SUBJECT)

    return subject


def _never_again(_: Callable[..., Any]) -> Callable[..., Any]:
    def look_again(engine: Any, clock: Any, profile: Any, procedures: Any) -> int:
        del engine, clock, profile, procedures
        return 0

    return look_again


def _valid_anyway(_: Callable[..., Any]) -> Callable[..., Any]:
    def signature_valid(verification: Any) -> bool:
        return verification is not None

    return signature_valid


def _no_candidates(_: Callable[..., Any]) -> Callable[..., Any]:
    def rank(stated: Any, people: Any) -> tuple[Any, ...]:
        return () if stated is not None else tuple(people)

    return rank


MUTANTS = (
    Mutant(
        "uses-the-typed-name",
        "署名の情報ではなく、入力欄の氏名・生年月日・住所で特定する",
        "identifies by what was typed, not by what was signed",
        ("AM-3.3-01a", "AM-3.3-01b"),
        f"{IDENTIFY}:persons",
        _typed,
    ),
    Mutant(
        "no-link-table",
        "既存住基から番号紐付情報を受け取らない",
        "does not take the link table from the resident register",
        ("AM-3.0-01a", "AM-3.3-03a", "AM-3.3-03b", "AM-3.3-03c", "AM-3.3-81b", "AM-3.3-84a"),
        "reference_impl.shinsei_kanri.links:sync",
        _no_links,
    ),
    Mutant(
        "ignores-serials",
        "シリアル番号を使わず、基本4情報だけで特定する",
        "does not use the serial, only the four items",
        ("AM-3.0-01a", "AM-3.3-03a", "AM-3.3-03b", "AM-3.3-03c", "AM-3.3-81b", "AM-3.3-84a"),
        f"{IDENTIFY}:signer",
        _no_serial,
    ),
    Mutant(
        "no-basic4",
        "基本4情報による特定をしない",
        "never identifies by the four items",
        ("AM-3.3-01a", "AM-3.3-02a", "AM-3.3-05a", "AM-3.3-06a", "AM-3.3-07a", "AM-3.3-07b"),
        f"{IDENTIFY}:by_basic4",
        _no_basic4,
    ),
    Mutant(
        "reads-digits-as-decimal",
        "数字だけのシリアル番号を10進数として読む",
        "reads a serial of digits as decimal",
        ("AM-3.3-01b", "AM-3.3-03b"),
        "reference_impl.shinsei_kanri.unpack.package:read_verification",
        _decimal,
    ),
    Mutant(
        "one-certificate-per-person",
        "一人につき最新の証明書だけを残す",
        "keeps only the newest certificate of a person",
        ("AM-3.3-03c",),
        "reference_impl.shinsei_kanri.storage.people:replace_links",
        _newest_only,
    ),
    Mutant(
        "name-and-birth-date",
        "氏名と生年月日だけで突き合わせる",
        "compares name and birth date only",
        ("AM-3.3-06a",),
        f"{IDENTIFY}:exact_matches",
        _two_of_four,
    ),
    Mutant(
        "ignores-gender",
        "性別を突き合わせない",
        "does not compare the gender",
        ("AM-3.3-06a",),
        f"{IDENTIFY}:exact_matches",
        _without("gender"),
    ),
    Mutant(
        "ignores-birth-date",
        "生年月日を突き合わせない（同じ住所の同名の親子を見分けない）",
        "does not compare the birth date: father and son of one name are one",
        ("AM-3.3-06a",),
        f"{IDENTIFY}:exact_matches",
        _without("birth_date"),
    ),
    Mutant(
        "first-change-counts",
        "番号紐付情報の訂正を取り込まず、最初の変更を残す",
        "keeps the first change of a link, not its correction",
        ("AM-3.3-84a", "AM-3.3-84b"),
        "reference_impl.shinsei_kanri.links:in_order",
        _first_change_counts,
    ),
    Mutant(
        "unknown-serial-is-stuck",
        "未知のシリアル番号のとき、基本4情報を試さない",
        "does not try the four items when the serial is unknown",
        ("AM-3.3-07a", "AM-3.3-07b"),
        f"{IDENTIFY}:by_serial",
        _unknown_is_stuck,
    ),
    Mutant(
        "takes-the-first",
        "候補が複数いても先頭の人に決める",
        "takes the first of several candidates",
        ("AM-3.3-01b", "AM-3.3-81a"),
        f"{IDENTIFY}:exact_matches",
        _first,
    ),
    Mutant(
        "serial-wins",
        "基本4情報が食い違ってもシリアル番号の人に決める",
        "lets the serial win over disagreeing four items",
        ("AM-3.3-01b", "AM-3.3-81b"),
        f"{IDENTIFY}:objection",
        _serial_wins,
    ),
    Mutant(
        "sends-the-resident-number",
        "業務の宛名番号ではなく住民の宛名番号を渡す",
        "hands over the resident number instead of the business number",
        ("AM-3.3-01b", "AM-3.3-82a", "AM-3.3-83a"),
        f"{IDENTIFY}:identified",
        _resident_number,
    ),
    Mutant(
        "signer-is-the-subject",
        "署名した人をそのまま対象者とする",
        "takes the signer for the subject",
        ("AM-3.3-82a", "AM-3.3-83a"),
        f"{IDENTIFY}:subject",
        _signer_is_subject,
    ),
    Mutant(
        "never-looks-again",
        "番号紐付情報が後から届いても特定し直さない",
        "never identifies again when a link arrives later",
        ("AM-3.3-84a",),
        "reference_impl.shinsei_kanri.identification:look_again",
        _never_again,
    ),
    Mutant(
        "keeps-withdrawn-links",
        "取り消された番号紐付を消さない",
        "keeps links that were withdrawn",
        ("AM-3.3-07b",),
        "reference_impl.shinsei_kanri.links:apply",
        _keeps_what_was_withdrawn,
    ),
    Mutant(
        "ignores-the-verification",
        "検証結果が失効や無効でも特定する",
        "identifies although the verification result is bad",
        ("AM-3.3-85a",),
        f"{IDENTIFY}:signature_valid",
        _valid_anyway,
    ),
    Mutant(
        "no-candidates",
        "職員に候補を示さない",
        "shows no candidates to staff",
        ("AM-3.3-86a",),
        "reference_impl.shinsei_kanri.candidates:rank",
        _no_candidates,
    ),
)
