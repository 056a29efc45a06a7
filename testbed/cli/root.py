"""The root of the command line and its most used word, `check`: what a run needs and nothing more is loaded for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from conformance.evidence.challenge import ChallengeError, load_challenge, seed_of, usable
from conformance.plan import Challenge
from conformance.verdicts import Exit
from testbed.cli import check as checking
from testbed.cli.applies import out_of_place
from testbed.cli.common import NETWORK_ROLES, JsonFlag, LangOption, RoleArgument, fail, language, role_with_run
from testbed.mutants.registry import UnknownMutant

HELP = "申請連携テストベッド: 申請連携の模擬と適合性試験 / simulation and conformance of the application chain"
app = typer.Typer(name="shinsei", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


@app.callback()
def shinsei() -> None:
    pass


@app.command()
def check(
    role: RoleArgument,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE.zip…]", help="役割 package: 申請ZIP。省くと同梱の道具が書くもの / application ZIPs"
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--target", "-t", help="製品の設定ファイル。省くと同梱の製品を試験 / the product's target.toml"),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option("-k", help="検査を絞る（ID・glob・題名の一部。残りは未検証になる） / select checks"),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("-x", help="最初の指摘で止める / stop at the first finding")] = False,
    last_failed: Annotated[
        bool, typer.Option("--lf", help="前回指摘のあった検査だけ / only what failed last time")
    ] = False,
    workers: Annotated[int, typer.Option("-n", min=0, max=16, help="検査を並列に / parallel workers")] = 0,
    mutant: Annotated[
        str, typer.Option("--mutant", help="同梱の製品をこの変異体で試験 / run a mutant of the bundled product")
    ] = "",
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="プロファイルの上書きファイル（同梱の製品用） / profile overlay")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="役割 fw・relay: 通信方針（TOML）。省くと baseline / network policy"),
    ] = None,
    boundary: Annotated[
        list[Path] | None, typer.Option("--boundary", help="役割 fw: 境界FWの規則。省くと参照の規則 / boundary rules")
    ] = None,
    lgwan: Annotated[
        list[Path] | None, typer.Option("--lgwan", help="役割 fw: LGWAN-FWの規則。省くと参照の規則 / LGWAN-FW rules")
    ] = None,
    proxy: Annotated[Path | None, typer.Option("--proxy", help="役割 fw: squid.conf / proxy settings")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="乱数種 / seed")] = None,
    challenge: Annotated[
        Path | None, typer.Option("--challenge", help="発注者のチャレンジ。乱数種が決まる / a municipality's challenge")
    ] = None,
    date: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="基準日。省くと今日 / reference date")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", help="中断した実施のフォルダ。終わったラウンドを引き継ぐ / go on with an interrupted run"
        ),
    ] = None,
    image: Annotated[
        str,
        typer.Option(
            "--image", help="製品のコンテナイメージ。模擬システムの隣で動かす / the product's container image"
        ),
    ] = "",
    out: Annotated[Path, typer.Option("--out", help="結果を置くフォルダ / folder for results")] = Path("out"),
    database_url: Annotated[
        str,
        typer.Option(
            "--database-url",
            envvar="SHINSEI_DATABASE_URL",
            help="同梱の製品が使うPostgreSQL。省くと内蔵 / PostgreSQL server URL",
        ),
    ] = "",
    gate_waived: Annotated[
        bool,
        typer.Option("--gate-waived", help="免除済みの不適合だけなら終了コード0 / exit 0 when all failures are waived"),
    ] = False,
    as_json: JsonFlag = False,
    lang: LangOption = "ja",
) -> None:
    """適合性試験を実施する。終了コード: 0 適合 / 1 不適合 / 2 設定の誤り / 3 試験側の誤り / 4 未完了

    \b
    例 / examples:
      shinsei check am                          同梱の申請管理システムを試験
      shinsei check am --target target.toml     自社製品を試験
      shinsei check am -k AM-3.3 --seed 7       一部だけ（終了コードは 4 か 1）
      shinsei check am --mutant serial-wins     変異体が捕まることを確かめる
      shinsei check fw --boundary bfw.nft --lgwan lgfw.nft   通信制御の規則を実験網で試験
      shinsei check relay --target relay-target.toml         連携サーバを試験
      shinsei check package a.zip b.zip         申請ZIPを試験
    """
    role = role_with_run(role)
    given = {
        "FILE": files,
        "--target": target,
        "-x": fail_fast,
        "-n": workers,
        "--overlay": overlay,
        "--policy": policy is not None,
        "--boundary": boundary,
        "--lgwan": lgwan,
        "--proxy": proxy,
        "--seed": seed is not None,
        "--resume": resume,
        "--image": image,
    }
    if problem := out_of_place(role, given):
        raise fail(problem)
    answered = _challenge(challenge, role, seed)
    try:
        words = tuple(select or ()) + tuple(checking.last_failures(out, role) if last_failed else ())
    except checking.BadRequest as error:
        raise fail(str(error)) from None
    if role in NETWORK_ROLES:
        from testbed.cli import network

        network_run = network.Request(
            role=role,
            target=target,
            policy=policy or Path("baseline"),
            boundary=tuple(boundary or ()),
            lgwan=tuple(lgwan or ()),
            proxy=proxy,
            select=words,
            reference_date=date.date() if date else None,
            out=out,
            gate_waived=gate_waived,
            as_json=as_json,
            lang=language(lang),
            challenge=answered,
            mutant=mutant,
        )
        raise _ended(lambda: network.carry_out(network_run))
    if role == "package":
        from testbed.cli import packages

        package_run = packages.Request(
            files=tuple(files or ()),
            overlay=overlay,
            select=words,
            mutant=mutant,
            seed=seed if answered is None or files else seed_of(answered.nonce),
            reference_date=date.date() if date else None,
            out=out,
            gate_waived=gate_waived,
            as_json=as_json,
            lang=language(lang),
            challenge=answered,
        )
        raise _ended(lambda: packages.carry_out(package_run))
    request = checking.Request(
        role=role,
        target=target,
        select=words,
        fail_fast=fail_fast,
        workers=workers,
        mutant=mutant,
        overlay=overlay,
        seed=seed if answered is None else seed_of(answered.nonce),
        reference_date=date.date() if date else None,
        out=out,
        database_url=database_url,
        gate_waived=gate_waived,
        as_json=as_json,
        lang=language(lang),
        challenge=answered,
        resume=resume,
        image=image,
    )
    raise _ended(lambda: checking.carry_out(request))


def _ended(run: Callable[[], Exit]) -> typer.Exit:
    """How the command ends after ``run``: its exit code, or 2 with one sentence."""
    try:
        return typer.Exit(int(run()))
    except (UnknownMutant, checking.BadRequest) as error:
        return fail(str(error))


def _challenge(file: Path | None, role: str, seed: int | None) -> Challenge | None:
    """The challenge that this run answers; exit 2 when it cannot be used."""
    if file is None:
        return None
    if seed is not None:
        raise fail("--seed: --challenge が乱数種を決めます。片方だけにしてください / --challenge gives the seed")
    try:
        found = load_challenge(file)
        usable(found, role=role, now=datetime.now(UTC))
    except ChallengeError as error:
        raise fail(str(error)) from None
    return found
