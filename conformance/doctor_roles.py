"""`shinsei doctor` for the roles without a control interface: files that are read by a person or by another command."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.firewall.run import RelayTarget
from conformance.target import AttestationAnswer, Product
from interface_spec.errors import SpecError, first_problem
from interface_spec.policy import load_policy
from interface_spec.procedures import load_procedures
from interface_spec.requirements import load_requirements

Grade = Literal["ok", "note", "bad", "set"]
NEXT = {
    "relay": "shinsei check relay --target {path}",
    "fw": "shinsei check fw --policy {path} --boundary 規則 --lgwan 規則",
    "package": "shinsei validate 申請.zip --report out/package",
}


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at. ``field`` is the place in target.toml; ``bad`` keeps a run from being useful.

    ``set`` is one line of 「製品側に設定する値」: ``field`` is its name, ``ja`` and ``en`` the value.
    """

    grade: Grade
    field: str
    ja: str
    en: str


OTHER_ROLES = ("relay", "juki", "atena", "core", "portal", "mun", "package")


class RoleTarget(BaseModel):
    """target.toml of a role that has no suite that drives the product: what it is, and what its vendor states."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Literal["juki", "atena", "core", "portal", "mun", "package"]
    product: Product
    procedures: tuple[str, ...] = ()
    serial_source: Literal["", "cs", "existing"] = Field(default="", description="role juki: whose serials it uses")
    methods: dict[str, Literal["i", "ii", "iii", "iv"]] = {}
    attestations: dict[str, AttestationAnswer] = {}


def role_of(path: Path) -> str:
    """The role that the file names; ``fw`` for a policy; ``am`` when it cannot be told (its loader then says why)."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return "am"
    role = data.get("role")
    if role is None and "topology" in data:
        return "fw"
    return role if isinstance(role, str) and role in OTHER_ROLES else "am"


def examine_other(path: Path) -> list[Diagnosis]:
    """What can be said about the file of a role that is not `am`."""
    role = role_of(path)
    data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    try:
        if role == "fw":
            load_policy(path)
            return [_ok("", "通信方針を読めました", "the policy is readable"), _next(role, path)]
        if role == "relay":
            return [*_relay(RelayTarget.model_validate(data), path), _next(role, path)]
        return [*_stated(RoleTarget.model_validate(data)), _next(role, path)]
    except SpecError as error:
        ja, _, en = str(error).partition(" / ")
        return [Diagnosis("bad", "", ja, en or ja)]
    except ValidationError as error:
        place, problem = first_problem(error)
        ja, _, en = problem.partition(" / ")
        return [Diagnosis("bad", place, f"{path}: {place}: {ja}", f"{path}: {place}: {en or ja}")]


def _relay(target: RelayTarget, path: Path) -> list[Diagnosis]:
    found = [_ok("", "設定ファイルを読めました", "the file is readable")]
    if not target.squid_conf and not target.command:
        words = ("squid_conf（設定ファイル）か command（起動）を書きます", "write squid_conf or command")
        found.append(Diagnosis("bad", "squid_conf", *words))
    for field, name in (("squid_conf", target.squid_conf), *(("files", one) for one in target.files)):
        if name and not (path.parent / name).is_file():
            found.append(
                Diagnosis("bad", field, f"{path.parent / name} がありません", f"{path.parent / name}: no such file")
            )
    return found


def _stated(target: RoleTarget) -> list[Diagnosis]:
    found = [_ok("", "設定ファイルを読めました", "the file is readable")]
    for field, words in (("procedures", target.procedures), ("methods", tuple(target.methods))):
        for word in words:
            if word not in load_procedures():
                found.append(Diagnosis("bad", field, f"手続 {word} はありません", f"there is no procedure {word}"))
    known = load_requirements()
    for name in target.attestations:
        if name not in known:
            found.append(
                Diagnosis("bad", f"attestations.{name}", "その要件はありません", "there is no such requirement")
            )
    binding = [one for one in known.values() if target.role in one.roles and one.level_for(lambda _: True) == "必須"]
    found += [
        Diagnosis("note", f"attestations.{one.id}", f"申告がありません: {one.ja}", f"not stated: {one.en}")
        for one in binding
        if one.id not in target.attestations
    ]
    if target.role == "juki" and not target.serial_source:
        found.append(
            Diagnosis(
                "note", "serial_source", "cs か existing を書きます（無ければ cs とみなす）", "write cs or existing"
            )
        )
    return found


def _next(role: str, path: Path) -> Diagnosis:
    line = NEXT.get(role, "").format(path=path)
    if not line:
        words = (
            "この役割を動かす試験はまだ無く、申告と意見照会票で扱います",
            "no suite drives this role yet: statements only",
        )
        return Diagnosis("note", "", *words)
    return Diagnosis("note", "", f"次は {line}", f"next: {line}")


def _ok(field: str, ja: str, en: str) -> Diagnosis:
    return Diagnosis("ok", field, ja, en)
