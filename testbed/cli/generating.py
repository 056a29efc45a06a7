"""The work of ``shinsei generate``; imported only when a command runs, so that ``shinsei --help`` stays quick."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fixtures.errors import FixtureError, NotExpressible
from fixtures.factory import PackageFactory
from fixtures.hostile import build
from fixtures.people.nation import Nation
from fixtures.population import Population
from fixtures.world import World


@contextmanager
def _progress(what: str, total: int, *, quiet: bool) -> Iterator[Any]:
    """Yields a function that advances the bar (on stderr) by n."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(what, total=total)
        yield lambda step=1: bar.advance(task, step)


def write_residents(out: Path, nation: Nation, municipality: str, count: int, *, quiet: bool) -> Population:
    """``count`` residents as CSV or, for .jsonl, as JSON Lines. FixtureError when there are fewer."""
    population = nation.population(municipality, count if municipality.startswith("99") else 0)
    if count > population.residents:
        raise FixtureError(
            f"--count {count}: この団体の住民は {population.residents} 人です / this municipality has fewer residents"
        )
    with _progress("住民 / residents", count, quiet=quiet) as advance:
        write = _write_jsonl if out.suffix == ".jsonl" else _write_csv
        write(out, population, count, advance)
    return population


def _write_csv(out: Path, population: Population, count: int, advance: Any) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for block in population.blocks(stop=count):
            columns = block.columns()
            if block.index[0] == 0:
                writer.writerow(columns)
            writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
            advance(len(block))


def _write_jsonl(out: Path, population: Population, count: int, advance: Any) -> None:
    with out.open("w", encoding="utf-8") as file:
        for block in population.blocks(stop=count):
            columns = block.columns()
            names = tuple(columns)
            for row in zip(*(column.tolist() for column in columns.values()), strict=True):
                file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
            advance(len(block))


def write_packages(
    out: Path, factory: PackageFactory, count: int, procedure: str, variant: str = "", *, quiet: bool
) -> tuple[int, list[str]]:
    out.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    with (
        (out / "index.jsonl").open("w", encoding="utf-8") as index,
        _progress("申請ZIP", count, quiet=quiet) as advance,
    ):
        first = 1 if variant == "duplicate" else 0  # nothing stands before package 0
        for number in range(first, first + count):
            try:
                one = factory.package(number, procedure, variant)
            except NotExpressible as error:
                left_out.append(str(error))
            else:
                (out / f"{one.receipt_no}.zip").write_bytes(one.zip_bytes)
                row = {
                    name: getattr(one, name)
                    for name in ("number", "variant", "receipt_no", "procedure_id", "dantai_code")
                }
                row |= {"received_at": one.received_at.isoformat(), "arrived_at": one.arrived_at.isoformat()}
                row |= {"size": len(one.zip_bytes), "sha256": one.sha256, "signer": one.signer, "subject": one.subject}
                index.write(json.dumps(row, ensure_ascii=False) + "\n")
            advance()
    return count - len(left_out), left_out


def write_hostile(
    out: Path, world: World, names: Iterable[str], procedure: str, *, quiet: bool
) -> tuple[int, list[str]]:
    out.mkdir(parents=True, exist_ok=True)
    wanted, left_out, written = list(names), [], 0
    with (
        (out / "index.jsonl").open("w", encoding="utf-8") as index,
        _progress("hostile", len(wanted), quiet=quiet) as advance,
    ):
        for name in wanted:
            try:
                one = build(world, name, procedure)
            except NotExpressible as error:
                left_out.append(f"{name}: {error}")
            else:
                (out / f"{name}.zip").write_bytes(one.zip_bytes)
                row = one.recipe.model_dump(include={"name", "ja", "outcome", "reason", "rules"})
                row |= {"receipt_no": one.receipt_no, "dantai_code": one.dantai_code, "procedure_id": one.procedure_id}
                row |= {"received_at": one.received_at.isoformat(), "size": len(one.zip_bytes), "sha256": one.sha256}
                index.write(json.dumps(row, ensure_ascii=False) + "\n")
                written += 1
            advance()
    return written, left_out
