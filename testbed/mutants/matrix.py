"""Runs mutants against the suite and compares what caught them with what should have: the kill matrix.

Each mutant is a run of its own (world, database, product) as ``shinsei check ROLE --mutant NAME`` is; several at a time.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.catalogue import load_catalogue
from conformance.verdicts import Exit
from shinsei_testbed import lib_dir, module_command
from testbed.mutants.model import Mutant
from testbed.mutants.registry import mutants_of
from testbed.postgres import embedded_server

PROVED = ("interface_spec", "fixtures", "mock_services", "reference_impl", "conformance", "testbed/mutants")
SUFFIXES = (".py", ".toml", ".j2", ".html", ".pem", ".csv", ".txt")
LIMIT_SECONDS = 180
CAUGHT = ("FAIL", "WARN")


@dataclass(frozen=True)
class Kill:
    """What became of one mutant. ``live``: the hook's log shows that the product really ran with the mistake."""

    mutant: str
    live: bool
    caught_by: tuple[str, ...]
    disturbed: tuple[str, ...]
    expected: tuple[str, ...]
    seconds: float
    trouble: str = ""

    @property
    def killed(self) -> bool:
        """Live, caught by exactly the declared checks, and no other check disturbed."""
        return (
            self.live
            and not self.trouble
            and not self.disturbed
            and bool(self.caught_by)
            and set(self.caught_by) == set(self.expected)
        )


def _command(role: str, folder: Path, database_url: str, *more: str) -> list[str]:
    words = ["check", role, "--json", "--out", str(folder), *more]
    if database_url:
        words += ["--database-url", database_url]
    return module_command("testbed.cli.run", *words)


def control_passes(role: str, out: Path, database_url: str) -> bool:
    """Whether the product without a mistake is 適合: otherwise nothing that a mutant does proves anything."""
    command = _command(role, out / "control", database_url)
    return subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS, check=False).returncode == 0


def run_mutant(mutant: Mutant, role: str, out: Path, database_url: str = "") -> Kill:
    """One mutant, in a process of its own."""
    started = time.monotonic()
    folder = out / mutant.name
    command = _command(role, folder, database_url, "--mutant", mutant.name)
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Kill(mutant.name, False, (), (), mutant.killed_by, time.monotonic() - started, "時間切れ / timed out")
    seconds = time.monotonic() - started
    try:
        results = json.loads(done.stdout)
    except json.JSONDecodeError:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Kill(mutant.name, False, (), (), mutant.killed_by, seconds, words[-1] if words else "no result")
    logs = list(folder.glob("*/mutant.log"))
    verdicts = {
        one["id"]: one["verdict"]
        for one in results["checks"]
        if one["reason_ja"] != "選択外" and one["verdict"] != "N/A"
    }
    return Kill(
        mutant=mutant.name,
        live=any(log.stat().st_size for log in logs),
        caught_by=tuple(sorted(name for name, verdict in verdicts.items() if verdict in CAUGHT)),
        disturbed=tuple(sorted(name for name, verdict in verdicts.items() if verdict not in (*CAUGHT, "PASS"))),
        expected=mutant.killed_by,
        seconds=seconds,
        trouble="; ".join(one["ja"] for one in results["troubles"]),
    )


def run_all(mutants: list[Mutant], role: str, out: Path, workers: int, console: Console) -> list[Kill] | None:
    """All given mutants, ``workers`` at a time on one PostgreSQL server, in the order given; None without a control."""
    with embedded_server() as server:
        if not control_passes(role, out, server.admin_url):
            return None
        return _run_each(mutants, role, out, workers, console, server.admin_url)


def _run_each(
    mutants: list[Mutant], role: str, out: Path, workers: int, console: Console, database_url: str
) -> list[Kill]:
    with (
        Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        ) as progress,
        ThreadPoolExecutor(workers) as pool,
    ):
        task = progress.add_task("変異体 / mutants", total=len(mutants))

        def one(mutant: Mutant) -> Kill:
            kill = run_mutant(mutant, role, out, database_url)
            progress.advance(task)
            return kill

        return list(pool.map(one, mutants))


