"""A municipality's challenge: a nonce that a vendor cannot know beforehand gives the seed, and the bundle is bound to it.

A run that a vendor did alone, with a seed of its own choice, proves little. With a challenge the synthetic people and
applications are others each time, so answers prepared beforehand do not fit; and the run is no older than the nonce.
It does not prove that nobody tampered in between: who must know repeats the run (``report verify --rerun``).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from conformance.plan import Challenge, Plan
from conformance.sentence import Sentence
from interface_spec.errors import first_problem

SEED_BITS = 31
"""Seeds are written by people as well: below 2**31."""
LONGEST_HOURS = 24 * 366


class ChallengeError(Sentence, ValueError):
    """The challenge cannot be used (exit 2): file or field, problem, fix."""


def seed_of(nonce: str) -> int:
    """The seed that follows from a nonce: the first 31 bits of SHA-256 over ``shinsei-challenge:NONCE``."""
    digest = hashlib.sha256(f"shinsei-challenge:{nonce}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - SEED_BITS)


def new_challenge(*, role: str, issuer: str, hours: int, now: datetime) -> Challenge:
    """A fresh challenge, valid for ``hours``. ChallengeError for an empty issuer or a length that makes no sense."""
    if not issuer.strip():
        raise ChallengeError("--issuer", "発行する団体の名を書いてください", "write who issues it")
    if not 1 <= hours <= LONGEST_HOURS:
        raise ChallengeError("--hours", f"1〜{LONGEST_HOURS} の時間にしてください", f"use 1 to {LONGEST_HOURS} hours")
    at = now.replace(microsecond=0)
    return Challenge(
        nonce=secrets.token_hex(16), role=role, issuer=issuer, issued_at=at, expires_at=at + timedelta(hours=hours)
    )


def load_challenge(path: Path) -> Challenge:
    """The challenge in ``path``. Raises ChallengeError with one sentence naming file, field and fix."""
    try:
        return Challenge.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ChallengeError(
            str(path), f"読めません（{error.strerror}）", f"cannot be read ({error.strerror})"
        ) from None
    except ValidationError as error:
        place, problem = first_problem(error)
        ja, _, en = problem.partition(" / ")
        raise ChallengeError(f"{path}: {place}" if place else str(path), ja, en or ja) from None


def usable(challenge: Challenge, *, role: str, now: datetime) -> None:
    """ChallengeError when the challenge is for another role or out of its time."""
    if challenge.role != role:
        raise ChallengeError(
            "--challenge",
            f"役割 {challenge.role} のためのもので、{role} には使えません",
            f"it is for the role {challenge.role}, not for {role}",
        )
    if now > challenge.expires_at:
        raise ChallengeError(
            "--challenge",
            f"{challenge.expires_at.isoformat()} に期限が切れています（発行者に新しいものを求めてください）",
            f"it expired at {challenge.expires_at.isoformat()} (ask its issuer for a new one)",
        )


def unmet(plan: Plan, started_at: datetime | None, issued: Challenge | None) -> list[tuple[str, str]]:
    """Why a run does not answer its challenge, as (Japanese, English); ``issued``: the issuer's own copy, when at hand."""
    own = plan.challenge
    if own is None:
        return [("チャレンジに応じた実施ではありません", "the run answers no challenge")] if issued else []
    found = []
    if issued is not None and issued != own:
        found.append(("発行したチャレンジと違います", "it is not the challenge that was issued"))
    if own.role != plan.role:
        found.append(("チャレンジの役割が違います", "the challenge is for another role"))
    if plan.role not in SEEDLESS and plan.seed != seed_of(own.nonce):
        found.append(("乱数種がチャレンジから導いたものではありません", "the seed does not follow from the challenge"))
    if started_at is None or not own.issued_at <= started_at <= own.expires_at:
        found.append(("チャレンジの期間の外の実施です", "the run is outside the time of the challenge"))
    return found


SEEDLESS = ("fw", "relay", "package")
"""Roles whose test of somebody's product has no random part: the challenge binds their bundle in time only."""
