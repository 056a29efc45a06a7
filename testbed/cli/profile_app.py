"""``shinsei profile``: validate an overlay, show a profile, compare two."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fixtures.errors import FixtureError
from interface_spec.errors import SpecError
from interface_spec.profile import PROVENANCES, Profile, load_profile
from testbed.cli.common import JsonFlag, fail

app = typer.Typer(help="インターフェースプロファイル / interface profiles", no_args_is_help=True)

BaseOption = Annotated[str, typer.Option("--base", help="元のプロファイル / base profile")]
OverlayOption = Annotated[Path | None, typer.Option("--overlay", help="上書きファイル / overlay file")]


def _load(base: str, overlay: Path | None) -> Profile:
    try:
        return load_profile(base, overlay)
    except SpecError as error:
        raise fail(str(error)) from None


@app.command("check")
def profile_check(
    file: Annotated[Path, typer.Argument(help="上書きファイル / overlay file")], base: BaseOption = "baseline"
) -> None:
    """上書きファイルを検査し、誤りがあれば場所と直し方を一文で示す / validate an overlay file"""
    from testbed.wired import check_wiring

    profile = _load(base, file)
    try:
        check_wiring(profile)
    except (SpecError, FixtureError) as error:
        problem = str(error).removeprefix(f"profile {profile.profile.id}: ")
        raise fail(f"{file}: {problem}") from None
    count = len(profile.assumptions())
    names = ", ".join(f"{surface}: {profile.surfaces[surface].dialect}" for surface in profile.dialects_in_force())
    spoken = f"、方言 {names}" if names else ""
    typer.echo(f"{file}: 使えます（仮定など {count} 件{spoken}） / valid ({count} assumptions)")


@app.command("show")
def profile_show(base: BaseOption = "baseline", overlay: OverlayOption = None, as_json: JsonFlag = False) -> None:
    """プロファイルの中身（上書き後） / what a profile holds, overlay applied"""
    profile = _load(base, overlay)
    if as_json:
        typer.echo(json.dumps(profile.model_dump(mode="json"), ensure_ascii=False, indent=1))
        return
    table = Table(title=f"{profile.profile.ja}（{profile.profile.id} {profile.profile.edition}）")
    for column in ("面", "呼出し", "メソッドと経路", "形", "出所"):
        table.add_column(column, overflow="fold")
    for surface in profile.surfaces.values():
        for one in (surface.operations | surface.undeclared).values():
            aside = "" if one.declared else "（無効）"
            call = escape(f"{one.method} {one.path}")
            table.add_row(surface.ja, one.ja + aside, call, one.body, one.provenance)
        table.add_section()
    console = Console()
    console.print(table)
    counts = Counter(item.provenance for _, item in profile.items())
    counts.update(field.provenance for _, field in profile.record_fields())
    console.print("項目の出所: " + "、".join(f"{one} {counts[one]}" for one in PROVENANCES))
    parts = (("固定長ファイル", profile.records), ("ファイル受渡し", profile.drops), ("コード表", profile.codes))
    console.print("、".join(f"{ja} {len(found)}" for ja, found in parts))


def _flat(data: Any, place: str = "") -> dict[str, Any]:
    """Dotted place → value of every leaf."""
    if isinstance(data, Mapping) and data:
        found: dict[str, Any] = {}
        for key, value in data.items():
            found |= _flat(value, f"{place}.{key}" if place else str(key))
        return found
    return {place: data}


def differences(old: Profile, new: Profile) -> list[dict[str, Any]]:
    """What the second profile states otherwise, in file order: place, old, new (None: not there)."""
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    return [
        {"place": place, "old": before.get(place), "new": after.get(place)}
        for place in {**before, **after}
        if before.get(place) != after.get(place)
    ]


@app.command("diff")
def profile_diff(
    file: Annotated[Path, typer.Argument(help="上書きファイル / overlay file")],
    other: Annotated[
        Path | None, typer.Argument(help="比べる上書きファイル。省くと元のプロファイル / compare with")
    ] = None,
    base: BaseOption = "baseline",
    as_json: JsonFlag = False,
) -> None:
    """上書きファイルが変えるもの / what an overlay changes (against the base, or against another overlay)"""
    old, new = (_load(base, None), _load(base, file)) if other is None else (_load(base, file), _load(base, other))
    found = differences(old, new)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table()
    for column in ("場所 / place", "前 / old", "後 / new"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one["place"], _shown(one["old"]), _shown(one["new"]))
    Console().print(table)
    typer.echo(f"{len(found)} 件の違い / {len(found)} differences")


def _shown(value: Any) -> str:
    return "―" if value is None else escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
