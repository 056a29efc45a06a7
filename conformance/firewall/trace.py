"""Which rule decided: the kernel's own trace of a few probes that went wrong, sent once more."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from conformance.firewall.netns import Namespaces, tool
from conformance.firewall.rules import nft

TABLE = "shinsei_trace"
MONITOR_SECONDS = 0.04
SETTLE_SECONDS = 0.1
MOST_PINGS = 25
_TRACING = f"""table inet {TABLE} {{
  chain c {{
    type filter hook prerouting priority -450; policy accept;
    meta nftrace set 1
  }}
}}
"""
_RULE = re.compile(r"^trace id (\w+) (\w+ \S+ \S+) rule (.*) \(verdict (\w+)(?: \S+)?\)")
_POLICY = re.compile(r"^trace id (\w+) (\w+ \S+ \S+) (?:verdict \w+ )?policy (\w+)")
_IDENT = re.compile(r"^trace id (\w+) ")
_PACKET = re.compile(r"^trace id (\w+) .* packet: (.*)$")


class Tracer:
    """Follows packets through the rulesets of several firewalls between `start` and `stop`."""

    def __init__(self, ns: Namespaces, firewalls: Iterable[str]) -> None:
        self._ns, self._firewalls = ns, tuple(firewalls)
        self._monitors: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._lines: dict[str, list[str]] = {name: [] for name in self._firewalls}

    def start(self, ping: Callable[[], object]) -> None:
        """Starts the monitors; ``ping`` sends something through until one of them reports it."""
        for name in self._firewalls:
            prefix = self._ns.command(name)
            nft(["-f", "-"], _TRACING, prefix)
            monitor = subprocess.Popen(
                [*prefix, tool("nft") or "nft", "monitor", "trace"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._monitors[name] = monitor
            reader = threading.Thread(target=self._read, args=(name, monitor), daemon=True)
            reader.start()
            self._readers.append(reader)
        for _ in range(MOST_PINGS):
            time.sleep(MONITOR_SECONDS)
            ping()
            if any(self._lines.values()):
                return

    def _read(self, name: str, monitor: subprocess.Popen[str]) -> None:
        assert monitor.stdout is not None  # noqa: S101 — opened as a pipe
        for line in monitor.stdout:
            self._lines[name].append(line.rstrip("\n"))

    def stop(self, settle: Callable[[float], None]) -> dict[str, list[str]]:
        """Lines of every firewall's trace; its own table is taken away again."""
        settle(SETTLE_SECONDS)
        for name, monitor in self._monitors.items():
            monitor.terminate()
            monitor.wait(10)
            nft(["-f", "-"], f"delete table inet {TABLE}\n", self._ns.command(name))
        for reader in self._readers:
            reader.join(5)
        for monitor in self._monitors.values():
            if monitor.stdout is not None:
                monitor.stdout.close()
        self._monitors.clear()
        return self._lines


def deciding(lines: dict[str, list[str]], wanted: Callable[[str], bool], *, last_packet: bool = False) -> str:
    """The final verdict on the first (or last) packet for which ``wanted(packet text)``: one phrase per firewall.

    The first, because what follows on the same connection is decided by its state.
    """
    parts = []
    for firewall, found in lines.items():
        packets = [one for one in _packets(found) if wanted(one[0])]
        if packets:
            verdict = _verdict(packets[-1 if last_packet else 0])
            if verdict:
                parts.append(f"{firewall}: {verdict}")
    return " / ".join(parts)


def _packets(lines: Iterable[str]) -> list[list[str]]:
    """Lines grouped by packet, the packet's own text first. The kernel reuses trace ids: a new packet line begins anew."""
    found: list[list[str]] = []
    current: dict[str, list[str]] = {}
    for line in lines:
        begins = _PACKET.match(line)
        if begins and f" {TABLE} " in line:
            current[begins[1]] = [begins[2]]
            found.append(current[begins[1]])
        elif (ident := _IDENT.match(line)) and ident[1] in current:
            current[ident[1]].append(line)
    return found


def _verdict(lines: Sequence[str]) -> str:
    last = ""
    for line in lines[1:]:
        rule, policy = _RULE.match(line), _POLICY.match(line)
        if rule and TABLE not in rule[2] and rule[4] in ("accept", "drop", "jump", "goto"):
            last = f"{rule[2]}: {rule[3]} → {rule[4]}"
        elif policy and TABLE not in policy[2] and not last:
            last = f"{policy[2]}: policy {policy[3]}"
    return last
