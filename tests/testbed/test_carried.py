"""Every declared procedure is carried: one application each of those that no check has a case of, and the paper says how far."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from conformance.engine.run import Options, execute
from conformance.events import read_events
from conformance.planner import carried_cases, to_carry
from conformance.reporters.write import write_reports
from conformance.results import fold
from conformance.suites.package.consistency import Listed
from conformance.suites.package.validate import Validator
from conformance.target import load_target
from conformance.verdicts import Exit
from fixtures.cases.recipes import load_recipes
from fixtures.outline import carried_case, travelling_procedures
from fixtures.world import World
from shinsei_testbed import module_command
from testbed.postgres import embedded_server
from testbed.reference import RELAY_COMMAND, product_env, write_target

pytestmark = pytest.mark.long

DAY = date(2026, 1, 15)
CONNECTED = tuple(one for one in travelling_procedures() if one[0] in "KCMD")
"""子育て・介護の26手続, 転出届・転入予約, 罹災証明書."""


def target_of_all(folder: Path) -> Path:
    """The reference's target file with every procedure declared."""
    path = write_target(folder)
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'procedures = \["K01", "C01"\]', f"procedures = {json.dumps(CONNECTED)}", text)
    methods = ", ".join(f'{one} = "iv"' for one in CONNECTED)
    text = text.replace('methods = { K01 = "iv", C01 = "iv" }', f"methods = {{ {methods} }}")
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_26_and_the_others_that_may_be_declared() -> None:
    assert len([one for one in CONNECTED if one[0] in "KC"]) == 26
    assert {"M01", "M02", "D01"} <= set(CONNECTED)


def test_what_is_declared_is_carried_and_a_run_of_two_procedures_stays_as_it_was(tmp_path: Path) -> None:
    both = load_target(write_target(tmp_path / "two"))
    assert to_carry(both) == ()
    every = load_target(target_of_all(tmp_path / "all"))
    assert set(to_carry(every)) == set(CONNECTED) - {"K01", "C01"}
    plain, more = World(seed=1, reference_date=DAY), World(seed=1, reference_date=DAY, carried=to_carry(every))
    names, beyond = carried_cases(more, every)
    assert beyond == {}
    assert names == [carried_case(one) for one in to_carry(every)]
    assert plain.case("k01-plain").sha256 == more.case("k01-plain").sha256
    known = {row.serial for row in more.links()}
    assert {row.serial for row in plain.links()} < known


@pytest.mark.parametrize("procedure", [one for one in CONNECTED if one not in ("K01", "C01")])
def test_a_carried_application_is_a_correct_one_from_a_household_of_its_own(procedure: str) -> None:
    world = World(seed=1, reference_date=DAY, carried=(procedure,))
    case = world.case(carried_case(procedure))
    assert (case.procedure_id, case.truth.fate) == (procedure, "stored")
    listed = Listed(case.receipt_no, case.dantai_code, case.procedure_id)
    report = Validator(world.profile).validate(case.zip_bytes, listed)
    assert report.conforming, report.rules
    taken = {household for one in load_recipes().values() for household in one.households()}
    assert not taken & {(shape, 41) for shape, _ in taken}


@pytest.mark.slow
def test_the_paper_says_how_far_each_procedure_came(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with embedded_server() as server:
        url = server.create_database("carried")
        options = Options(
            module_command=module_command,
            relay_command=RELAY_COMMAND,
            reference_date=DAY,
            product_env=lambda: product_env(url),
        )
        execute(target_of_all(tmp_path), run_dir, options)
    results = fold(read_events(run_dir / "events.ndjson"))
    assert results.troubles == ()
    failed = [(one.planned.id, one.reason_ja) for one in results.checks if one.verdict in ("FAIL", "ERROR")]
    assert failed == []
    assert results.exit() is Exit.CONFORMANT
    reached = {one.procedure: one.stages[-1] for one in results.seen if one.case.endswith("-carried")}
    assert reached == {one: "acknowledged" for one in CONNECTED if one not in ("K01", "C01")}
    write_reports(run_dir)
    page = (run_dir / "papers" / "setsuzoku-jokyo.html").read_text(encoding="utf-8")
    assert "最後まで運んだもの 26" in page
    assert "補助要件" not in page
