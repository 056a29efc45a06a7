"""``shinsei generate``: residents, application packages and the hostile corpus as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from conformance.verdicts import Exit
from fixtures.errors import FixtureError
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile

_FICTIONAL = "991236"
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


@generate_app.command("residents")
def residents(
    out: Out = Path("residents.csv"),
    count: Annotated[int, typer.Option("--count", min=1, help="人数。団体の人口まで / how many")] = 1000,
    seed: Seed = 1,
    municipality: Municipality = _FICTIONAL,
    day: Day = None,
    overlay: Overlay = None,
    quiet: Quiet = False,
) -> None:
    """住民を CSV か JSON Lines（拡張子 .jsonl）で書く / residents as CSV or, for .jsonl, as JSON Lines"""
    with _one_sentence():
        from fixtures.numbers import juminhyo_rule
        from fixtures.outline import WORLD_VERSION
        from fixtures.people.nation import Nation
        from testbed.cli.generating import write_residents

        rule = juminhyo_rule(load_profile("baseline", overlay))
        nation = Nation(WORLD_VERSION, seed, _day(day), check_digit=rule)
        population = write_residents(out, nation, municipality, count, quiet=quiet)
    place = population.municipality
    typer.echo(f"{out}: {count} 人 / residents（{place.prefecture}{place.name}）")
    typer.echo(f"団体の人口 / population: {place.population:,}（{place.population_source}）")


@generate_app.command("packages")
def packages(
    out: Out = Path("packages"),
    count: Annotated[int, typer.Option("--count", min=1, help="件数 / how many")] = 20,
    seed: Seed = 1,
    municipality: Municipality = _FICTIONAL,
    procedure: Annotated[str, typer.Option("--procedure", help="手続ID。省くとすべての手続から / procedure")] = "",
    variant: Annotated[
        str, typer.Option("--variant", help="種類（plain, agent, several, duplicate, …）。省くと割合どおり / variant")
    ] = "",
    encoding: Annotated[
        str,
        typer.Option(
            "--encoding", help="書き方（xml-utf-8-bom, csv-cp932, …）。プロファイルも profile.toml に書く / encoding"
        ),
    ] = "",
    day: Day = None,
    overlay: Overlay = None,
    quiet: Quiet = False,
) -> None:
    """申請ZIPと、その一覧 index.jsonl を書く / application ZIPs and their index"""
    with _one_sentence():
        from fixtures.encodings import encoded
        from fixtures.encodings import overlay as changed_profile
        from fixtures.factory import PackageFactory
        from fixtures.numbers import juminhyo_rule
        from fixtures.outline import WORLD_VERSION
        from fixtures.people.nation import Nation
        from testbed.cli.generating import write_packages

        profile = load_profile("baseline", overlay)
        if encoding:
            profile = encoded(profile, encoding)
        nation = Nation(WORLD_VERSION, seed, _day(day), check_digit=juminhyo_rule(profile))
        population = nation.population(municipality)
        factory = PackageFactory(population, profile)
        written, left_out = write_packages(out, factory, count, procedure, variant, quiet=quiet)
        if encoding:
            (out / "profile.toml").write_text(changed_profile(profile, encoding), encoding="utf-8")
    typer.echo(f"{out}: {written} 件 / packages" + _left_out(left_out))


@generate_app.command("hostile")
def hostile(
    out: Out = Path("hostile"),
    count: Annotated[int, typer.Option("--count", min=0, help="件数。0 はすべて / how many, 0 = all")] = 0,
    seed: Seed = 1,
    municipality: Municipality = _FICTIONAL,
    procedure: Annotated[str, typer.Option("--procedure", help="元にする手続 / base procedure")] = "K01",
    day: Day = None,
    overlay: Overlay = None,
    quiet: Quiet = False,
) -> None:
    """悪意のある申請ZIPと、あるべき扱い・理由の一覧 index.jsonl を書く / the hostile corpus with outcomes and reasons"""
    with _one_sentence():
        from fixtures.factory import travelling
        from fixtures.hostile import load_corpus
        from fixtures.world import World
        from testbed.cli.generating import write_hostile

        world = World(
            seed=seed, reference_date=_day(day), profile=load_profile("baseline", overlay), dantai_code=municipality
        )
        travelling(procedure)
        names = list(load_corpus())[: count or None]
        written, left_out = write_hostile(out, world, names, procedure, quiet=quiet)
    typer.echo(f"{out}: {written} 件 / packages" + _left_out(left_out))


def _left_out(sentences: list[str]) -> str:
    """What this profile cannot carry is said, never bent to fit."""
    if not sentences:
        return ""
    return f"\nこのプロファイルで書けないもの {len(sentences)} 件 / left out:\n" + "\n".join(
        f"  {one}" for one in sentences[:10]
    )
