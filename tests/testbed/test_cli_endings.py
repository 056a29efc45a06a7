"""How a run can end other than by itself: the product is lost, somebody stops it, it is killed, the harness is broken."""

from __future__ import annotations

import json
import random
import re
import signal
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest

from conformance.engine import run as engine
from conformance.engine.run import Options, execute
from conformance.reporters.write import write_reports
from conformance.verdicts import Exit, Verdict
from fixtures.world import World
from shinsei_testbed import module_command
from testbed.reference import RELAY_COMMAND
from tests.testbed.cli_runs import (
    SECRET,
    begin,
    descendants,
    fake_target,
    results_in,
    run_folder,
    shinsei,
    still_there,
    until,
)
from tests.testbed.fake_product import REAL

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def verdicts(out: Path) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in results_in(out)["checks"]}


def events_of(out: Path) -> str:
    try:
        return (run_folder(out) / "events.ndjson").read_text(encoding="utf-8")
    except (ValueError, FileNotFoundError):
        return ""


def test_a_product_lost_during_the_run_fails_the_liveness_check_only(tmp_path: Path) -> None:
    fake_target(tmp_path, "gone")
    done = shinsei("check", "am", "-t", "target.toml", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    found = verdicts(tmp_path / "out")
    assert {name for name, verdict in found.items() if verdict == "FAIL"} == {"AM-3.0-03a"}
    assert {verdict for name, verdict in found.items() if name != "AM-3.0-03a"} <= {"UNVERIFIED", "N/A"}
    assert json.loads(done.stdout)["exit_code"] == 1
    assert results_in(tmp_path / "out")["finished"]


def test_a_product_that_has_nothing_is_never_conformant(tmp_path: Path) -> None:
    fake_target(tmp_path, "empty")
    done = shinsei("check", "am", "-t", "target.toml", "-k", "AM-3.1-01", "-k", "AM-3.4", cwd=tmp_path)
    assert done.returncode in (1, 4)
    assert "PASS" not in {verdict for name, verdict in verdicts(tmp_path / "out").items() if name.startswith("AM-3.4")}


def test_a_hostile_product_neither_breaks_the_run_nor_escapes(tmp_path: Path) -> None:
    fake_target(tmp_path, "hostile")
    done = shinsei("check", "am", "-t", "target.toml", "-k", "AM-3.0-01", "-k", "AM-3.5", cwd=tmp_path)
    assert done.returncode in (1, 4), done.stdout[-3000:]
    assert results_in(tmp_path / "out")["troubles"] == []
    assert not STEERING.search(done.stdout + done.stderr)
    assert len(done.stdout) < 200_000
    folder = run_folder(tmp_path / "out")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not STEERING.search(page)
    assert not STEERING.search((folder / "junit.xml").read_text(encoding="utf-8"))
    for path in folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path.name
            assert path.stat().st_size < 20_000_000, path.name


def test_a_product_with_other_applications_is_refused_unless_it_is_declared(tmp_path: Path) -> None:
    path = fake_target(tmp_path, "others")
    done = shinsei("check", "am", "-t", "target.toml", "-k", "AM-3.1-01", cwd=tmp_path)
    assert done.returncode == 2
    assert "other_applications" in done.stdout
    declared = path.read_text(encoding="utf-8").replace("[declare]", "[run]\nother_applications = true\n[declare]")
    path.write_text(declared, encoding="utf-8")
    done = shinsei("check", "am", "-t", "target.toml", "-k", "AM-3.1-01", "--out", "again", cwd=tmp_path)
    assert done.returncode in (1, 4)
    assert "伏せた" in done.stdout
    for out in ("out", "again"):
        for file in run_folder(tmp_path / out).rglob("*"):
            if file.is_file():
                assert b"250401REALPERSON" not in file.read_bytes(), file.name


def test_real_people_in_a_products_words_stand_in_no_output(tmp_path: Path) -> None:
    day = date(2026, 1, 15)
    receipt = World(seed=1, reference_date=day).case("k01-plain").receipt_no
    fake_target(tmp_path, f"personal:{receipt}")
    done = shinsei("check", "am", "-t", "target.toml", "--date", day.isoformat(), cwd=tmp_path)
    assert done.returncode == 1, done.stdout[-3000:]
    run = run_folder(tmp_path / "out")
    bundled = shinsei("report", "bundle", str(run), "--out", "b.zip", cwd=tmp_path)
    assert bundled.returncode == 0, bundled.stderr
    names = {"events.ndjson", "results.json", "report.html", "junit.xml", "tekigohyo.xlsx"}
    assert names <= {path.name for path in run.iterdir()}
    assert receipt in (run / "events.ndjson").read_text(encoding="utf-8")
    assert "伏字" in "".join(path.read_text(encoding="utf-8") for path in (run / "records").glob("*.json"))
    secrets = [one.encode() for real in REAL for one in (real, json.dumps(real)[1:-1])]
    outputs = [("terminal", done.stdout.encode())]
    outputs += [(path.name, path.read_bytes()) for path in run.rglob("*") if path.is_file()]
    for archive in [*run.rglob("*.xlsx"), tmp_path / "b.zip"]:
        with zipfile.ZipFile(archive) as parts:
            outputs += [(f"{archive.name}/{name}", parts.read(name)) for name in parts.namelist()]
    for name, data in outputs:
        for secret in secrets:
            assert secret not in data, f"{name}: {secret.decode()}"


def ended_checks(run: Path) -> list[dict[str, object]]:
    """The events of checks that had ended when the run was cut short; its last line may be torn."""
    lines = (run / "events.ndjson").read_text(encoding="utf-8", errors="replace").splitlines()
    return [json.loads(one) for one in lines if '"type":"check-ended"' in one and one.endswith("}")]


@pytest.mark.parametrize("tenth", [1, 4, 7, 12])
def test_killed_at_any_moment_it_still_has_a_report_that_says_so(tmp_path: Path, tenth: int) -> None:
    """The moments are spread over a short run by a seed; whatever is on disk then, a report comes out of it."""
    fake_target(tmp_path, "empty")
    process = begin("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert until((tmp_path / "out").is_dir)
    time.sleep(random.Random(tenth).uniform(0, tenth / 2))  # noqa: S311 - moments, no secrets
    below = descendants(process.pid)
    ended_by_itself = process.poll()
    process.kill()
    process.wait()
    assert until(lambda: not still_there(below), 20), still_there(below)
    done = shinsei("report", "show", str(run_folder(tmp_path / "out")), cwd=tmp_path)
    assert "Traceback" not in done.stderr
    data = results_in(tmp_path / "out")
    failed = any(one["verdict"] == "FAIL" for one in data["checks"])  # it may have got as far as the first findings
    cut_short = (1 if failed else 4, False)
    assert (done.returncode, data["finished"]) == (cut_short if ended_by_itself is None else (ended_by_itself, True))
    page = (run_folder(tmp_path / "out") / "report.html").read_text(encoding="utf-8")
    assert ("途中で打ち切られた" in page) is (ended_by_itself is None)
    judged = {one["check"] for one in ended_checks(run_folder(tmp_path / "out"))}
    assert {one["id"] for one in data["checks"] if one["verdict"] in ("PASS", "FAIL", "WARN")} <= judged


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_is_4_with_reports_and_nothing_left(tmp_path: Path, number: signal.Signals) -> None:
    fake_target(tmp_path, "sleepy")
    process = begin("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert until(lambda: "sync:first" in events_of(tmp_path / "out"))
    below = descendants(process.pid)
    assert len(below) >= 4  # world, relay, product and its own child
    process.send_signal(number)
    assert process.wait(timeout=60) == 4
    assert still_there(below) == []
    results = results_in(tmp_path / "out")
    assert results["interrupted"] == number.name
    assert set(verdicts(tmp_path / "out").values()) <= {"UNVERIFIED", "N/A"}
    folder = run_folder(tmp_path / "out")
    assert "中断" in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "world.json").exists()


def test_stopped_before_anything_has_begun_is_4_too(tmp_path: Path) -> None:
    process = begin("check", "am", cwd=tmp_path)
    assert until((tmp_path / "out").is_dir)
    below = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 4
    assert until(lambda: not still_there(below), 20)
    assert results_in(tmp_path / "out")["interrupted"]


def test_a_killed_run_is_reported_as_cut_short_and_leaves_nothing(tmp_path: Path) -> None:
    fake_target(tmp_path, "sleepy")
    process = begin("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert until(lambda: "sync:first" in events_of(tmp_path / "out"))
    below = descendants(process.pid)
    process.kill()
    process.wait()
    assert until(lambda: not still_there(below), 20), still_there(below)
    folder = run_folder(tmp_path / "out")
    assert until(lambda: not (folder / "world.json").exists())
    assert SECRET.encode() not in b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    done = shinsei("report", "show", str(folder), cwd=tmp_path)
    assert done.returncode == 4
    assert results_in(tmp_path / "out")["finished"] is False
    assert "途中で打ち切られた" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_killed_run_of_the_bundled_product_leaves_no_database(tmp_path: Path) -> None:
    process = begin("check", "am", cwd=tmp_path)
    assert until(lambda: "import:first" in events_of(tmp_path / "out"), 120)
    below = descendants(process.pid)
    assert any("postgres" in one for one in below.values())
    assert len(below) >= 6
    process.kill()
    process.wait()
    assert until(lambda: not still_there(below), 20), still_there(below)


def options() -> Options:
    return Options(module_command=module_command, relay_command=RELAY_COMMAND)


def test_our_own_bug_is_3_and_never_the_vendors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("\x1b our bug")

    monkeypatch.setenv("FAKE_TOKEN", SECRET)
    monkeypatch.setattr(engine, "Driver", broken)
    execute(fake_target(tmp_path, "empty"), tmp_path / "run", options())
    reports = write_reports(tmp_path / "run")
    assert reports.results.exit() is Exit.HARNESS
    (trouble,) = reports.results.troubles
    assert trouble.kind == "harness"
    assert "ZeroDivisionError" in trouble.ja
    assert "\x1b" not in trouble.ja
    assert not [one for one in reports.results.checks if one.verdict is Verdict.FAIL]


QUIET_ENDS = {
    "at once": "",
    "with a failure's code": "raise SystemExit(1)",
    "told to begin": "import sys; sys.stdin.buffer.readline()",
    "half an event": "import sys; sys.stdin.buffer.readline(); open('checks.ndjson', 'w').write('{')",
}


@pytest.mark.parametrize("body", QUIET_ENDS.values(), ids=QUIET_ENDS)
def test_a_check_process_that_ends_without_saying_so_is_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    def command(module: str, *words: str) -> list[str]:
        ours = module_command(module, *words)
        return [ours[0], "-I", "-S", "-c", body] if module.endswith("check_process") else ours

    monkeypatch.setenv("FAKE_TOKEN", SECRET)
    made = options()
    execute(
        fake_target(tmp_path, "gone"),
        tmp_path / "run",
        Options(module_command=command, relay_command=made.relay_command),
    )
    results = write_reports(tmp_path / "run").results
    assert results.exit() is Exit.HARNESS
    (trouble,) = results.troubles
    assert "checks.log" in trouble.ja
    assert {one.verdict for one in results.checks} <= {Verdict.UNVERIFIED, Verdict.NA}
