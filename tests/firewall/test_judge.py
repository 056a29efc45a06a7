"""The suites on made-up records: no control, no pass; half-open fails; no lab is 未検証; our own bug is ERROR."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance import suites
from conformance.catalogue import load_catalogue
from conformance.events import CheckEnded
from conformance.firewall.judge import bodies, judge
from conformance.firewall.matrix import build_matrix
from conformance.firewall.plan_lab import Declared, make_lab_plan
from conformance.firewall.record import Class, Exchange, LabRecord, Round, Seen
from conformance.plan import Plan, Waiver
from conformance.verdicts import Raw
from interface_spec.errors import SpecError
from interface_spec.policy import Policy, load_policy, parse_policy
from tests.firewall.data import BASELINE, baseline, perfect_record

WHEN = datetime(2026, 4, 1, tzinfo=UTC)


def plan_of(policy: Policy, role: str = "fw", **more: Any) -> Plan:
    return make_lab_plan(
        run_id="r",
        declared=Declared(policy, role),
        product={"name": "x", "version": "1", "vendor": "v"},
        reference_date=date(2026, 4, 1),
        **more,
    )


def verdicts(policy: Policy, record: LabRecord, role: str = "fw") -> dict[str, CheckEnded]:
    return {one.check: one for one in judge(plan_of(policy, role), policy, record, lambda: WHEN)}


@pytest.mark.parametrize("role", ["fw", "relay"])
def test_every_check_has_one_body_and_every_body_a_check(role: str) -> None:
    assert set(bodies(role)) == set(load_catalogue(role).checks)


def test_a_faultless_record_passes_every_probe_check() -> None:
    policy = baseline()
    found = verdicts(policy, perfect_record(policy))
    played = {"control", "boundary", "lgwan"}
    rounds = {one.id: one.disturbance for one in load_catalogue("fw").checks.values()}
    assert {one.raw for name, one in found.items() if rounds[name] in played} == {Raw.PASS}


def _boundary_facts(record: LabRecord, **facts: str) -> LabRecord:
    changed = record.round("boundary").model_copy(update={"facts": facts})
    return record.model_copy(update={"rounds": {**record.rounds, "boundary": changed}})


@pytest.mark.parametrize(
    ("facts", "check", "raw"),
    [
        ({"neighbours boundary": "boundary:dmz0 → 2001:db8:2::10"}, "FW-1.1-06b", Raw.NONCONFORMITY),
        ({"neighbours boundary": ""}, "FW-1.1-06b", Raw.PASS),
        ({}, "FW-1.1-06b", Raw.UNVERIFIED),
        ({"idle boundary a": "432000", "idle boundary b": "60"}, "FW-1.1-06c", Raw.NONCONFORMITY),
        ({"idle boundary a": "299"}, "FW-1.1-06c", Raw.PASS),
        ({"idle boundary stateless": ""}, "FW-1.1-06c", Raw.PASS),
        ({"idle lgwan a": "60"}, "FW-1.1-06c", Raw.UNVERIFIED),
    ],
)
def test_what_the_connection_and_neighbour_tables_showed_is_judged(facts: dict[str, str], check: str, raw: Raw) -> None:
    policy = baseline()
    assert verdicts(policy, _boundary_facts(perfect_record(policy), **facts))[check].raw is raw


@pytest.mark.parametrize(("tunnelled", "words"), [(True, "続く"), (False, "届かなくなる")])
def test_a_moved_download_function_is_a_remark_on_a_passed_check(tunnelled: bool, words: str) -> None:
    policy = baseline()
    record = perfect_record(policy)
    exchanges = {
        "PX-01a": Exchange(id="PX-01a", status=200, tunnelled=True, reached=("dl:443",)),
        "PX-22c": Exchange(id="PX-22c", status=200 if tunnelled else 503, tunnelled=tunnelled),
    }
    chain = record.round("chain").model_copy(update={"exchanges": exchanges})
    found = verdicts(policy, record.model_copy(update={"rounds": {**record.rounds, "chain": chain}}))["FW-S32-02b"]
    assert found.raw is Raw.PASS
    assert found.finding is not None
    assert words in found.finding.ja


def test_without_a_lab_everything_is_unverified_and_says_why() -> None:
    policy = baseline()
    found = verdicts(policy, LabRecord(policy=policy.id, unavailable="nft がありません / no nft"))
    lab_checks = {n: e for n, e in found.items() if n not in ("FW-1.1-02a", "FW-1.1-03a", "FW-S62-03a")}
    assert {one.raw for one in lab_checks.values()} == {Raw.UNVERIFIED}
    assert all(one.finding is not None and "nft" in one.finding.ja for one in lab_checks.values())


@pytest.mark.parametrize(
    ("cls", "raw"),
    [
        ("delivered", Raw.NONCONFORMITY),
        ("half_open", Raw.NONCONFORMITY),
        ("refused_by_target", Raw.NONCONFORMITY),
        ("rejected_by_firewall", Raw.PASS),
        ("dropped", Raw.PASS),
        ("lost", Raw.UNVERIFIED),
        ("not_sent", Raw.UNVERIFIED),
    ],
)
def test_a_denied_probe_is_judged_by_what_the_receiver_saw(cls: Class, raw: Raw) -> None:
    policy = baseline()
    record = perfect_record(policy)
    number = next(c.number for c in build_matrix(policy) if c.case == "FW-D01")
    changed = {**record.round("boundary").cells, number: Seen(cls=cls, arrived=("dl",), legs=("mynum0",), rule="r1")}
    rounds = {**record.rounds, "boundary": record.round("boundary").model_copy(update={"cells": changed})}
    found = verdicts(policy, record.model_copy(update={"rounds": rounds}))
    assert found["FW-1.1-07a"].raw is raw
    others = [name for name, one in found.items() if name.startswith("FW-1.1-0") and one.raw is Raw.NONCONFORMITY]
    assert others == (["FW-1.1-07a"] if raw is Raw.NONCONFORMITY else [])


def test_a_failure_names_the_path_and_the_rule() -> None:
    policy = baseline()
    record = perfect_record(policy)
    number = next(c.number for c in build_matrix(policy) if c.case == "FW-D01")
    legs = ("lgwan:down0", "boundary:mynum0")
    leak = Seen(cls="delivered", arrived=("dl",), legs=legs, rule="boundary: accept 7")
    cells = {**record.round("boundary").cells, number: leak}
    rounds = {**record.rounds, "boundary": record.round("boundary").model_copy(update={"cells": cells})}
    finding = verdicts(policy, record.model_copy(update={"rounds": rounds}))["FW-1.1-07a"].finding
    assert finding is not None
    assert finding.case == "FW-D01"
    assert "ap → boundary:mynum0 → lgwan:down0 → dl" in finding.evidence[0].response
    assert "boundary: accept 7" in finding.evidence[0].response


def test_a_denial_without_delivered_control_is_unverified() -> None:
    policy = baseline()
    record = perfect_record(policy)
    number = next(c.number for c in build_matrix(policy) if c.case == "FW-D01")
    cells = {**record.round("control").cells, number: Seen(cls="dropped")}
    rounds = {**record.rounds, "control": record.round("control").model_copy(update={"cells": cells})}
    found = verdicts(policy, record.model_copy(update={"rounds": rounds}))
    assert found["FW-1.1-07a"].raw is Raw.UNVERIFIED


def test_a_permitted_probe_needs_its_answer() -> None:
    policy = baseline()
    record = perfect_record(policy)
    number = next(c.number for c in build_matrix(policy) if c.case == "FW-A01")
    cells = {**record.round("boundary").cells, number: Seen(cls="half_open", arrived=("dl",), legs=("dmz0",))}
    rounds = {**record.rounds, "boundary": record.round("boundary").model_copy(update={"cells": cells})}
    assert verdicts(policy, record.model_copy(update={"rounds": rounds}))["FW-1.1-05a"].raw is Raw.NONCONFORMITY


def _relay(**changed: Exchange) -> LabRecord:
    good = Exchange(id="PX-01a", status=200, tunnelled=True, reached=("dl:443",))
    refused = Exchange(id="PX-03", status=403)
    exchanges = {"PX-01a": good, "PX-03": refused, "PX-14": refused.model_copy(update={"id": "PX-14"}), **changed}
    return LabRecord(policy="baseline", rounds={"proxy": Round(id="proxy", exchanges=exchanges)})


@pytest.mark.parametrize(
    ("status", "reached", "raw"),
    [
        (403, (), Raw.PASS),
        (0, (), Raw.PASS),
        (503, (), Raw.NONCONFORMITY),
        (200, (), Raw.NONCONFORMITY),
        (403, ("ot:443",), Raw.NONCONFORMITY),
    ],
)
def test_a_refusal_is_exact(status: int, reached: tuple[str, ...], raw: Raw) -> None:
    record = _relay(**{"PX-03": Exchange(id="PX-03", status=status, reached=reached)})
    assert verdicts(baseline(), record, "relay")["RLY-S62-02a"].raw is raw


def test_refusals_prove_nothing_when_the_permitted_request_fails() -> None:
    record = _relay(**{"PX-01a": Exchange(id="PX-01a", status=403)})
    found = verdicts(baseline(), record, "relay")
    assert found["RLY-1.3-02a"].raw is Raw.UNVERIFIED or found["RLY-1.3-02a"].raw is Raw.NONCONFORMITY
    assert found["RLY-S62-02a"].raw is Raw.UNVERIFIED


SQUID = (
    "1.1 39 172.16.50.10 TCP_TUNNEL/200 9876 CONNECT dl.shinsei.lgwan.test:443 - HIER_DIRECT/198.51.100.10 -",
    "1.2 0 172.16.50.10 TCP_DENIED/403 3895 CONNECT dl.shinsei.lgwan.test:22 - HIER_NONE/- text/html",
    "1.3 0 172.16.50.10 TCP_DENIED/403 3899 CONNECT other.lgwan.test:443 - HIER_NONE/- text/html",
)


@pytest.mark.parametrize(
    ("lines", "raw"),
    [
        (SQUID, Raw.PASS),
        (SQUID[:2], Raw.NONCONFORMITY),
        (SQUID[1:], Raw.NONCONFORMITY),
        (tuple(line.replace("172.16.50.10", "-") for line in SQUID), Raw.NONCONFORMITY),
        (("172.16.50.10 許可 dl.shinsei.lgwan.test", "172.16.50.10 拒否 other.lgwan.test"), Raw.PASS),
        (("172.16.50.10 dl.shinsei.lgwan.test:443 517 2026", "172.16.50.10 other.lgwan.test:443 0 2027"), Raw.NONCONFORMITY),
        (('{"ip":"172.16.50.10","to":"dl.shinsei.lgwan.test:443","code":200}', '{"ip":"172.16.50.10","to":"other.lgwan.test:443","code":403}'), Raw.PASS),
    ],
    ids=["squid", "no-refusals", "no-permitted", "no-source", "words", "no-verdict", "statuses"],
)  # fmt: skip
def test_the_log_names_source_destination_and_verdict(lines: tuple[str, ...], raw: Raw) -> None:
    policy, record = baseline(), _relay()
    played = record.round("proxy").model_copy(update={"facts": {"log": "\n".join(lines)}})
    plan = make_lab_plan(
        run_id="r", declared=Declared(policy, "relay", log=True), product={}, reference_date=date(2026, 4, 1)
    )  # fmt: skip
    found = judge(plan, policy, record.model_copy(update={"rounds": {"proxy": played}}), lambda: WHEN)
    assert {one.check: one.raw for one in found}["RLY-S62-02m"] is raw


def test_rows_that_the_topology_leads_elsewhere_do_not_apply() -> None:
    plan = plan_of(load_policy(Path("baseline-t2")))
    na = {one.id for one in plan.checks if one.status == "na"}
    assert {"FW-1.1-05a", "FW-1.1-04x"} <= na
    assert "FW-1.2-04a" not in na
    assert "FW-1.1-05" not in {one.requirement for one in plan.attestations}


def test_a_relay_that_is_no_proxy_is_judged_by_its_destinations() -> None:
    policy = baseline()
    declared = Declared(policy, "relay", "store-and-forward")
    plan = make_lab_plan(run_id="r", declared=declared, product={}, reference_date=date(2026, 4, 1))
    assert {one.id for one in plan.checks if one.status == "run"} == {"RLY-S62-02l", "RLY-S62-02n"}
    facts = {"opened": "dl:443 dns:53", "queries": "", "alive": "True"}
    record = LabRecord(policy="p", rounds={"proxy": Round(id="proxy", facts=facts)})
    assert {one.raw for one in judge(plan, policy, record, lambda: WHEN)} == {Raw.PASS}


@pytest.mark.parametrize(
    ("check", "words"),
    [("RLY-3.1-81a", "idle_seconds"), ("RLY-S62-81a", "empty_list"), ("RLY-S62-81b", "squid_conf")],
)
def test_what_was_not_handed_in_is_unverified_with_the_reason(check: str, words: str) -> None:
    policy = baseline()
    found = verdicts(policy, _relay(), "relay")[check]
    assert found.raw is Raw.UNVERIFIED
    assert found.finding is not None
    assert words in found.finding.ja
    assert words in found.finding.en
    assert not next(one for one in plan_of(policy, "relay").checks if one.id == check).deciding


@pytest.mark.parametrize(
    ("seconds", "tunnelled", "raw"),
    [(300, True, Raw.PASS), (300, False, Raw.NONCONFORMITY), (1, True, Raw.UNVERIFIED), (1, False, Raw.NONCONFORMITY)],
)
def test_an_idle_tunnel_passes_only_after_five_minutes(seconds: float, tunnelled: bool, raw: Raw) -> None:
    one = Exchange(id="PX-25", status=200 if tunnelled else 0, tunnelled=tunnelled, seconds=seconds)
    assert verdicts(baseline(), _relay(**{"PX-25": one}), "relay")["RLY-3.1-81a"].raw is raw


@pytest.mark.parametrize(
    ("exchange", "raw"),
    [
        (Exchange(id="PX-18e", error="連携サーバが待ち受けません / it does not listen"), Raw.PASS),
        (Exchange(id="PX-18e", status=403), Raw.PASS),
        (Exchange(id="PX-18e", status=200, tunnelled=True, reached=("dl:443",)), Raw.NONCONFORMITY),
        (Exchange(id="PX-18e", status=503, reached=("ot:443",)), Raw.NONCONFORMITY),
    ],
)
def test_an_unusable_allow_list_must_close_the_relay(exchange: Exchange, raw: Raw) -> None:
    policy = baseline()
    plan = make_lab_plan(
        run_id="r",
        declared=Declared(policy, "relay"),
        product={},
        reference_date=date(2026, 4, 1),
    )
    record = _relay(**{"PX-18e": exchange, "PX-18e-other": Exchange(id="PX-18e-other", status=403)})
    found = {one.check: one.raw for one in judge(plan, policy, record, lambda: WHEN)}
    assert found["RLY-S62-81a"] is raw


def test_subsidy_raises_the_white_list_to_mandatory() -> None:
    calm = {one.id: one.mandatory for one in plan_of(baseline(), "relay").checks}
    paid = parse_policy(BASELINE.replace("subsidy = false", "subsidy = true"), "p")
    raised = {one.id: one.mandatory for one in plan_of(paid, "relay").checks}
    assert not calm["RLY-S62-02a"]
    assert raised["RLY-S62-02a"]


def test_selection_leaves_the_rest_in_the_plan() -> None:
    plan = plan_of(baseline(), selected=["FW-1.1-07"])
    assert {one.id for one in plan.checks if one.status == "run"} == {"FW-1.1-07a", "FW-1.1-07b"}
    assert len(plan.checks) == len(load_catalogue("fw").checks)


@pytest.mark.parametrize(
    "more",
    [
        {"selected": ["nothing-like-this"]},
        {"attestations": {"FW-9.9-99": ("a", "b", "2026-01-01")}},
        {"waivers": [Waiver(check="FW-9.9-99a", reason="r", owner="o", expires=date(2027, 1, 1))]},
        {"waivers": [Waiver(check="FW-1.1-07a", reason="r", owner="o", expires=date(2026, 1, 1))]},
    ],
)
def test_what_fits_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        plan_of(baseline(), **more)


def test_a_bug_of_the_suite_is_an_error_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object, *_cases: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("conformance.firewall.view.LabView.nothing_passes", broken)
    found = verdicts(baseline(), perfect_record(baseline()))
    assert found["FW-1.1-07a"].raw is Raw.ERROR


OUTSIDE = {"socket", "subprocess", "os", "pathlib", "time", "datetime", "random", "tempfile", "ssl", "urllib", "httpx"}


@pytest.mark.parametrize("role", ["fw", "relay"])
def test_a_check_reads_the_record_and_nothing_else(role: str) -> None:
    """What docs/adr/0060 rests on: no module of these suites imports anything that reaches outside."""
    folder = Path(suites.__file__).parent / role
    modules = sorted(folder.glob("*.py"))
    assert len(modules) > 3
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & OUTSIDE, f"{path.name}: {names}"
            assert not (isinstance(node, ast.Name) and node.id in ("open", "eval", "exec", "__import__")), path.name


def test_what_a_rule_table_does_not_say_stands_in_the_report() -> None:
    policy = baseline()
    plan = make_lab_plan(
        run_id="r", declared=Declared(policy, "fw", tables=("lgwan",)), product={}, reference_date=date(2026, 4, 1)
    )
    notes = {name: text for name, text, _ in plan.profile.assumptions}
    assert "LGWAN-FW" in notes["table.lgwan"]
    assert "機器自身への通信" in notes["table.lgwan"]
    assert "table.boundary" not in notes
