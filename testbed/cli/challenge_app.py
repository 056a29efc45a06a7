"""`shinsei challenge`: what a municipality hands to a vendor before a run, so that the evidence cannot be older."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from conformance.evidence.challenge import ChallengeError, new_challenge, seed_of
from testbed.cli.common import RoleArgument, fail, role_with_run


def challenge(
    role: RoleArgument,
    issuer: Annotated[str, typer.Option("--issuer", help="発行する団体 / who issues it")],
    hours: Annotated[int, typer.Option("--hours", help="有効な時間 / how long it is valid")] = 72,
    out: Annotated[Path, typer.Option("--out", help="書くファイル / file to write")] = Path("challenge.json"),
) -> None:
    """発注者がチャレンジを発行する。乱数種はこれから決まり、証跡はこれに結びつく / issue a challenge: it gives the seed

    \b
    例 / example:
      shinsei challenge am --issuer 〇〇市          （発注者）challenge.json を受注者に渡す
      shinsei check am --target target.toml --challenge challenge.json   （受注者）
      shinsei report verify 証跡.zip --challenge challenge.json          （発注者）
    """
    try:
        made = new_challenge(role=role_with_run(role), issuer=issuer, hours=hours, now=datetime.now(UTC))
        with out.open("x", encoding="utf-8") as file:
            file.write(made.model_dump_json(indent=1) + "\n")
    except ChallengeError as error:
        raise fail(str(error)) from None
    except FileExistsError:
        raise fail(f"--out {out}: すでにあります（別の名前を指定） / exists already, choose another name") from None
    except OSError as error:
        raise fail(f"--out {out}: 書けません（{error.strerror}） / cannot be written") from None
    typer.echo(f"{out}: 乱数種 / seed {seed_of(made.nonce)}、期限 / expires {made.expires_at.isoformat()}")
