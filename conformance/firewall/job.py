"""What the lab process is asked to do, as data: one policy, one or several variants of rules and proxy, which rounds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from conformance.firewall.rules import Rules

RoundName = Literal["control", "boundary", "lgwan", "proxy", "chain", "reload", "boot", "proxy-down"]
FW_ROUNDS: tuple[RoundName, ...] = ("control", "boundary", "lgwan", "proxy", "chain", "reload", "boot", "proxy-down")
RELAY_ROUNDS: tuple[RoundName, ...] = ("proxy", "proxy-down")


SlowPart = Literal["crowd", "answers", "restart", "closed", "drift"]
SLOW_PARTS: tuple[SlowPart, ...] = ("crowd", "answers", "restart", "closed", "drift")
"""Parts of the proxy's rounds that take long: PX-21, PX-22 alone, PX-26, PX-18 with an unusable list, PX-22 in the chain."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProxyJob(_Part):
    """The 連携サーバ under test. ``squid``: ``conf`` is its squid.conf; ``command``: words run in the relay's namespace.

    ``idle_seconds``: how long a tunnel is really left idle, 0: not tried. ``restart_seconds``: within which it must listen.
    ``empty_list``: files that replace those of the same name, with an empty allow-list.

    ``files`` are written next to it before the start; ``{dir}`` in words and texts is that folder. ``log`` is the access
    log below it, empty: none declared.
    """

    kind: Literal["squid", "command"] = "squid"
    conf: str = ""
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    log: str = ""
    relay_kind: Literal["proxy", "store-and-forward", "other"] = "proxy"
    observe_seconds: float = 6.0
    idle_seconds: float = 0
    restart_seconds: float = 10.0
    empty_list: dict[str, str] = {}


class Variant(_Part):
    """One set of things under test. ``boot_boundary``/``boot_lgwan``: what is loaded before the ruleset, if anything."""

    name: str
    boundary: Rules | None = None
    lgwan: Rules | None = None
    proxy: ProxyJob | None = None
    rounds: tuple[RoundName, ...]
    slow: tuple[SlowPart, ...] = SLOW_PARTS
    boot: dict[str, str] = {}
    forwarding_before_load: dict[str, bool] = {}


class Job(_Part):
    """``trace``: whether the deciding rules are looked for and packets and counters kept as evidence."""

    policy: str
    policy_name: str
    work: str
    prefix: str
    variants: tuple[Variant, ...]
    trace: bool = True
