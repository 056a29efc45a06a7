"""Whether the plan in a bundle is one that this suite makes: nobody leaves out a check, or lowers one, by writing a plan.

What follows from the product's own declarations (methods, features, waivers) is printed in the report and is not judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from conformance.catalogue import Check, load_catalogue
from conformance.messages import knows
from conformance.package_run import planned_rules
from conformance.plan import Plan, PlannedCheck
from conformance.planner import procedure_of
from interface_spec.requirements import load_requirements

Why = tuple[str, str]
NETWORK = ("fw", "relay")


def unknown_words(plan: Plan) -> Iterator[Why]:
    """Words of the plan that no report could print: then no run of ours wrote it."""
    words = [("role", plan.role)]
    words += [("function", one.function) for one in plan.checks]
    words += [("method", one) for one in plan.methods.values()]
    words += [("level", one.level) for one in plan.requirements.values()]
    for table, word in words:
        if not knows(table, word):
            yield f"計画にない語です（{table}: {word}）", f"a word that no plan has ({table}: {word})"
    cited = {one.requirement for one in plan.checks} | {one.requirement for one in plan.attestations}
    for name in sorted(cited - plan.requirements.keys()):
        yield f"要件 {name} が計画にありません", f"requirement {name} is not in the plan"
    ids = [one.id for one in plan.checks]
    for name in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"検査 {name} が計画に二度あります", f"check {name} stands twice in the plan"


def not_of_the_suite(plan: Plan) -> list[Why]:
    """Where the plan differs from the catalogue of this very suite. ``plan`` has no `unknown_words`."""
    given = {one.id: one for one in plan.checks}
    if plan.role == "package":
        rules = {one.id: one for one in planned_rules(plan)}
        return [*_missing(given, rules), *_differing(given, rules)]
    checks = load_catalogue(plan.role).checks
    expected = {name: _as_planned(plan, checks[name], one) for name, one in given.items() if name in checks}
    found = [*_missing(given, checks), *_differing(given, expected), *_levels(plan)]
    if not found and plan.role not in NETWORK:
        found = [*_out_of_scope(plan, checks), *_not_asked(plan)]
    return found


def _missing(given: Collection[str], expected: Collection[str]) -> Iterator[Why]:
    for name in sorted(set(expected) - set(given)):
        yield f"検査 {name} が計画から除かれています", f"check {name} was left out of the plan"


def _differing(given: dict[str, PlannedCheck], expected: dict[str, PlannedCheck]) -> Iterator[Why]:
    for name, one in given.items():
        if name not in expected:
            yield f"検査 {name} は試験一式にありません", f"check {name} is not of the suite"
        elif one != expected[name]:
            told = [key for key in PlannedCheck.model_fields if getattr(one, key) != getattr(expected[name], key)]
            fields = ", ".join(told)
            yield f"検査 {name} の {fields} が試験一式と違います", f"{fields} of check {name} differ from the suite"


def _as_planned(plan: Plan, check: Check, given: PlannedCheck) -> PlannedCheck:
    """``given`` with everything that the catalogue decides, whatever the product declares."""
    requirement = load_requirements()[check.requirement]
    network, level = plan.role in NETWORK, plan.requirements.get(requirement.id)
    return given.model_copy(
        update={
            "ja": check.ja,
            "en": check.en,
            "requirement": requirement.id,
            "also": check.also,
            "mandatory": level is not None and level.level == "必須",
            "deciding": requirement.set in plan.deciding_sets,
            "verdict": requirement.verdict,
            "headline": "" if network else requirement.headline,
            "function": "" if network else requirement.function,
            "round": check.disturbance,
            "cases": check.cases,
            "procedures": () if network else tuple(sorted({procedure_of(case) for case in check.cases})),
        }
    )


def _levels(plan: Plan) -> Iterator[Why]:
    """A requirement is as binding as the catalogue has it; a declared feature may only raise it."""
    known = load_requirements()
    for name, one in plan.requirements.items():
        if name not in known:
            yield f"要件 {name} は試験一式にありません", f"requirement {name} is not of the suite"
            continue
        levels = {known[name].level_for(lambda _: False), known[name].level_for(lambda _: True)}
        if one.level not in levels or (one.set, one.ja, one.en) != (known[name].set, known[name].ja, known[name].en):
            yield f"要件 {name} が試験一式と違います", f"requirement {name} differs from the suite"


def _out_of_scope(plan: Plan, checks: dict[str, Check]) -> Iterator[Why]:
    """A check is 対象外 for a feature or a procedure: then every other check of that feature or procedure is too."""
    known = load_requirements()
    active = [one for one in plan.checks if one.status != "na"]
    features = {known[one.requirement].condition for one in active}
    needs = {checks[one.id].needs for one in active}
    procedures = {name for one in active for name in one.procedures} | {"S02"}
    for one in plan.checks:
        if one.status != "na" or plan.profile.overlay:
            continue
        undeclared = (
            known[one.requirement].condition not in features
            or checks[one.id].needs not in needs
            or not set(one.procedures) <= procedures
        )
        if not undeclared:
            yield f"検査 {one.id} を対象外にする理由がありません", f"nothing puts check {one.id} out of scope"


def _not_asked(plan: Plan) -> Iterator[Why]:
    """A binding requirement that no check covers has to be attested; one that hangs on a feature may not apply."""
    covered = {name for one in plan.checks if one.status != "na" for name in (one.requirement, *one.also)}
    asked = {one.requirement for one in plan.attestations}
    for name, one in load_requirements().items():
        binding = one.level == "必須" and one.set in plan.deciding_sets and plan.role in one.roles and not one.condition
        if binding and not name.startswith("MUN-") and name not in covered | asked:
            yield (
                f"申告を求める要件 {name} が計画にありません",
                f"requirement {name}, to be attested, is not in the plan",
            )
