"""The lab itself: the reference comes out 適合, mutants are caught by exactly their checks, nothing is left behind.

Where namespaces or tools are missing these tests fail with the reason: they are never skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.events import read_events
from conformance.firewall.capture import CAPTURE_FILE
from conformance.firewall.job import Job, ProxyJob, Variant
from conformance.firewall.judge import judge
from conformance.firewall.netns import ADMIN_PATH, check_available, missing_tools, unshare_command
from conformance.firewall.rules import make_rules
from conformance.firewall.run import FwOptions, RelayOptions, run_fw, run_relay
from conformance.firewall.squid_build import has_openssl
from conformance.firewall.start import FOLDER_PREFIX, PID_FILE, clean, lab_folder, run_lab
from conformance.results import Results, fold
from conformance.verdicts import Raw, RunVerdict, Verdict
from interface_spec.policy import load_policy
from shinsei_testbed import module_command
from testbed.cli_firewall import write_reference, write_relay_target
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import Base, plan_for, run_mutants, table
from testbed.mutants.relay.command import STORE_MODULE

pytestmark = pytest.mark.slow
PRODUCT = '[product]\nname = "p"\nversion = "1"\nvendor = "v"\n'
ATTESTED = '[attestation."FW-1.1-03"]\nstatement = "DMZに設置"\nby = "試験"\ndate = 2026-01-05\n'
SAMPLE = (
    "B09", "B17", "B21", "B24", "B35", "B40", "B43", "B44", "B65", "B84", "B86", "B88", "B89", "B90", "L06", "L12", "L26",
    "C01", "C05",
)  # fmt: skip
RELAY_SAMPLE = ("S03", "S16", "S20", "S31", "E07", "E11", "E13")


def root_namespace() -> str:
    words = ["ip", "-br", "link"], ["ip", "netns", "list"], ["ip", "route"]
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{ADMIN_PATH}"}
    return "\n".join(
        subprocess.run(one, capture_output=True, text=True, timeout=20, check=True, env=environment).stdout
        for one in words
    )


def fw(tmp_path: Path, policy: str, *, broken: tuple[str, str] | None = None) -> Results:
    boundary, lgwan, proxy = write_reference(load_policy(Path(policy)), tmp_path / "ref")
    if broken:
        boundary.write_text(boundary.read_text(encoding="utf-8").replace(*broken), encoding="utf-8")
    run_fw(FwOptions(module_command, Path(policy), (boundary,), (lgwan,), proxy), tmp_path / "run")
    return fold(read_events(tmp_path / "run" / "events.ndjson"))


def relay(tmp_path: Path, text: str) -> Results:
    target = tmp_path / "relay-target.toml"
    target.write_text(text, encoding="utf-8")
    run_relay(RelayOptions(module_command, target), tmp_path / "run")
    return fold(read_events(tmp_path / "run" / "events.ndjson"))


def shown(results: Results) -> list[tuple[str, str, str]]:
    """What did not pass, with its reason: the message of a failing test."""
    bad = [
        (one.planned.id, str(one.verdict), one.reason_ja)
        for one in results.checks
        if one.verdict not in ("PASS", "N/A")
    ]
    return [*bad, *((one.kind, one.ja, one.detail) for one in results.troubles)]


def test_this_machine_can_have_a_lab() -> None:
    assert missing_tools(("squid", "iptables-restore-translate")) == []
    check_available()


@pytest.mark.parametrize("policy", ["baseline", "baseline-t2"])
def test_the_reference_rules_conform_and_the_root_namespace_is_untouched(tmp_path: Path, policy: str) -> None:
    before = root_namespace()
    results = fw(tmp_path, policy)
    assert shown(results) == []
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.CONFORMANT
    assert results.finished
    assert root_namespace() == before


@pytest.mark.parametrize("kind", ["squid", "embedded"])
def test_our_relays_conform(tmp_path: Path, kind: str) -> None:
    target = write_relay_target(load_policy(Path("baseline")), "baseline", tmp_path / "relay", kind)
    run_relay(RelayOptions(module_command, target), tmp_path / "run")
    results = fold(read_events(tmp_path / "run" / "events.ndjson"))
    assert [(name, verdict) for name, verdict, _ in shown(results)] == [("RLY-3.1-81a", "UNVERIFIED")]  # five minutes
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.CONFORMANT


def test_a_store_and_forward_relay_can_conform(tmp_path: Path) -> None:
    words = ", ".join(f'"{one}"' for one in module_command(STORE_MODULE, "dl.shinsei.lgwan.test:443"))
    text = f'role = "relay"\nkind = "store-and-forward"\ncommand = [{words}]\nobserve_seconds = 1.5\n{PRODUCT}'
    results = relay(tmp_path, text + ATTESTED + ATTESTED.replace("FW-1.1-03", "FW-S32-02"))
    assert shown(results) == []
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.CONFORMANT


def test_a_hole_is_found_with_the_rule_that_let_it_through(tmp_path: Path) -> None:
    hole = (
        'counter drop comment "default"',
        'iifname "mynum0" oifname "up0" tcp dport 443 counter accept comment "hole"\n    counter drop comment "default"',
    )
    results = fw(tmp_path, "baseline", broken=hole)
    failed = {one.planned.id: one for one in results.checks if one.verdict is Verdict.FAIL}
    assert "FW-1.1-07a" in failed
    evidence = failed["FW-1.1-07a"].findings[0].evidence
    assert any('comment "hole"' in one.response and "mynum0" in one.response for one in evidence)
    leak = next(one.response for one in evidence if 'comment "hole"' in one.response)
    for words in (
        "対照 / control: delivered（", "接続表 / connection table: boundary: new tcp 172.16.50.10",
        f"パケット / packets: {CAPTURE_FILE} ", "計数 / counted: boundary inet boundary forward #", "delivered（",
    ):  # fmt: skip
        assert words in leak
    assert 1000 < (tmp_path / "run" / CAPTURE_FILE).stat().st_size < 3 << 20
    assert results.clause is not None
    assert results.clause.verdict is RunVerdict.NOT_CONFORMANT


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (("dport 443", "dprt 443"), ["boundary.nft:", "読み込めません"]),
        (('oifname "up0"', 'oifname "eth7"'), ["boundary.nft:", "eth7", "interface_map"]),
        (("198.51.100.10", "10.9.9.9"), ["boundary.nft:", "10.9.9.9", "address_map"]),
    ],
)
def test_bad_rules_are_the_vendors_configuration(tmp_path: Path, broken: tuple[str, str], words: list[str]) -> None:
    results = fw(tmp_path, "baseline", broken=broken)
    assert [one.kind for one in results.troubles] == ["configuration"]
    for word in words:
        assert word in results.troubles[0].ja
    assert results.exit() == 2


def test_a_missing_tool_is_one_sentence_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.firewall.netns.missing_tools", lambda _extra=(): ["nft", "squid"])
    results = fw(tmp_path, "baseline")
    assert [one.kind for one in results.troubles] == ["configuration"]
    assert "apt-get install nftables squid" in results.troubles[0].ja
    assert "\n" not in results.troubles[0].ja
    assert results.exit() == 2


def test_without_namespaces_everything_is_unverified_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = "echo 'unshare failed: Operation not permitted' >&2; exit 1"
    monkeypatch.setattr("conformance.firewall.netns.unshare_command", lambda: ["sh", "-c", refusing, "unshare"])
    results = fw(tmp_path, "baseline")
    assert results.troubles == ()
    judged = [one for one in results.checks if one.planned.round != "control"]
    assert {one.verdict for one in judged} == {Verdict.UNVERIFIED}
    assert all("Operation not permitted" in one.reason_ja for one in judged)
    assert results.exit() == 4


@pytest.mark.parametrize("sample", [pytest.param(SAMPLE, id="fw"), pytest.param(RELAY_SAMPLE, id="relay")])
def test_mutants_are_caught_by_exactly_their_checks(sample: tuple[str, ...]) -> None:
    known = load_mutants()
    kills = run_mutants([known[name] for name in sample], module_command)
    wrong = [
        (one.mutant.id, one.caught_by, one.mutant.kills, one.errors, one.trouble)
        for one in kills
        if not one.as_declared
    ]
    assert wrong == []


def squid_program() -> str:
    squid = shutil.which("squid", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert squid, "the lab's tools belong to CI"
    return squid


def test_an_opened_tunnel_is_caught_where_squid_can_open_one() -> None:
    (kill,) = run_mutants([load_mutants()["S34"]], module_command)
    assert kill.outcome == ("killed" if has_openssl(squid_program()) else "unverified"), kill


def test_what_plain_squid_cannot_play_is_unverified_and_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "squid"
    plain.write_text(
        f'#!/bin/sh\nif [ "$1" = -v ]; then echo "configure options: \'--with-gnutls\'"; else exec {squid_program()} "$@"; fi\n',
        encoding="utf-8",
    )
    plain.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    known = load_mutants()
    kills = run_mutants([known["S34"], known["S01"]], module_command)
    assert [one.outcome for one in kills] == ["unverified", "killed"]
    shown = table(kills).splitlines()
    assert shown[-2] == "捕まえた / killed 1; 未検証 / unverified 1"
    assert shown[-1].startswith("- S34 未検証: ")
    assert "apt-get install squid-openssl" in shown[-1]
    assert "不一致" not in table(kills)


def test_a_lab_needs_no_root() -> None:
    """The whole lab, Squid included, inside a user namespace, as an ordinary user runs it: the reference conforms."""
    base = Base.load()
    variant = Variant(
        name="reference",
        boundary=make_rules("boundary", [("b.nft", base.reference("boundary").encode())], base.policy),
        lgwan=make_rules("lgwan", [("l.nft", base.reference("lgwan").encode())], base.policy),
        proxy=ProxyJob(conf=base.reference("squid"), log="log/access.log"),
        rounds=("control", "boundary", "lgwan", "chain"),
        slow=(),
    )
    with lab_folder() as place:
        job = Job(
            policy=base.text, policy_name="p", work=str(place.folder), prefix=place.prefix, variants=(variant,),
            trace=False,
        )  # fmt: skip
        prefix = unshare_command(privileged=False)
        record = run_lab(job, module_command, limit_seconds=120, command_prefix=prefix)["reference"]
    plan = plan_for(base.policy, load_mutants()["B01"])
    played = [one for one in plan.checks if one.round in record.rounds]
    judged = judge(plan.model_copy(update={"checks": tuple(played)}), base.policy, record, lambda: datetime.now(UTC))
    verdicts = {one.check: one.raw for one in judged}
    assert len(verdicts) > 50
    assert {name: raw for name, raw in verdicts.items() if raw is not Raw.PASS} == {}


def test_clean_removes_what_a_killed_lab_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, mine = tmp_path / f"{FOLDER_PREFIX}dead", tmp_path / f"{FOLDER_PREFIX}alive"
    for folder, pid in ((left, 2**22 + 1), (mine, os.getppid())):
        folder.mkdir()
        (folder / PID_FILE).write_text(str(pid), encoding="ascii")
    assert clean() == [left.name]
    assert mine.is_dir()
    assert not left.exists()


def test_clean_does_not_claim_what_it_could_not_remove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"{FOLDER_PREFIX}dead"
    left.mkdir()
    (left / PID_FILE).write_text(str(2**22 + 1), encoding="ascii")
    monkeypatch.setattr("shutil.rmtree", lambda *_args, **_more: None)
    assert clean() == []
    assert left.is_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_no_lab_behind(tmp_path: Path, number: signal.Signals) -> None:
    write_reference(load_policy(Path("baseline")), tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from conformance.firewall.run import FwOptions, run_fw\n"
        "from shinsei_testbed import module_command\n"
        "here = Path(sys.argv[2])\n"
        "run_fw(FwOptions(module_command, Path('baseline'), (here / 'boundary.nft',), (here / 'lgwan.nft',)), here / 'run')\n"
    )
    root = str(Path(__file__).parents[2])
    run = subprocess.Popen(
        [module_command("x")[0], "-c", code, root, str(tmp_path)], env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    lab = _wait_for_lab(tmp_path)
    run.send_signal(number)
    run.wait(30)
    for _ in range(100):
        if not Path(f"/proc/{lab}/cmdline").exists() or not Path(f"/proc/{lab}/cmdline").read_bytes():
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"the lab {lab} outlived its run")
    if number is signal.SIGTERM:
        results = fold(read_events(tmp_path / "run" / "events.ndjson"))
        assert results.interrupted == "SIGTERM"
        assert results.exit() == 4
        assert list(tmp_path.glob(f"{FOLDER_PREFIX}*")) == []


def _wait_for_lab(folder: Path) -> int:
    for _ in range(200):
        for found in folder.glob(f"{FOLDER_PREFIX}*/lab.pid"):
            if found.read_text(encoding="ascii"):
                return int(found.read_text(encoding="ascii"))
        time.sleep(0.05)
    pytest.fail("no lab was started")
