"""``shinsei generate``: residents, application packages and the hostile corpus as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conformance.verdicts import Exit
from fixtures.errors import FixtureError, NotExpressible
from fixtures.factory import PackageFactory
from fixtures.hostile import build, load_corpus
from fixtures.people.nation import Nation
from fixtures.population import Population
from fixtures.world import FICTIONAL_DANTAI_CODE, WORLD_VERSION, World
from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile

generate_app = typer.Typer(
    help="架空の住民・申請ZIPを作る / make synthetic residents and packages", no_args_is_help=True
)

Seed = Annotated[int, typer.Option("--seed", min=0, help="乱数種 / seed")]
Out = Annotated[Path, typer.Option("--out", help="出力先 / where to write")]
Municipality = Annotated[
    str, typer.Option("--municipality", help="団体コード6桁（架空は 99 で始まる） / six-digit 団体コード")
]
Day = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="基準日。省くと今日 / reference date")
]
Overlay = Annotated[Path | None, typer.Option("--overlay", help="プロファイルの上書きファイル / profile overlay")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="進捗を出さない / no progress bar")]


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Anything the user can mend ends with one sentence and exit code 2."""
    try:
        yield
    except (FixtureError, SpecError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(Exit.CONFIGURATION) from None
    except OSError as error:
        typer.echo(f"--out: 書けません（{error.filename}: {error.strerror}） / cannot write", err=True)
        raise typer.Exit(Exit.CONFIGURATION) from None


def _day(given: datetime | None) -> date:
    return given.date() if given else datetime.now().astimezone().date()


@contextmanager
def _progress(what: str, total: int, *, quiet: bool) -> Iterator[Any]:
    """Yields a function that advances the bar (on stderr) by n."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(what, total=total)
        yield lambda step=1: bar.advance(task, step)


@generate_app.command("residents")
def residents(
    out: Out = Path("residents.csv"),
    count: Annotated[int, typer.Option("--count", min=1, help="人数。団体の人口まで / how many")] = 1000,
    seed: Seed = 1,
    municipality: Municipality = FICTIONAL_DANTAI_CODE,
    day: Day = None,
    quiet: Quiet = False,
) -> None:
    """住民を CSV か JSON Lines（拡張子 .jsonl）で書く / residents as CSV or, for .jsonl, as JSON Lines"""
    with _one_sentence():
        population = Nation(WORLD_VERSION, seed, _day(day)).population(
            municipality, count if _fictional(municipality) else 0
        )
        if count > population.residents:
            raise FixtureError(
                f"--count {count}: この団体の住民は {population.residents} 人です / this municipality has fewer residents"
            )
        with _progress("住民 / residents", count, quiet=quiet) as advance:
            write = _write_jsonl if out.suffix == ".jsonl" else _write_csv
            write(out, population, count, advance)
    typer.echo(f"{out}: {count} 人 / residents（{population.municipality.prefecture}{population.municipality.name}）")


def _fictional(dantai_code: str) -> bool:
    return dantai_code.startswith("99")


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


@generate_app.command("packages")
def packages(
    out: Out = Path("packages"),
    count: Annotated[int, typer.Option("--count", min=1, help="件数 / how many")] = 20,
    seed: Seed = 1,
    municipality: Municipality = FICTIONAL_DANTAI_CODE,
    procedure: Annotated[str, typer.Option("--procedure", help="手続ID。省くとすべての手続から / procedure")] = "",
    day: Day = None,
    overlay: Overlay = None,
    quiet: Quiet = False,
) -> None:
    """申請ZIPと、その一覧 index.jsonl を書く / application ZIPs and their index"""
    with _one_sentence():
        profile = load_profile("baseline", overlay)
        population = Nation(WORLD_VERSION, seed, _day(day)).population(municipality)
        factory = PackageFactory(population, profile)
        written, left_out = _write_packages(out, factory, count, procedure, quiet=quiet)
    typer.echo(f"{out}: {written} 件 / packages" + _left_out(left_out))


def _write_packages(
    out: Path, factory: PackageFactory, count: int, procedure: str, *, quiet: bool
) -> tuple[int, list[str]]:
    out.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    with (
        (out / "index.jsonl").open("w", encoding="utf-8") as index,
        _progress("申請ZIP", count, quiet=quiet) as advance,
    ):
        for number in range(count):
            try:
                one = factory.package(number, procedure)
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


@generate_app.command("hostile")
def hostile(
    out: Out = Path("hostile"),
    count: Annotated[int, typer.Option("--count", min=0, help="件数。0 はすべて / how many, 0 = all")] = 0,
    seed: Seed = 1,
    municipality: Municipality = FICTIONAL_DANTAI_CODE,
    procedure: Annotated[str, typer.Option("--procedure", help="元にする手続（K01 だけ） / base procedure")] = "K01",
    day: Day = None,
    overlay: Overlay = None,
    quiet: Quiet = False,
) -> None:
    """悪意のある申請ZIPと、あるべき扱い・理由の一覧 index.jsonl を書く / the hostile corpus with outcomes and reasons"""
    with _one_sentence():
        if procedure != "K01":
            raise FixtureError(f"--procedure {procedure}: 元にする手続は K01 です / the corpus is built on K01")
        world = World(seed=seed, reference_date=_day(day), profile=_profile(overlay), dantai_code=municipality)
        names = list(load_corpus())[: count or None]
        written, left_out = _write_hostile(out, world, names, quiet=quiet)
    typer.echo(f"{out}: {written} 件 / packages" + _left_out(left_out))


def _profile(overlay: Path | None) -> Profile:
    return load_profile("baseline", overlay)


def _write_hostile(out: Path, world: World, names: Iterable[str], *, quiet: bool) -> tuple[int, list[str]]:
    out.mkdir(parents=True, exist_ok=True)
    wanted, left_out, written = list(names), [], 0
    with (
        (out / "index.jsonl").open("w", encoding="utf-8") as index,
        _progress("hostile", len(wanted), quiet=quiet) as advance,
    ):
        for name in wanted:
            try:
                one = build(world, name)
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


def _left_out(sentences: list[str]) -> str:
    """What this profile cannot carry is said, never bent to fit."""
    if not sentences:
        return ""
    return f"\nこのプロファイルで書けないもの {len(sentences)} 件 / left out:\n" + "\n".join(
        f"  {one}" for one in sentences[:10]
    )
