"""What the lab saw, as data: the suites judge it, reports and diagrams show it. Written by the lab process as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Class = Literal["delivered", "half_open", "refused_by_target", "rejected_by_firewall", "dropped", "lost", "not_sent"]
PASSED: tuple[Class, ...] = ("delivered", "half_open", "refused_by_target")
"""Classes in which a packet got through to where it was sent."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seen(_Part):
    """One probe in one round. ``arrived``: hosts; ``legs``: ``firewall:interface`` that took it in; ``rule``: what decided.

    ``ms``: milliseconds until the sender had its answer or refusal, all probes of a
    round being under way at once; None when nothing came back. ``connections``: what
    the firewalls' connection tables told of it. ``packets``: its packets in the run's capture ("12-17").
    """

    cls: Class
    arrived: tuple[str, ...] = ()
    legs: tuple[str, ...] = ()
    refusal: str = ""
    rule: str = ""
    ms: float | None = None
    connections: tuple[str, ...] = ()
    packets: str = ""


class RuleCount(_Part):
    """How much a rule with a counter counted in one round. ``chain``: family, table and chain; ``handle``: the kernel's number."""

    firewall: str
    chain: str
    handle: int
    rule: str
    packets: int
    bytes: int


class Exchange(_Part):
    """One proxy case: what was sent, what came back, who was connected to, which names were asked."""

    id: str
    sent: str = ""
    status: int = 0
    answer: str = ""
    reached: tuple[str, ...] = ()
    tunnelled: bool = False
    queries: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0


class Round(_Part):
    """``cells``: by number of the matrix; ``tricks``: by id; ``facts``: named yes/no observations with their text.

    ``counters``: what the rules counted while the probes and tricks of this round were sent.
    """

    id: str
    cells: dict[int, Seen] = {}
    tricks: dict[str, Seen] = {}
    exchanges: dict[str, Exchange] = {}
    facts: dict[str, str] = {}
    counters: tuple[RuleCount, ...] = ()
    seconds: float = 0


class LabRecord(_Part):
    """Everything of one lab: ``hashes`` of what was loaded, by name; ``unavailable``: why there was no lab, or no relay in it.

    ``packets``: how many the run's capture holds; ``packets_left_out``: how many its limit kept out.
    """

    policy: str
    hashes: dict[str, str] = {}
    tools: dict[str, str] = {}
    privilege: str = ""
    rounds: dict[str, Round] = {}
    unavailable: str = ""
    refused: str = ""
    packets: int = 0
    packets_left_out: int = 0
    seconds: float = 0

    def round(self, name: str) -> Round:
        return self.rounds.get(name, Round(id=name))
