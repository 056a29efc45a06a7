"""What the lab process is asked to do, as data: one policy, one or several variants of rules and proxy, which rounds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from conformance.firewall.rules import Rules

RoundName = Literal["control", "boundary", "lgwan", "proxy", "chain", "reload", "boot", "proxy-down"]
FW_ROUNDS: tuple[RoundName, ...] = ("control", "boundary", "lgwan", "proxy", "chain", "reload", "boot", "proxy-down")
RELAY_ROUNDS: tuple[RoundName, ...] = ("proxy", "proxy-down")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProxyJob(_Part):
    """The 連携サーバ under test. ``squid``: ``conf`` is its squid.conf; ``command``: words run in the relay's namespace.

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


class Variant(_Part):
    """One set of things under test. ``boot_boundary``/``boot_lgwan``: what is loaded before the ruleset, if anything."""

    name: str
    boundary: Rules | None = None
    lgwan: Rules | None = None
    proxy: ProxyJob | None = None
    rounds: tuple[RoundName, ...]
    boot: dict[str, str] = {}
    forwarding_before_load: dict[str, bool] = {}


class Job(_Part):
    policy: str
    policy_name: str
    work: str
    prefix: str
    variants: tuple[Variant, ...]
    trace: bool = True
    quick_proxy: bool = False
