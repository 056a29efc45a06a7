"""results.json and junit.xml: for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from conformance.messages import say
from conformance.plan import Plan
from conformance.reporters.papers.common import profile_words
from conformance.results import CheckResult, Question, Results
from conformance.verdicts import Verdict
from conformance.visible import visible

RESULTS_VERSION = 1


def as_dict(results: Results, *, gate_waived: bool = False) -> dict[str, Any]:
    """The results as plain data (``results.json``). Keys are stable within RESULTS_VERSION."""
    plan = results.plan
    exit_code = results.exit(gate_waived=gate_waived)
    return {
        "version": RESULTS_VERSION,
        "exit_code": int(exit_code),
        "exit_meaning": say("exit", int(exit_code)),
        "finished": results.finished,
        "interrupted": results.interrupted,
        "seconds": round(results.seconds, 3),
        "started_at": results.started_at,
        "run": plan.model_dump(mode="json", exclude={"checks", "requirements", "attestations", "rounds"})
        if plan
        else {},
        "verdicts": {
            question.key: _question(question) for question in (results.clause, results.contract) if question is not None
        },
        "headlines": [
            {
                "level": one.key,
                "procedure": one.procedure,
                "verdict": one.verdict.value if one.verdict else None,
                "note": one.note_ja,
            }
            for one in results.headlines
        ],
        "checks": [_check(one) for one in results.checks],
        "attestations": [one.model_dump(mode="json") | {"answered": one.answered} for one in results.attestations],
        "requirements": {key: one.model_dump(mode="json") for key, one in plan.requirements.items()} if plan else {},
        "troubles": [one.model_dump(mode="json", include={"kind", "ja", "en"}) for one in results.troubles],
        "warnings": [{"ja": ja, "en": en} for ja, en in results.warnings],
        "strange_calls": [one.model_dump(mode="json") for one in results.strange],
        "foreign": list(results.foreign),
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "verdict": question.verdict.value,
        "ja": say("run", question.verdict.value),
        "counts": {verdict.value: count for verdict, count in question.counts.items()},
        "reasons": [ja for ja, _ in question.reasons],
    }


def _check(one: CheckResult) -> dict[str, Any]:
    planned = one.planned
    return {
        "id": planned.id,
        "ja": planned.ja,
        "en": planned.en,
        "requirement": planned.requirement,
        "also": list(planned.also),
        "verdict": one.verdict.value,
        "verdict_ja": say("verdict", one.verdict.value),
        "deciding": planned.deciding,
        "question": planned.verdict,
        "function": planned.function,
        "round": planned.round,
        "cases": list(planned.cases),
        "waiver": planned.waiver,
        "reason_ja": one.reason_ja,
        "reason_en": one.reason_en,
        "seconds": round(one.seconds, 4),
        "findings": [finding.model_dump(mode="json") for finding in one.findings],
    }


def write_junit(results: Results, path: Path) -> None:
    """Writes `junit` to ``path``."""
    path.write_bytes(etree.tostring(junit(results), xml_declaration=True, encoding="utf-8"))


def junit(results: Results) -> etree._Element:
    """JUnit XML by our own hand: 不適合 = failure, 試験側エラー = error, 未検証・要確認 = error, 対象外 = skipped.

    A CI server that only counts failures and errors therefore never shows an incomplete run as green.
    """
    root = etree.Element("testsuites", name="shinsei")
    groups: dict[str, list[CheckResult]] = {}
    for one in results.checks:
        groups.setdefault(one.planned.function, []).append(one)
    for function, checks in groups.items():
        suite = etree.SubElement(
            root,
            "testsuite",
            name=say("function", function),
            tests=str(len(checks)),
            failures=str(sum(one.verdict is Verdict.FAIL for one in checks)),
            errors=str(sum(_is_error(one) for one in checks)),
            skipped=str(sum(one.verdict is Verdict.NA for one in checks)),
        )
        if results.plan is not None:
            _properties(suite, results.plan)
        for one in checks:
            _junit_case(suite, one)
    if results.troubles:
        suite = etree.SubElement(root, "testsuite", name="run", tests="1", failures="0", errors="1", skipped="0")
        case = etree.SubElement(suite, "testcase", classname="run", name="run", time="0")
        for trouble in results.troubles:
            etree.SubElement(case, "error", message=visible(trouble.ja), type=trouble.kind)
    etree.indent(root)
    return root


def _properties(suite: etree._Element, plan: Plan) -> None:
    """Under which conditions the verdicts stand."""
    found = etree.SubElement(suite, "properties")
    values = {
        "role": plan.role,
        "run": plan.run_id,
        "product": " ".join(plan.product.values()),
        "profile": profile_words(plan, "ja"),
        "seed": str(plan.seed),
        "reference_date": plan.reference_date.isoformat(),
        "suite": f"{plan.suite_version} {plan.suite_sha256}".strip(),
        "challenge": plan.challenge.nonce if plan.challenge else "",
    }
    for name, value in values.items():
        etree.SubElement(found, "property", name=name, value=visible(value))


def _is_error(one: CheckResult) -> bool:
    return one.planned.deciding and one.verdict in (Verdict.ERROR, Verdict.UNVERIFIED, Verdict.REVIEW)


def _junit_case(suite: etree._Element, one: CheckResult) -> None:
    case = etree.SubElement(
        suite,
        "testcase",
        classname=one.planned.requirement,
        name=visible(f"{one.planned.id} {one.planned.ja}"),
        time=f"{one.seconds:.4f}",
    )
    text = "\n\n".join(
        visible(f"{finding.ja}\n{finding.en}\nexpected: {finding.expected}\nactual: {finding.actual}")
        for finding in one.findings
    )
    match one.verdict:
        case Verdict.FAIL:
            etree.SubElement(case, "failure", message=visible(one.reason_ja), type=one.verdict.value).text = text
        case Verdict.NA:
            etree.SubElement(case, "skipped", message=visible(one.reason_ja))
        case Verdict.WARN:
            etree.SubElement(case, "system-out").text = visible(f"{say('verdict', 'WARN')}: {one.reason_ja}\n{text}")
        case _ if _is_error(one):
            etree.SubElement(case, "error", message=visible(one.reason_ja), type=one.verdict.value).text = text
        case Verdict.UNVERIFIED | Verdict.REVIEW | Verdict.ERROR:
            etree.SubElement(case, "system-out").text = visible(
                f"{say('verdict', one.verdict.value)}: {one.reason_ja}\n{text}"
            )
