"""Rules that were written out or compiled, in the kernel: they let through what their originals do, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conformance.firewall.job import Job, Variant
from conformance.firewall.judge import judge
from conformance.firewall.rules import make_rules
from conformance.firewall.start import lab_folder, run_lab
from conformance.verdicts import Raw
from shinsei_testbed import module_command
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import Base, plan_for
from tests.firewall.data import CLOSED_SIX, SETS, SETS_SAVE

pytestmark = [pytest.mark.slow, pytest.mark.long]

HOLES = {
    "exception-lost": ("add ap 172.16.50.16/28 nomatch\n", "", "co → px 192.0.2.10 tcp 8080"),
    "list-too-wide": ("add names dns-udp\n", "add names dns-udp\nadd names more\n", "px → ot 198.51.100.20 tcp 443"),
    "one-port-more": ("add dns-ports 53\n", "add dns-ports 53\nadd dns-ports 80\n", "px → dns 198.51.100.53 tcp 80"),
}


def test_sets_written_out_mean_in_the_kernel_what_ipset_means() -> None:
    base = Base.load()
    families = base.text.replace('families = ["v4", "v6"]', 'families = ["v4"]')
    sets = {"reference": SETS, **{name: SETS.replace(old, new) for name, (old, new, _) in HOLES.items()}}
    assert len({*sets.values()}) == len(sets)
    variants = tuple(
        Variant(
            name=name,
            boundary=make_rules(
                "boundary",
                [("v4", SETS_SAVE.encode()), ("v6", CLOSED_SIX.encode()), ("ipset", text.encode())],
                base.policy,
            ),
            rounds=("control", "boundary"),
        )
        for name, text in sets.items()
    )
    with lab_folder() as place:
        job = Job(
            policy=families, policy_name="p", work=str(place.folder), prefix=place.prefix, variants=variants, trace=False
        )  # fmt: skip
        records = run_lab(job, module_command, limit_seconds=120)
    policy = base.policy.model_copy(update={"families": ("v4",)})
    plan = plan_for(policy, load_mutants()["B01"])
    chosen = plan.model_copy(update={"checks": tuple(one for one in plan.checks if one.round == "boundary")})
    found = {
        name: [
            one.finding.actual if one.finding else ""
            for one in judge(chosen, policy, record, lambda: datetime.now(UTC))
            if one.raw is not Raw.PASS
        ]
        for name, record in records.items()
    }
    assert found["reference"] == []
    for name, (_, _, seen) in HOLES.items():
        assert any(seen in one for one in found[name]), found[name]
