"""The command adapter and the polling trigger, on a product that is one small script."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance.adapters.base import AdapterProblem, ProductUnreachable
from conformance.adapters.command import CommandAdapter
from conformance.adapters.polling import PollingAdapter
from conformance.adapters.settings import COMMANDS
from conformance.engine.secrets import Redactor
from conformance.engine.tape import AdapterTape
from conformance.target import TargetError
from interface_spec.control import IdentifyPerson, JobState, Review, ReviewChange, Role
from tests.conformance.targets import GOOD, target_of, write_target

SCRIPT = """
import json, sys
word, *rest = sys.argv[1:]
WHEN = "2026-01-01T00:00:00+09:00"
ONE = {"receipt_no": "R1", "procedure_id": "K01", "ingestion": "stored", "review": "unreviewed", "handover": "none",
       "received_at": WHEN, "arrived_at": WHEN, "imported_at": WHEN, "version": 1}
if word == "health":
    print(json.dumps({"status": "ok", "product": "batch", "version": "1", "now": WHEN}))
elif word == "sync":
    sys.exit(0)
elif word == "import":
    print("取り込めません", file=sys.stderr); sys.exit(9)
elif word == "list":
    print(json.dumps({"total": 1, "items": [ONE]}))
elif word == "show":
    sys.exit(4) if rest[0] != "R1" else print(json.dumps(ONE))
elif word == "attachment":
    sys.stdout.buffer.write(bytes(range(256)))
elif word == "review":
    change = json.load(sys.stdin)
    if change["to"] != "reviewing":
        print("許されない変更", file=sys.stderr); sys.exit(3)
    print(json.dumps(ONE | {"review": "reviewing"}))
elif word == "identify":
    sys.exit(1)
"""


@pytest.fixture
def tape() -> AdapterTape:
    return AdapterTape(Redactor(["very-secret-word"]))


@pytest.fixture
def adapter(tmp_path: Path, tape: AdapterTape) -> CommandAdapter:
    (tmp_path / "am.py").write_text(SCRIPT, encoding="utf-8")
    places = {"show": ["{receipt_no}"], "attachment": ["{receipt_no}", "{seq}"], "review": ["{receipt_no}"]}
    words = {name: [sys.executable, "-S", "-X", "utf8", "am.py", name, *places.get(name, [])] for name in COMMANDS}
    return CommandAdapter(words, tmp_path, {}, tape.note, call_timeout=20, job_timeout=20)


def test_reading_goes_through_the_commands(adapter: CommandAdapter) -> None:
    assert adapter.health().product == "batch"
    assert [one.receipt_no for one in adapter.applications()] == ["R1"]
    detail = adapter.application("R1")
    assert detail is not None
    assert detail.review is Review.UNREVIEWED
    assert adapter.application("R2") is None
    assert adapter.attachment("R1", 1) == (200, bytes(range(256)))


def test_a_job_is_done_or_failed_by_its_exit_code(adapter: CommandAdapter) -> None:
    assert adapter.sync().state is JobState.DONE
    job = adapter.import_now()
    assert job.state is JobState.FAILED
    assert job.message == "取り込めません"


def test_a_refusal_is_409_and_a_crash_is_500(adapter: CommandAdapter) -> None:
    allowed = adapter.review("R1", ReviewChange(to=Review.REVIEWING))
    assert allowed.status == 200
    assert allowed.detail is not None
    refused = adapter.review("R1", ReviewChange(to=Review.COMPLETED))
    assert (refused.status, refused.message, refused.detail) == (409, "許されない変更", None)
    crashed = adapter.identify("R1", IdentifyPerson(role=Role.SIGNER, atena_no=None, reason="確認"))
    assert crashed.status == 500


def test_every_command_is_on_record_without_secrets(adapter: CommandAdapter, tape: AdapterTape) -> None:
    change = ReviewChange(to=Review.REVIEWING, reason="very-secret-word")
    number = adapter.review("R1", change).exchange
    kept = next(one for one in tape.exchanges if one.seq == number)
    assert kept.method == "RUN"
    assert "reviewing" in kept.request_body
    assert "very-secret-word" not in kept.model_dump_json()


def test_a_missing_program_is_unreachable_and_a_slow_one_a_problem(tmp_path: Path, tape: AdapterTape) -> None:
    words = {name: ["./no-such-program"] for name in COMMANDS}
    missing = CommandAdapter(words, tmp_path, {}, tape.note, call_timeout=1, job_timeout=1)
    with pytest.raises(ProductUnreachable, match=r"adapter\.commands\.health"):
        missing.health()
    slow = CommandAdapter(
        {name: ["sleep", "5"] for name in COMMANDS}, tmp_path, {"PATH": "/usr/bin:/bin"}, tape.note,
        call_timeout=0.2, job_timeout=0.2,
    )  # fmt: skip
    with pytest.raises(AdapterProblem, match="終わりません"):
        slow.applications()


def test_polling_waits_one_interval_and_a_margin_instead_of_asking(adapter: CommandAdapter) -> None:
    waited: list[float] = []
    told: list[float] = []
    polling = PollingAdapter(adapter, 600, waited.append, told.append)
    assert polling.sync().state is JobState.DONE
    assert polling.import_now().state is JobState.DONE
    assert sum(waited) == pytest.approx(720)
    assert told == sorted(told, reverse=True)
    assert told[0] == pytest.approx(720)
    assert polling.health().product == "batch"


def test_a_target_names_every_command(tmp_path: Path) -> None:
    commands = "\n".join(f'{name} = ["./am.sh", "{name}"]' for name in COMMANDS)
    table = f'[adapter]\nkind = "command"\ntrigger = "poll"\npoll_seconds = 30\n\n[adapter.commands]\n{commands}\n\n'
    target = target_of(tmp_path, "[world.ports]", f"{table}[world.ports]")
    assert target.adapter.commands["import"] == ("./am.sh", "import")
    short = table.replace('show = ["./am.sh", "show"]\n', "")
    write_target(tmp_path, GOOD.replace("[world.ports]", f"{short}[world.ports]"))
    with pytest.raises(TargetError, match=r"adapter\.commands\.show"):
        target_of(tmp_path, "[world.ports]", f"{short}[world.ports]")
    with pytest.raises(TargetError, match="unknown command"):
        target_of(tmp_path, "[world.ports]", '[adapter.commands]\nfly = ["x"]\n\n[world.ports]')
