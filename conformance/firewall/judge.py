"""Runs the check bodies of a role on a lab's record and gives one event a check: pure, no network, no clock of its own."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from datetime import datetime

from conformance.events import CheckEnded, FoundThis
from conformance.firewall.record import LabRecord
from conformance.firewall.view import REGISTRY, Body, LabView
from conformance.outcomes import Nonconformity, Outcome, ReviewNeeded, Unverified
from conformance.plan import Plan
from conformance.verdicts import Raw
from interface_spec.policy import Policy

MOST_EVIDENCE = 6


def bodies(role: str) -> dict[str, Body]:
    """Check id → body of a role's suite."""
    package = importlib.import_module(f"conformance.suites.{role}")
    for _, name, _ in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{name}")
    return dict(REGISTRY.get(role, {}))


def judge(plan: Plan, policy: Policy, record: LabRecord, now: Callable[[], datetime]) -> Iterator[CheckEnded]:
    """One event for every planned check that is to run; a check without a body gives none and so stays 未検証."""
    known = bodies(plan.role)
    for planned in plan.checks:
        body = known.get(planned.id)
        if planned.status == "run" and body is not None:
            view = LabView(policy, record)
            raw, finding = _run(body, view)
            yield CheckEnded(at=now(), check=planned.id, phase="call", raw=raw, finding=finding)


def _run(body: Body, view: LabView) -> tuple[Raw, FoundThis | None]:
    try:
        body(view)
    except Outcome as outcome:
        found = outcome.finding
        raw = {Nonconformity: Raw.NONCONFORMITY, Unverified: Raw.UNVERIFIED, ReviewNeeded: Raw.REVIEW}[type(outcome)]
        return raw, FoundThis(
            ja=found.ja,
            en=found.en,
            sent=found.sent,
            expected=found.expected,
            actual=found.actual,
            case=found.case,
            evidence=view.evidence[:MOST_EVIDENCE],
        )
    except Exception as error:
        return Raw.ERROR, FoundThis(
            ja="試験側の誤り（製品の不適合ではない）",
            en="error of the harness, not of the product",
            actual=f"{type(error).__name__}: {error}"[:2000],
        )
    if view.remarks:
        ja, en = (" ".join(one[side] for one in view.remarks) for side in (0, 1))
        return Raw.PASS, FoundThis(ja=ja, en=en, evidence=view.evidence[:MOST_EVIDENCE])
    return Raw.PASS, None
