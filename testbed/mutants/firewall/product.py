"""A network mutant as files, so that `check fw` and `check relay` take it for any vendor's product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from conformance.firewall.start import ModuleCommand
from testbed.mutants.firewall.model import NetworkMutant, load_mutants
from testbed.mutants.firewall.run import Base, judged_checks, plan_for, proxy_of, rules_text
from testbed.mutants.registry import UnknownMutant, near


@dataclass(frozen=True)
class FwFiles:
    """What `check fw` is given in place of a vendor's files."""

    policy: Path
    boundary: tuple[Path, ...]
    lgwan: tuple[Path, ...]
    proxy: Path | None
    boot: dict[str, Path]
    forwarding_before_load: dict[str, bool]


def network_mutant(name: str, role: str) -> NetworkMutant:
    """The mutant ``name`` of ``role``. UnknownMutant with near names."""
    found = {one.id: one for one in load_mutants().values() if one.role == role}
    if name not in found:
        raise UnknownMutant(near(name, role, found))
    return found[name]


def selection(mutant: NetworkMutant) -> tuple[str, ...]:
    """The checks that judge it: those of the rounds that it is about, as in the kill matrix."""
    policy = Base.load(mutant.base).policy
    return tuple(one.id for one in judged_checks(plan_for(policy, mutant), mutant))


def write_fw(mutant: NetworkMutant, folder: Path) -> FwFiles:
    """The reference's files with the mistake in them."""
    base = Base.load(mutant.base)
    folder.mkdir(parents=True)
    policy = _write(folder / "policy.toml", base.mutated(mutant, "policy"))
    rules = {
        name: tuple(_write(folder / file, text) for file, text in rules_text(base, mutant, name))
        for name in ("boundary", "lgwan")
    }
    boot = {name: _write(folder / f"{name}-boot.nft", text) for name, text in mutant.boot.items()}
    proxy = _write(folder / "squid.conf", base.reference("squid")) if mutant.relay else None
    return FwFiles(policy, rules["boundary"], rules["lgwan"], proxy, boot, dict(mutant.forwarding_before_load))


def write_relay(mutant: NetworkMutant, folder: Path, module_command: ModuleCommand) -> Path:
    """``relay-target.toml`` of the relay with the mistake in it, and the files that it names."""
    proxy = proxy_of(Base.load(mutant.base), mutant, module_command)
    folder.mkdir(parents=True)
    start = {}
    if proxy.kind == "squid":
        _write(folder / "squid.conf", proxy.conf)
        start = {"squid_conf": "squid.conf"}
    files = {name: name for name in proxy.files}
    for name, text in proxy.files.items():
        _write(folder / name, text)
    for name, text in proxy.empty_list.items():
        _write(folder / f"empty-{name}", text)
    values: dict[str, object] = {
        "role": "relay",
        "policy": mutant.base,
        "kind": proxy.relay_kind,
        **start,
        **({"command": list(proxy.command)} if proxy.command else {}),
        "log": proxy.log,
        "observe_seconds": proxy.observe_seconds,
        "restart_seconds": proxy.restart_seconds,
        "idle_seconds": proxy.idle_seconds,
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    lines += [
        "[product]",
        f'name = "参照用の連携サーバの変異体 {mutant.id}"',
        'version = "0.1"',
        'vendor = "申請連携テストベッド"',
    ]
    lines += ["[files]", *(f"{json.dumps(name)} = {json.dumps(source)}" for name, source in files.items())]
    lines += ["[empty_list]", *(f"{json.dumps(name)} = {json.dumps(f'empty-{name}')}" for name in proxy.empty_list)]
    return _write(folder / "relay-target.toml", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
