"""``shinsei requirements``: list, show, coverage by the suites, and the inquiry sheet (意見照会票) for vendors."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from conformance.catalogue import load_catalogue, roles_with_suite
from conformance.verdicts import Exit
from interface_spec.requirements import FEATURES, ROLES, Requirement, load_requirements
from testbed.cli.common import JsonFlag, LangOption, fail, language

app = typer.Typer(help="要件カタログ / requirement catalogue", no_args_is_help=True)

RoleOption = Annotated[str, typer.Option("--role", help="役割で絞る / only this role")]
State = Literal["check", "attestation", "unchecked", "open"]
STATES: dict[State, str] = {
    "check": "検査で確かめる",
    "attestation": "申告で確かめる",
    "unchecked": "確かめない（理由あり）",
    "open": "検査がまだ無い",
}


def _of_role(role: str) -> list[Requirement]:
    """Requirements of ``role`` ("" = all). Exit 2 for an unknown role."""
    if role and role not in ROLES:
        raise fail(f"--role {role}: 使える役割は {', '.join(ROLES)} です / unknown role")
    return [one for one in load_requirements().values() if not role or role in one.roles]


def checks_by_requirement() -> dict[str, list[str]]:
    """Requirement id → ids of the checks that test it, over every suite."""
    found: dict[str, list[str]] = {}
    for role in roles_with_suite():
        for check in load_catalogue(role).checks.values():
            for requirement in (check.requirement, *check.also):
                found.setdefault(requirement, []).append(check.id)
    return found


def state_of(one: Requirement, checks: dict[str, list[str]]) -> State:
    """How a requirement is verified today."""
    if one.id in checks:
        return "check"
    if one.unchecked:
        return "unchecked"
    if set(one.observability) <= {"attestation"}:
        return "attestation"
    return "open"


@app.command("list")
def requirements_list(
    role: RoleOption = "",
    as_json: JsonFlag = False,
    lang: LangOption = "ja",
) -> None:
    """要件の一覧 / list requirements"""
    chosen = language(lang)
    rows = _of_role(role)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in rows], ensure_ascii=False, indent=1))
        return
    table = Table("ID", "級 / level", "条項 / clause", "要件 / requirement")
    for one in rows:
        table.add_row(one.id, one.level, one.clause, one.ja if chosen == "ja" else one.en)
    Console().print(table)


@app.command("show")
def requirements_show(
    requirement: Annotated[str, typer.Argument(help="要件ID（例 AM-3.1-01） / requirement id")],
    as_json: JsonFlag = False,
) -> None:
    """要件の全文と、それを確かめる検査 / one requirement and its checks"""
    found = load_requirements().get(requirement)
    if found is None:
        raise fail(
            f"REQUIREMENT {requirement}: その要件はありません（shinsei requirements list） / no such requirement"
        )
    data = found.model_dump(mode="json") | {"checks": checks_by_requirement().get(requirement, [])}
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    table = Table(show_header=False)
    for key, value in data.items():
        if value:
            table.add_row(key, ", ".join(value) if isinstance(value, list) else str(value))
    Console().print(table)


@app.command("coverage")
def requirements_coverage(
    role: RoleOption = "",
    level: Annotated[str, typer.Option("--level", help="級で絞る（必須 など） / only this level")] = "",
    rows: Annotated[bool, typer.Option("--rows", help="要件ごとの表も出す / one line per requirement")] = False,
    as_json: JsonFlag = False,
    write: Annotated[
        bool, typer.Option("--write", help="要件・検査・変異体の対応表を docs/ に書く / write the committed matrix")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="docs/ の対応表が最新か確かめる / tell whether that matrix is up to date")
    ] = False,
) -> None:
    """要件がどう確かめられるか（検査・申告・理由つき・まだ無い） / how every requirement is verified"""
    if write or check:
        _matrix(write=write)
        return
    checks = checks_by_requirement()
    found = [one for one in _of_role(role) if not level or one.level == level]
    states = {one.id: state_of(one, checks) for one in found}
    if as_json:
        data = [
            {
                "id": one.id,
                "set": one.set,
                "level": one.level,
                "state": states[one.id],
                "checks": checks.get(one.id, []),
            }
            for one in found
        ]
        typer.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    console = Console()
    if rows:
        lines = Table("ID", "級", "要件集", "確かめ方", "検査・理由")
        for one in found:
            told = " ".join(checks.get(one.id, [])) or one.unchecked
            lines.add_row(one.id, one.level, one.set, STATES[states[one.id]], told)
        console.print(lines)
    table = Table("要件集 / 級", *STATES.values(), "計", title="要件の確かめ方 / coverage")
    for key in dict.fromkeys((one.set, one.level) for one in found):
        counts = Counter(states[one.id] for one in found if (one.set, one.level) == key)
        table.add_row(f"{key[0]} / {key[1]}", *(str(counts[state]) for state in STATES), str(counts.total()))
    total = Counter(states.values())
    table.add_section()
    table.add_row("計", *(str(total[state]) for state in STATES), str(total.total()))
    console.print(table)


def _matrix(*, write: bool) -> None:
    from testbed import coverage

    file, text = coverage.coverage_file(), coverage.render()
    if write:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        typer.echo(str(file))
    elif not file.is_file() or file.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{file}: 古くなっています（{coverage.REMAKE} で作り直す） / stale, run {coverage.REMAKE}\n")
        raise typer.Exit(int(Exit.NOT_CONFORMANT))


@app.command("rfi")
def requirements_rfi(
    out: Annotated[Path, typer.Argument(help="書くファイル（.xlsx か .html） / workbook or page to write")],
    role: Annotated[list[str] | None, typer.Option("--role", help="役割（何度でも。省くと全部） / roles")] = None,
    every_set: Annotated[
        bool, typer.Option("--all-sets", help="手順書のほかの要件集も含める / other requirement sets too")
    ] = False,
) -> None:
    """意見照会票（◎○△×で答える表）を Excel か印刷用の HTML で作る。役割ごとに1シート / the inquiry sheet for vendors, one sheet per role"""
    from testbed.inquiry import RequestForInformation, write_page, write_workbook

    write = {".xlsx": write_workbook, ".html": write_page}.get(out.suffix)
    if write is None:
        raise fail(f"OUT {out}: 拡張子を .xlsx か .html にしてください / the file name must end with .xlsx or .html")
    roles = tuple(role or ROLES)
    for one in roles:
        _of_role(one)
    checks = checks_by_requirement()
    wanted = [one for one in load_requirements().values() if every_set or one.set == "tejunsho-1.0"]
    sheets = {name: tuple(one for one in wanted if name in one.roles) for name in roles}
    request = RequestForInformation({name: found for name, found in sheets.items() if found}, checks, FEATURES)
    try:
        write(request, out)
    except OSError as error:
        raise fail(f"OUT {out}: 書けません（{error.strerror}） / cannot write") from None
    for name, found in request.sheets.items():
        typer.echo(f"{name}: {len(found)} 件")
    typer.echo(f"{out}")
