"""Which rule decided: the kernel's own trace of a few probes that went wrong, sent once more."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterable

from conformance.firewall.netns import Namespaces, tool
from conformance.firewall.rules import nft

TABLE = "shinsei_trace"
MONITOR_SECONDS = 0.15
_RULE = re.compile(r"^trace id (\w+) (\w+ \S+ \S+) rule (.*) \(verdict (\w+)(?: \S+)?\)")
_POLICY = re.compile(r"^trace id (\w+) (\w+ \S+ \S+) (?:verdict \w+ )?policy (\w+)")
_PACKET = re.compile(r"^trace id (\w+) .* packet: (.*)$")


class Tracer:
    """Follows packets through the rulesets of several firewalls while ``with`` lasts."""

    def __init__(self, ns: Namespaces, firewalls: Iterable[str]) -> None:
        self._ns, self._firewalls = ns, tuple(firewalls)
        self._monitors: dict[str, subprocess.Popen[str]] = {}

    def start(self) -> None:
        for name in self._firewalls:
            prefix = self._ns.command(name)
            nft(
                ["-f", "-"],
                f"table inet {TABLE} {{ chain c {{ type filter hook prerouting priority -450; policy accept; meta nftrace set 1;\n }}\n }}\n",
                prefix,
            )
            self._monitors[name] = subprocess.Popen(
                [*prefix, tool("nft") or "nft", "monitor", "trace"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        time.sleep(MONITOR_SECONDS)

    def stop(self, settle: Callable[[float], None]) -> dict[str, list[str]]:
        """Lines of every firewall's trace; its own table is taken away again."""
        settle(MONITOR_SECONDS)
        found: dict[str, list[str]] = {}
        for name, monitor in self._monitors.items():
            monitor.terminate()
            text, _ = monitor.communicate(timeout=10)
            found[name] = text.splitlines()
            nft(["-f", "-"], f"delete table inet {TABLE}\n", self._ns.command(name))
        self._monitors.clear()
        return found


def deciding(lines: dict[str, list[str]], wanted: Callable[[str], bool], *, last_packet: bool = False) -> str:
    """The final verdict on the first (or last) packet for which ``wanted(packet text)``: one phrase per firewall.

    The first, because what follows on the same connection is decided by its state.
    """
    parts = []
    for firewall, found in lines.items():
        matching = [m[1] for line in found if (m := _PACKET.match(line)) and wanted(m[2])]
        ident = matching[-1 if last_packet else 0] if matching else ""
        last = ""
        for line in found:
            rule, policy = _RULE.match(line), _POLICY.match(line)
            if rule and rule[1] == ident and TABLE not in rule[2] and rule[4] in ("accept", "drop", "jump", "goto"):
                last = f"{rule[2]}: {rule[3]} → {rule[4]}"
            elif policy and policy[1] == ident and TABLE not in policy[2] and not last:
                last = f"{policy[2]}: policy {policy[3]}"
        if last:
            parts.append(f"{firewall}: {last}")
    return " / ".join(parts)
