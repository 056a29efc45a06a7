"""片付けの一覧: everything synthetic that a run may have left in the product, to be removed before it is used for real."""

from __future__ import annotations

from conformance.messages import Lang
from conformance.plan import Plan
from conformance.reporters.papers.common import footer_of, run_facts
from conformance.reporters.papers.model import Column, Paper, Table, both
from conformance.results import Results

NAME = "katazuke"
LAB_ROLES = ("fw", "relay")


def cleanup_paper(plan: Plan, results: Results, lang: Lang) -> Paper:
    """The list of 受付番号, persons with their numbers, and registers of the run."""
    facts = [
        *run_facts(plan, results, lang),
        (
            both(lang, "試験用の申請", "Test applications"),
            both(lang, f"{len(results.given)} 件", str(len(results.given))),
        ),
    ]
    return Paper(
        name=NAME,
        title=both(lang, "試験データの片付け一覧", "Clean-up list of test data"),
        lang=lang,
        lead=both(
            lang,
            "この実施が製品に渡した、または渡しえた試験用の申請・人・番号のすべて。本番に使う前に、製品から消したことを一つずつ確かめる。",
            "Every synthetic application, person and number that this run gave, or may have given, to the product. Tick each one off when it is gone.",
        ),
        facts=tuple(facts),
        notes=_notes(plan, results, lang),
        tables=_tables(results, lang),
        signs=(both(lang, "消去した者・日付", "Removed by, date"), both(lang, "確かめた者・日付", "Verified by, date")),
        footer=footer_of(plan, lang),
    )


def _notes(plan: Plan, results: Results, lang: Lang) -> tuple[str, ...]:
    if plan.role in LAB_ROLES:
        return (
            both(
                lang,
                "この役割の試験は、試験側の名前空間の中だけで行われ、製品に申請や人の情報を渡していない。連携サーバのログには試験の宛先への要求が残る。",
                "This role is tested inside the harness's own namespaces: no application and no person reached the product. A relay's log holds the requests of the test.",
            ),
        )
    if plan.role == "package":
        return (
            both(
                lang,
                "渡された申請ZIPを読んだだけで、製品には何も渡していない。",
                "The packages handed in were read; nothing was given to the product.",
            ),
        )
    found = []
    if results.registers is not None:
        one = results.registers
        persons = both(lang, "、", ", ").join(f"{name} {count}" for name, count in one.persons.items())
        found.append(
            both(
                lang,
                f"製品が取り込みえた台帳: 番号紐付情報 {one.links} 件、宛名情報 {persons} 件。全件は {one.file}（SHA-256 {one.sha256}）にある。",
                f"Registers that the product may have synchronised: {one.links} links; persons {persons}. All rows: {one.file} (SHA-256 {one.sha256}).",
            )
        )
    if not results.given:
        found.append(both(lang, "申請を渡す前に実施が終わった。", "The run ended before any application was given."))
    return tuple(found)


def _tables(results: Results, lang: Lang) -> tuple[Table, ...]:
    if not results.given:
        return ()
    applications = Table(
        both(lang, "受付番号", "Receipt numbers"),
        (
            Column("No.", 5),
            Column(both(lang, "受付番号", "Receipt number"), 26),
            Column(both(lang, "手続", "Procedure"), 9),
            Column(both(lang, "事例", "Case"), 34),
            Column(both(lang, "消去", "Removed"), 8),
        ),
        tuple((str(no), one.receipt_no, one.procedure, one.case, "") for no, one in enumerate(results.given, 1)),
    )
    people = {(p.juki_atena_no, p.name): p for one in results.given for p in one.persons}
    persons = Table(
        both(lang, "申請に出てくる人", "Persons in the applications"),
        (
            Column("No.", 5),
            Column(both(lang, "氏名", "Name"), 20),
            Column(both(lang, "既存住基の宛名番号", "Number in the resident register"), 24),
            Column(both(lang, "業務の宛名番号", "Numbers in the core systems"), 44),
            Column(both(lang, "消去", "Removed"), 8),
        ),
        tuple(
            (str(no), one.name, one.juki_atena_no, "\n".join(f"{k}: {v}" for k, v in one.numbers.items()), "")
            for no, one in enumerate(sorted(people.values(), key=lambda p: (p.juki_atena_no, p.name)), 1)
        ),
    )
    return applications, persons