def source_hash() -> str:
    """SHA-256 over suite, products, world and contract: the matrix is stale when it differs."""
    digest = hashlib.sha256()
    root = lib_dir()
    for folder in PROVED:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES:
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def unproven(role: str) -> list[str]:
    """Checks of ``role`` that no mutant is declared to be caught by: they prove nothing."""
    covered = {name for one in mutants_of(role).values() for name in one.killed_by}
    return [name for name in load_catalogue(role).checks if name not in covered]


def run_matrix(role: str, only: tuple[str, ...], *, workers: int, out: Path, write: bool, as_json: bool = False) -> int:
    """``make matrix``: every mutant (or ``only`` some), the table, exit code 0 when all are killed as declared."""
    console = Console(stderr=True)
    registry = mutants_of(role)
    unknown = [name for name in only if name not in registry]
    if unknown:
        console.print(f"--only {unknown[0]}: その変異体はありません / no such mutant")
        return int(Exit.CONFIGURATION)
    chosen = [registry[name] for name in only] if only else list(registry.values())
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=_folder(out)) as folder:
        kills = run_all(chosen, role, Path(folder), workers, console)
    if kills is None:
        console.print(
            "変異体のない製品が適合でないため、何も証明できません / the product itself is not conformant: nothing is proven"
        )
        return int(Exit.HARNESS)
    for kill in kills:
        if not kill.killed:
            console.print(
                f"[red]✕[/] {kill.mutant}: caught by {list(kill.caught_by)}, expected {sorted(kill.expected)}, "
                f"disturbed {list(kill.disturbed)}, live {kill.live} {kill.trouble}",
                soft_wrap=True,
            )
    survivors = [kill for kill in kills if not kill.killed]
    if as_json:
        rows = {kill.mutant: list(kill.caught_by) for kill in kills}
        print(json.dumps({"role": role, "mutants": rows, "as_declared": not survivors}, ensure_ascii=False, indent=1))  # noqa: T201
    bare = unproven(role)
    if bare:
        console.print(f"変異体の無い検査 / checks without a mutant: {', '.join(bare)}")
    slowest = max((kill.seconds for kill in kills), default=0.0)
    console.print(
        f"{len(kills) - len(survivors)} / {len(kills)} killed, {time.monotonic() - started:.0f} s, slowest {slowest:.1f} s"
    )
    if write and not only and not survivors and not bare:
        write_matrix(role, kills, lib_dir() / "docs")
    return int(Exit.CONFORMANT if kills and not survivors and not bare else Exit.NOT_CONFORMANT)


def _folder(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out


def write_matrix(role: str, kills: list[Kill], docs: Path) -> None:
    """The committed table (Markdown for people, JSON for CI) with the hash of what it proves."""
    registry = mutants_of(role)
    data = {
        "role": role,
        "source_sha256": source_hash(),
        "mutants": {kill.mutant: list(kill.caught_by) for kill in kills},
    }
    docs.mkdir(exist_ok=True)
    (docs / f"kill-matrix-{role}.json").write_text(
        json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    lines = [
        f"# 変異体と検査の対応表（{role}） / Kill matrix",
        "",
        "`make matrix` が生成する。変異体は、同梱の製品にわざと一つの誤りを入れたもの。",
        "右の検査だけが不適合または注意に変わり、他の検査は変わらないことを、すべての変異体について確かめてある。",
        "",
        "Generated by `make matrix`. A mutant is the bundled product with one deliberate mistake. For every mutant exactly",
        "the checks on the right turned to not conformant or warning, and no other check changed.",
        "",
        "| 変異体 / mutant | 誤り / mistake | 捕まえた検査 / caught by |",
        "|---|---|---|",
    ]
    for kill in kills:
        one = registry[kill.mutant]
        lines.append(f"| `{one.name}` | {one.ja}<br>{one.en} | {', '.join(kill.caught_by)} |")
    (docs / f"kill-matrix-{role}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
