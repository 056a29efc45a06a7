"""Options and refusals that the commands share."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from conformance.catalogue import roles_with_suite
from conformance.messages import Lang
from conformance.verdicts import Exit
from interface_spec.requirements import ROLES

JsonFlag = Annotated[bool, typer.Option("--json", help="機械向けにJSONで出力 / JSON for programs")]
LangOption = Annotated[str, typer.Option("--lang", help="言葉 ja | en / language")]
NETWORK_ROLES = ("fw", "relay")
"""Roles that are played in the lab of namespaces."""
RoleArgument = Annotated[str, typer.Argument(help="役割（am = 申請管理システム） / role of the product")]


def fail(message: str) -> typer.Exit:
    """One sentence on stderr and exit code 2."""
    sys.stderr.write(message.rstrip() + "\n")
    return typer.Exit(Exit.CONFIGURATION)


def language(word: str) -> Lang:
    """``word`` as a language; exit 2 for any other."""
    if word == "ja":
        return "ja"
    if word == "en":
        return "en"
    raise fail(f"--lang {word}: ja か en を指定してください / use ja or en")


def role_with_run(role: str) -> str:
    """``role`` when it can be checked; the package suite has rules in place of checks. Exit 2 for any other."""
    return role if role == "package" else known_role(role)


def known_role(role: str) -> str:
    """``role`` when it has a suite; exit 2 with the known ones otherwise."""
    if role not in roles_with_suite():
        known = ", ".join((*roles_with_suite(), "package"))
        note = "（この役割の検査はまだありません） / no suite for this role yet" if role in ROLES else " / unknown role"
        raise fail(f"ROLE {role}: 使える役割は {known} です{note}")
    return role
