"""All commands below the root (`app`); the work is done elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from conformance.catalogue import load_catalogue
from conformance.package_run import SET as PACKAGE_RULES
from conformance.suites.package.findings import load_rules
from testbed.cli import challenge_app, docs_app, report_app, vendor_app
from testbed.cli.common import (
    NETWORK_ROLES,
    JsonFlag,
    LangOption,
    RoleArgument,
    known_role,
    language,
    role_with_run,
)
from testbed.cli.generate_app import generate_app
from testbed.cli.profile_app import app as profile_app
from testbed.cli.quick_app import quick
from testbed.cli.replay_app import replay
from testbed.cli.requirements_app import app as requirements_app
from testbed.cli.root import app as app
from testbed.cli.serve_app import serve
from testbed.cli.spec_app import app as spec_app
from testbed.cli.validate_app import validate
from testbed.cli_firewall import app as firewall_app
from testbed.cli_firewall import mutants as network_mutants
from testbed.mutants.registry import rows_of

mutants_app = typer.Typer(help="変異体（試験そのものの試験） / mutants: the suite's own test", no_args_is_help=True)
app.add_typer(report_app.app, name="report")
app.add_typer(mutants_app, name="mutants")
app.add_typer(requirements_app, name="requirements")
app.add_typer(profile_app, name="profile")
app.add_typer(spec_app, name="spec")
app.add_typer(docs_app.app, name="docs")
app.command("explain")(docs_app.explain)
app.add_typer(firewall_app, name="firewall")
app.add_typer(generate_app, name="generate")
app.command("validate")(validate)
app.command("serve")(serve)
app.command("init")(vendor_app.init)
app.command("doctor")(vendor_app.doctor)
app.command("replay")(replay)
app.command("quick")(quick)
app.command("challenge")(challenge_app.challenge)


@app.command("checks")
def list_checks(role: RoleArgument = "am", as_json: JsonFlag = False, lang: LangOption = "ja") -> None:
    """検査の一覧 / list the checks of a role"""
    rows = _rules() if role == "package" else _checks_of(known_role(role))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table("ID", "検査 / check", "級 / level", "要件集 / set")
    for row in rows:
        table.add_row(str(row["id"]), str(row[language(lang)]), str(row["level"]), str(row["set"]))
    Console().print(table)


def _rules() -> list[dict[str, object]]:
    """The package suite's rules, as the checks of the other roles are listed."""
    return [
        {
            "id": one.id,
            "ja": one.ja,
            "en": one.en,
            "requirement": one.id,
            "level": "契約" if one.level == "nonconformity" else "注意",
            "set": PACKAGE_RULES,
            "round": "none",
            "cases": [],
        }
        for one in load_rules().values()
    ]


def _checks_of(role: str) -> list[dict[str, object]]:
    catalogue = load_catalogue(role)
    return [
        {
            "id": one.id,
            "ja": one.ja,
            "en": one.en,
            "requirement": one.requirement,
            "level": catalogue.requirement_of(one).level,
            "set": catalogue.requirement_of(one).set,
            "round": one.disturbance,
            "cases": list(one.cases),
        }
        for one in catalogue.checks.values()
    ]


@mutants_app.command("list")
def mutants_list(
    role: Annotated[str, typer.Option("--role", help="役割 / role")] = "am", as_json: JsonFlag = False
) -> None:
    """変異体と、それを捕まえるべき検査の一覧 / mutants and the checks that must catch them"""
    found = rows_of(role_with_run(role))
    if as_json:
        rows = [
            {
                "name": one.name,
                "ja": one.ja,
                "en": one.en,
                "killed_by": list(one.killed_by),
                "target": one.target,
                "kind": one.kind,
            }
            for one in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table("変異体 / mutant", "誤り / mistake", "捕まえる検査 / killed by")
    for one in found:
        table.add_row(one.name, f"{one.ja}\n[dim]{one.en}[/]", "\n".join(one.killed_by))
    Console().print(table)


def drawn(names: list[str], count: int, by: str) -> list[str]:
    """``count`` of ``names``, the same for the same ``by``: every commit proves others again, and over time all."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{by}/{name}".encode()).digest())[:count]


@mutants_app.command("matrix")
def mutants_matrix(
    role: Annotated[str, typer.Option("--role", help="役割 / role")] = "am",
    only: Annotated[list[str] | None, typer.Option("--only", help="この変異体だけ / only these mutants")] = None,
    draw: Annotated[
        int, typer.Option("--draw", min=0, help="くじで選んだ数だけ（0 はすべて） / so many, drawn (0: all)")
    ] = 0,
    by: Annotated[
        str,
        typer.Option(
            "--by", help="くじの種（コミットなど）。同じなら同じ変異体 / what they are drawn by, a commit say"
        ),
    ] = "",
    workers: Annotated[int, typer.Option("-n", min=1, max=16, help="並列数 / parallel mutants")] = 2,
    out: Annotated[Path, typer.Option("--out")] = Path("out"),
    write: Annotated[bool, typer.Option("--write/--no-write", help="対応表を docs/ に書く / write the table")] = True,
    as_json: JsonFlag = False,
) -> None:
    """すべての変異体を実施し、狙った検査だけが捕まえることを確かめる / run every mutant, check that exactly its checks catch it

    \b
    例 / examples:
      shinsei mutants matrix                        すべて。対応表を書く / all, and write the table
      shinsei mutants matrix --only serial-wins     一つだけ / one
      shinsei mutants matrix --draw 8 --by "$(git rev-parse HEAD)"   コミットごとに違う8件 / eight, by commit
    """
    if draw and not only:
        only = drawn([one.name for one in rows_of(role)], draw, by)
    if role == "package":
        from testbed.mutants.package.run import run_matrix as run_package_matrix

        raise typer.Exit(run_package_matrix(tuple(only or ()), write=write, as_json=as_json))
    if role in NETWORK_ROLES:
        network_mutants(list(only or (one.name for one in rows_of(role))), None)
    from testbed.mutants.matrix import run_matrix

    raise typer.Exit(
        run_matrix(known_role(role), tuple(only or ()), workers=workers, out=out, write=write, as_json=as_json)
    )
