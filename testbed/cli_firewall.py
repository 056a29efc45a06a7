"""``shinsei firewall``: the network lab, its tables and diagrams, the mutants of the network, and cleaning up."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from conformance.events import Event, FoundThis, StepFinished, read_events
from conformance.firewall.netns import LabUnavailable, ToolMissing
from conformance.firewall.picture import matrix_text, topology_svg, topology_text
from conformance.firewall.record import LabRecord
from conformance.firewall.run import POLICY_FILE, RECORD_FILE, FwOptions, run_fw
from conformance.firewall.sheet import write_sheet
from conformance.firewall.start import LabFailed, clean
from conformance.messages import say
from conformance.results import Results, fold
from conformance.verdicts import Exit, Verdict, strongest
from interface_spec.errors import SpecError
from interface_spec.policy import Policy, load_policy, parse_policy
from reference_impl.firewall.nftables import ruleset
from reference_impl.firewall.relay_toml import relay_toml
from reference_impl.firewall.squid import squid_conf
from shinsei_testbed import module_command
from testbed.mutants.firewall.model import load_mutants
from testbed.mutants.firewall.run import run_mutants, table

app = typer.Typer(
    help="境界FW・LGWAN-FWの通信制御の試験 / tests of the firewalls' rules in a network lab", no_args_is_help=True
)
PolicyOption = Annotated[
    Path, typer.Option("--policy", help="通信方針（TOML）。baseline と baseline-t2 は同梱 / policy file")
]
OutOption = Annotated[Path, typer.Option("--out", help="出力先 / where to write")]
PLAIN: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
MOST_LINES = 9
NOT_PASSED = (Verdict.FAIL, Verdict.WARN, Verdict.REVIEW, Verdict.UNVERIFIED, Verdict.ERROR)


def _stop(message: str) -> typer.Exit:
    sys.stderr.write(message.rstrip() + "\n")
    return typer.Exit(Exit.CONFIGURATION)


def _policy(path: Path) -> Policy:
    try:
        return load_policy(path)
    except SpecError as error:
        raise _stop(str(error)) from None


def write_reference(policy: Policy, folder: Path) -> tuple[Path, Path, Path]:
    """The reference rulesets and squid.conf of a policy as files: (境界FW, LGWAN-FW, Squid)."""
    folder.mkdir(parents=True, exist_ok=True)
    boundary, lgwan, proxy = folder / "boundary.nft", folder / "lgwan.nft", folder / "squid.conf"
    boundary.write_text(ruleset(policy, "boundary"), encoding="utf-8")
    lgwan.write_text(ruleset(policy, "lgwan"), encoding="utf-8")
    proxy.write_text(squid_conf(policy), encoding="utf-8")
    return boundary, lgwan, proxy


def write_relay_target(policy: Policy, policy_name: str, folder: Path, kind: str = "squid") -> Path:
    """``relay-target.toml`` of our own 連携サーバ with its settings beside it: ``squid`` or ``embedded``."""
    write_reference(policy, folder)
    product = f'[product]\nname = "参照用の連携サーバ（{kind}）"\nversion = "0.1"\nvendor = "申請連携テストベッド"\n'
    attested = (
        '[attestation."FW-1.1-03"]\nstatement = "連携サーバはDMZに置き、足は一つである（参照構成）。"\n'
        'by = "申請連携テストベッド"\ndate = 2026-01-05\n'
    )
    (folder / "squid-empty.conf").write_text(squid_conf(policy, listed=False), encoding="utf-8")
    start = 'squid_conf = "squid.conf"\nempty_list = { "squid.conf" = "squid-empty.conf" }\n'
    if kind == "embedded":
        ends = ("{dir}/access.log", "{dir}/ready.json")
        (folder / "relay.toml").write_text(relay_toml(policy, *ends), encoding="utf-8")
        (folder / "relay-empty.toml").write_text(relay_toml(policy, *ends, listed=False), encoding="utf-8")
        words = module_command("reference_impl.relay", "--config", "{dir}/relay.toml")
        start = f'command = {json.dumps(words)}\nlog = "access.log"\nfiles = {{ "relay.toml" = "relay.toml" }}\n'
        start += 'empty_list = { "relay.toml" = "relay-empty.toml" }\n'
    target = folder / "relay-target.toml"
    target.write_text(
        f'role = "relay"\npolicy = {json.dumps(policy_name)}\n{start}{product}{attested}', encoding="utf-8"
    )
    return target


@app.command("lab")
def lab(
    policy: PolicyOption = Path("baseline"),
    boundary: Annotated[
        list[Path] | None,
        typer.Option("--boundary", help="境界FWの規則（nft・JSON・iptables-save・CSV・XLSX）。省くと参照の規則"),
    ] = None,
    lgwan: Annotated[list[Path] | None, typer.Option("--lgwan", help="LGWAN-FWの規則。省くと参照の規則")] = None,
    proxy: Annotated[Path | None, typer.Option("--proxy", help="squid.conf。規則も省くと参照の設定")] = None,
    out: OutOption = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="結果をJSONで / JSON")] = False,
) -> None:
    """規則を実験網で確かめる / play the rulesets in the network lab."""
    plan = _policy(policy)
    run_dir = out / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-firewall"
    reference = write_reference(plan, run_dir / "reference")
    bare = not boundary and not lgwan
    options = FwOptions(
        module_command=module_command,
        policy=policy,
        boundary=tuple(boundary or [reference[0]]),
        lgwan=tuple(lgwan or [reference[1]]),
        proxy=proxy or (reference[2] if bare else None),
    )
    console = Console(stderr=as_json)

    def progress(event: Event) -> None:
        if isinstance(event, StepFinished):
            console.print(f"  {event.step:<12} {event.seconds:5.1f} s")

    run_fw(options, run_dir, (progress,))
    results = fold(read_events(run_dir / "events.ndjson"))
    record = _record(run_dir)
    if record is not None and record.rounds:
        console.print(
            topology_text(plan, record), "", matrix_text(plan, record), sep="\n", markup=False, highlight=False
        )
    if as_json:
        sys.stdout.write(json.dumps(_as_json(results, run_dir), ensure_ascii=False, indent=1) + "\n")
    else:
        print_results(console, results, run_dir)
    raise typer.Exit(results.exit())


def _record(run_dir: Path) -> LabRecord | None:
    path = run_dir / RECORD_FILE
    return LabRecord.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def _as_json(results: Results, run_dir: Path) -> dict[str, object]:
    return {
        "run": str(run_dir),
        "clause": results.clause.verdict if results.clause else None,
        "exit": int(results.exit()),
        "checks": {one.planned.id: one.verdict for one in results.checks},
        "troubles": [one.ja for one in results.troubles],
        "seconds": results.seconds,
    }


def _how(finding: FoundThis) -> list[str]:
    """What was seen, and for what passed its way and the rule that let it through: each thing once."""
    lines = [f"観測 / seen: {finding.actual}"] if finding.actual else []
    wanted = ("経路 / path: ", "拒否 / refusal: ", "決めた規則 / deciding rule: ")
    shown = (line for one in finding.evidence for line in one.response.splitlines() if line.startswith(wanted))
    return [*lines, *dict.fromkeys(shown)][:MOST_LINES]


def print_results(console: Console, results: Results, run_dir: Path) -> None:
    """What did not pass, with its clause, its way and the rule that let it through; then the verdict of the whole."""
    for trouble in results.troubles:
        console.print(trouble.ja, trouble.en, sep="\n", style="red", markup=False, soft_wrap=True)
    if results.troubles:
        return
    if results.plan is not None:
        requirements = results.plan.requirements
        for one in results.checks:
            if one.verdict in NOT_PASSED:
                clause = requirements[one.planned.requirement].clause
                console.print(
                    f"{say('verdict', one.verdict)} {one.planned.id}  {clause}: {one.reason_ja}", style="bold", **PLAIN
                )
                for line in _how(one.findings[0]) if one.findings else ():
                    console.print(f"    {line}", **PLAIN)
    for one in results.checks:
        if one.verdict is Verdict.PASS and one.reason_ja:
            console.print(f"{one.planned.id}: {one.reason_ja}", **PLAIN)
    if results.clause is not None:
        counts = " ".join(f"{say('verdict', verdict)} {n}" for verdict, n in results.clause.counts.items() if n)
        verdict = f"{say('run', results.clause.verdict)} / {say('run', results.clause.verdict, 'en')}"
        console.print(f"手順書適合 / clauses: {verdict}（{counts}）  {results.seconds:.1f} s", **PLAIN)
    console.print(f"記録 / record: {run_dir}")


@app.command("sheet")
def sheet(policy: PolicyOption = Path("baseline"), out: OutOption = Path("tsushin-seigyo.xlsx")) -> None:
    """通信制御設定表とLGWAN-FWの変更依頼をXLSXで書く / write the settings table and the change request."""
    plan = _policy(policy)
    try:
        write_sheet(plan, out)
    except OSError as error:
        raise _stop(f"--out {out}: 書けません / cannot be written: {error}") from None
    sys.stdout.write(f"{out}\n")


@app.command("rules")
def rules(policy: PolicyOption = Path("baseline"), out: OutOption = Path("firewall-reference")) -> None:
    """参照の規則とsquid.confを書く / write the reference rulesets and squid.conf."""
    for path in write_reference(_policy(policy), out):
        sys.stdout.write(f"{path}\n")


@app.command("matrix")
def matrix(
    run: Annotated[Path, typer.Argument(help="実施済みの試験のフォルダー / folder of a finished run")],
    svg: Annotated[Path | None, typer.Option("--svg", help="構成図をSVGで書く / write the topology as SVG")] = None,
) -> None:
    """構成と流れの判定、ゾーン間の判定の表を示す / show the topology with its verdicts and the matrix zone by zone."""
    record = _record(run)
    policy_file = run / POLICY_FILE
    if record is None or not policy_file.is_file():
        raise _stop(f"{run}: 実験網の記録がありません / no lab record in this folder")
    policy = parse_policy(policy_file.read_text(encoding="utf-8"), policy_file.name)
    if svg is not None:
        svg.write_text(topology_svg(policy, record), encoding="utf-8")
    sys.stdout.write(f"{topology_text(policy, record)}\n\n{matrix_text(policy, record)}\n")


@app.command("mutants")
def mutants(
    names: Annotated[
        list[str] | None, typer.Argument(help="変異体のIDの頭（B L C T P S E）。省くとすべて / id prefixes")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="表を書くファイル（Markdown） / write the table")] = None,
) -> None:
    """変異体を実験網で試し、捕まえた検査の表を作る / run the network's mutants and make the kill matrix."""
    chosen = [one for one in load_mutants().values() if not names or any(one.id.startswith(name) for name in names)]
    if not chosen:
        raise _stop(f"{' '.join(names or [])}: その変異体はありません / no such mutant")
    try:
        kills = run_mutants(chosen, module_command)
    except ToolMissing as error:
        raise _stop(str(error)) from None
    except LabUnavailable as error:
        sys.stderr.write(f"未検証: {error}\n")
        raise typer.Exit(Exit.INCOMPLETE) from None
    except LabFailed as error:
        sys.stderr.write(f"{error}\n{error.detail}\n")
        raise typer.Exit(Exit.HARNESS) from None
    text = table(kills)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    worst = {"otherwise": Exit.NOT_CONFORMANT, "unverified": Exit.INCOMPLETE}
    raise typer.Exit(strongest(worst.get(one.outcome, Exit.CONFORMANT) for one in kills))


@app.command("clean")
def clean_up() -> None:
    """途中で止まった実験網の残りを消す / remove what a killed lab left behind."""
    removed = clean()
    for name in removed:
        sys.stdout.write(f"{name}\n")
    sys.stdout.write(f"{len(removed)} 件を消しました / removed\n")
