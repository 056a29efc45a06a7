"""``ipset save`` beside iptables-save: each rule that asks a set becomes one rule for each of its elements.

The kernel then holds plain rules with the same meaning; sets of the kernel are not needed. Sets that cannot be written out
that way (a negated one, a bitmap, a list of sets) are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KINDS = ("hash:ip", "hash:net", "hash:ip,port", "hash:net,port")
MOST_ELEMENTS = 4096
_CREATE = re.compile(r"^create (\S+) ((?:hash|bitmap|list):\S+)(.*)$")
_ADD = re.compile(r"^add (\S+) (\S+)(.*)$")
_MATCH = re.compile(r"-m set (! )?--match-set (\S+) (\S+)")


class IpsetError(ValueError):
    """A set cannot be used; ``str()`` is one sentence with file and line."""


@dataclass(frozen=True)
class IpSet:
    """``elements``: each with as many parts as the set's kind."""

    name: str
    kind: str
    elements: tuple[tuple[str, ...], ...]


def is_ipset(text: str) -> bool:
    """Whether a text is what ``ipset save`` writes."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return any(map(_CREATE.match, lines)) and all(_CREATE.match(line) or _ADD.match(line) for line in lines)


def read_sets(text: str, name: str) -> dict[str, IpSet]:
    """The sets of one file by name. Raises IpsetError."""
    kinds: dict[str, str] = {}
    elements: dict[str, list[tuple[str, ...]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{name}:{number}"
        if found := _CREATE.match(line):
            if found[2] not in KINDS:
                raise IpsetError(
                    f"{place}: ipset の種類 {found[2]} は使えません。{'・'.join(KINDS)} のどれかにしてください / unsupported kind of set {found[2]}"
                )
            kinds[found[1]], elements[found[1]] = found[2], []
        elif found := _ADD.match(line):
            if found[1] not in kinds:
                raise IpsetError(f"{place}: 組 {found[1]} は作られていません / set {found[1]} was not created")
            if "nomatch" in found[3].split():
                raise IpsetError(
                    f"{place}: nomatch の要素は使えません。範囲を書き直してください / nomatch cannot be used"
                )
            elements[found[1]].append(tuple(found[2].split(",")))
    if sum(len(one) for one in elements.values()) > MOST_ELEMENTS:
        raise IpsetError(f"{name}: 要素が {MOST_ELEMENTS} を超えています / too many elements")
    return {one: IpSet(one, kind, tuple(elements[one])) for one, kind in kinds.items()}


def written_out(text: str, sets: dict[str, IpSet], name: str) -> str:
    """iptables-save text without sets. Lines keep their order; the first of a written-out rule stands in its place."""
    return "\n".join(one for number, line in enumerate(text.splitlines(), 1) for one in _rules(line, sets, f"{name}:{number}")) + "\n"  # fmt: skip


def _rules(line: str, sets: dict[str, IpSet], place: str) -> Iterator[str]:
    found = _MATCH.search(line)
    if found is None:
        yield line
        return
    chosen = sets.get(found[2])
    if chosen is None:
        raise IpsetError(
            f"{place}: 組 {found[2]} の中身がありません。ipset save の出力も同じ引数で渡してください"
            f" / the set {found[2]} is missing: hand in the output of ipset save as well"
        )
    sides = found[3].split(",")
    if found[1] or len(sides) != len(chosen.kind.partition(":")[2].split(",")):
        raise IpsetError(
            f"{place}: 否定した組、または向きの数が合わない組は使えません。組を使わない規則に書き直してください"
            " / a negated set, or one with another number of directions, cannot be used"
        )
    before, after = line[: found.start()], line[found.end() :]
    written = [words for one in chosen.elements if (words := _words(one, sides, before + after)) is not None]
    for words in written:
        yield from _rules(before + words + after, sets, place)
    if not written:
        yield f"# {line}"  # nothing of the set can match


def _words(element: Sequence[str], sides: Sequence[str], rule: str) -> str | None:
    """What the element means in a rule; None when the rule asks for another protocol than the element."""
    address, side = element[0], sides[0]
    words = f"-m iprange --{side}-range {address}" if "-" in address else f"-{side[0]} {address}"
    if len(element) == 1:
        return words
    protocol, _, port = element[1].rpartition(":")
    protocol = protocol or "tcp"
    asked = re.search(r"-p (\S+)", rule)
    if asked is not None and asked[1] != protocol:
        return None
    own = "" if asked else f" -p {protocol}"
    return f"{words}{own} -m multiport --{sides[1][0]}ports {port.replace('-', ':')}"
