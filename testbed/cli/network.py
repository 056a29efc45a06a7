"""`shinsei check fw` and `shinsei check relay`: the network roles, played in the lab of namespaces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rich.console import Console

from conformance.engine.run import new_run_id
from conformance.firewall.run import FwOptions, RelayOptions, run_fw, run_relay
from conformance.messages import Lang
from conformance.plan import Challenge
from conformance.reporters.terminal import Progress
from conformance.verdicts import Exit
from interface_spec.errors import SpecError
from interface_spec.policy import Policy, load_policy
from shinsei_testbed import module_command
from testbed.cli import check as checking
from testbed.cli.common import fail
from testbed.cli_firewall import write_reference, write_relay_target
from testbed.mutants.firewall.product import FwFiles, network_mutant, selection, write_fw, write_relay
from testbed.replay import Given, note_given


@dataclass(frozen=True)
class Request:
    """One run of a network role, as the command line gave it."""

    role: str
    target: Path | None
    policy: Path
    boundary: tuple[Path, ...]
    lgwan: tuple[Path, ...]
    proxy: Path | None
    select: tuple[str, ...]
    reference_date: date | None
    out: Path
    gate_waived: bool
    as_json: bool
    lang: Lang
    challenge: Challenge | None = None
    mutant: str = ""


def carry_out(request: Request) -> Exit:
    """One run with its reports; returns the exit code. Exit 2 for a policy that cannot be used. BadRequest, UnknownMutant."""
    if request.mutant and (request.target or request.boundary or request.lgwan or request.proxy):
        raise checking.BadRequest(
            "--mutant: 参照の規則・連携サーバだけに使えます / --mutant is for the reference rules and relay only"
        )
    mutant = network_mutant(request.mutant, request.role) if request.mutant else None
    policy = _policy(request.policy)
    run_dir = checking.made((request.out / new_run_id(request.role)).resolve(), str(request.out))
    note_given(run_dir, _given(request))
    console = Console(stderr=request.as_json)
    listeners = (Progress(console, request.lang),)
    reference = run_dir / "reference"
    if mutant is not None:
        request = replace(request, select=request.select or selection(mutant))
    if request.role == "fw":
        options = _fw_options(request, policy, reference)
        run_fw(
            options if mutant is None else _mutated(options, write_fw(mutant, reference / mutant.id)),
            run_dir,
            listeners,
        )
    else:
        target = request.target or (
            write_relay_target(policy, str(request.policy), reference)
            if mutant is None
            else write_relay(mutant, reference, module_command)
        )
        run_relay(
            RelayOptions(
                module_command=module_command,
                target=target,
                select=request.select,
                mutant=request.mutant,
                reference_date=request.reference_date,
                challenge=request.challenge,
            ),
            run_dir,
            listeners,
        )
    return checking.report(
        run_dir, request.lang, as_json=request.as_json, gate_waived=request.gate_waived, console=console
    )


def _given(request: Request) -> Given:
    return Given.of(
        {
            "--target": (request.target,) if request.target else (),
            "--policy": (request.policy,),
            "--boundary": request.boundary,
            "--lgwan": request.lgwan,
            "--proxy": (request.proxy,) if request.proxy else (),
        }
    )


def _mutated(options: FwOptions, files: FwFiles) -> FwOptions:
    return replace(
        options,
        policy=files.policy,
        boundary=files.boundary,
        lgwan=files.lgwan,
        proxy=files.proxy,
        boot=files.boot,
        forwarding_before_load=files.forwarding_before_load,
    )


def _policy(path: Path) -> Policy:
    try:
        return load_policy(path)
    except SpecError as error:
        raise fail(str(error)) from None


def _fw_options(request: Request, policy: Policy, reference: Path) -> FwOptions:
    """The vendor's files; a firewall without a file is played by the reference rules, which the report says."""
    boundary, lgwan, proxy = write_reference(policy, reference)
    bare = not request.boundary and not request.lgwan
    return FwOptions(
        module_command=module_command,
        policy=request.policy,
        boundary=request.boundary or (boundary,),
        lgwan=request.lgwan or (lgwan,),
        proxy=request.proxy or (proxy if bare else None),
        select=request.select,
        mutant=request.mutant,
        reference_date=request.reference_date,
        challenge=request.challenge,
    )
