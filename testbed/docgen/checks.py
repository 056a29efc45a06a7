"""Pages of checks: what is looked at, on which clause, with what, which mutants it must catch, how to run it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from conformance.catalogue import Catalogue, Check, load_catalogue, roles_with_suite
from conformance.messages import say
from conformance.suites.package.findings import Rule, load_rules
from fixtures.cases.recipes import load_recipes
from interface_spec.requirements import load_requirements
from testbed.docgen.model import Entry, facts, link, plain, shell, table
from testbed.mutants.package import MUTANTS as PACKAGE_MUTANTS
from testbed.mutants.registry import rows_of

KIND = "checks"


def killers() -> dict[str, list[str]]:
    """Check id → mutants that it must catch."""
    found: dict[str, list[str]] = defaultdict(list)
    for role in roles_with_suite():
        for row in rows_of(role):
            for check in row.killed_by:
                found[check].append(row.name)
    for mutant in PACKAGE_MUTANTS:
        for rule in mutant.killed_by:
            found[rule].append(mutant.name)
    return found


def pages() -> Iterator[Entry]:
    """Every check of every suite, and every rule of the package validator."""
    mutants = killers()
    for role in roles_with_suite():
        catalogue = load_catalogue(role)
        for check in catalogue.checks.values():
            yield _check(role, catalogue, check, mutants.get(check.id, []))
    for rule in load_rules().values():
        yield _rule(rule, mutants.get(rule.id, []))


def _check(role: str, catalogue: Catalogue, check: Check, mutants: list[str]) -> Entry:
    requirement = catalogue.requirement_of(check)
    known = load_requirements()
    round_ = catalogue.disturbances[check.disturbance]
    also = "、".join(f"{one}（{plain(known[one].ja)}）" for one in check.also)
    beside = requirement.set != "tejunsho-1.0"
    body = [
        facts(
            ("役割 / role", f"`{role}` {say('role', role)}"),
            ("要件 / requirement", f"`{requirement.id}` {plain(requirement.source)} {plain(requirement.clause)}"),
            ("級 / level", requirement.level + ("（報告のみ / reported beside）" if beside else "")),
            ("判定 / verdict", say("question", requirement.verdict)),
            ("出所 / provenance", requirement.provenance),
            ("ほかに関わる要件 / also", also),
            ("前提の宣言 / needs", check.needs if check.needs != "any" else ""),
        ),
        f"## 要件 / Requirement\n\n{plain(requirement.ja)}\n\n{plain(requirement.en)}",
    ]
    if requirement.why:
        body.append(f"## なぜ重要か / Why it matters\n\n{plain(requirement.why)}\n\n{plain(requirement.why_en)}")
    if requirement.violation:
        body.append(f"## よくある誤り / How it is plausibly broken\n\n{plain(requirement.violation)}")
    body.append(f"## ラウンド / Round\n\n`{check.disturbance}` {plain(round_.ja)} / {plain(round_.en)}")
    if check.cases:
        body.append("## 事例 / Cases\n\n" + "\n".join(f"- `{name}` {_case(name)}".rstrip() for name in check.cases))
    body.append(_mutants(mutants))
    body.append("## この検査だけを実施 / Run it alone\n\n" + shell(f"shinsei check {role} -k {check.id}"))
    body.append("選択した実施の終了コードは 1 か 4 で、0 にはならない。 / A selected run ends with 1 or 4, never 0.")
    return Entry(KIND, check.id, check.ja, check.en, tuple(body))


def _case(name: str) -> str:
    recipe = load_recipes().get(name.partition("#")[0])
    return plain(recipe.ja) if recipe is not None else ""


def _rule(rule: Rule, mutants: list[str]) -> Entry:
    severe = rule.level == "nonconformity"
    body = (
        facts(
            ("役割 / role", f"`package` {say('role', 'package')}"),
            ("根拠 / clause", plain(rule.clause)),
            ("判定 / verdict", say("verdict", "FAIL" if severe else "WARN")),
            ("出所 / provenance", rule.provenance),
        ),
        _mutants(mutants),
        "## 申請ZIPを検査する / Validate packages\n\n" + shell("shinsei validate FILE.zip --report out"),
    )
    return Entry(KIND, rule.id, rule.ja, rule.en, body)


def _mutants(names: list[str]) -> str:
    title = "## 捕まえる変異体 / Mutants that it must catch\n\n"
    if not names:
        return f"{title}なし / none"
    return title + "\n".join(f"- {link('mutants', name, KIND)}" for name in names)


def index() -> str:
    """The list of all checks by role."""
    parts = ["# 検査 / Checks"]
    for role in roles_with_suite():
        catalogue = load_catalogue(role)
        rows = [
            (f"[{one.id}]({one.id}.md)", plain(one.ja), catalogue.requirement_of(one).level)
            for one in catalogue.checks.values()
        ]
        parts.append(f"## {role} {say('role', role)}（{len(rows)}）\n\n" + table(("検査", "内容", "級"), rows))
    rules = [(f"[{one.id}]({one.id}.md)", plain(one.ja), say("verdict", "FAIL" if one.level == "nonconformity" else "WARN"))
             for one in load_rules().values()]  # fmt: skip
    parts.append(f"## package {say('role', 'package')}（{len(rules)}）\n\n" + table(("規則", "誤り", "判定"), rules))
    return "\n\n".join(parts)
