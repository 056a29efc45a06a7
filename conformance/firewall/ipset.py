"""``ipset save`` beside iptables-save: each rule that asks a set becomes plain rules with the same meaning.

A set becomes one rule for each of its elements; a negated set, or one with exceptions (``nomatch``), a chain of its own in
which the elements stand before the rule's target. Sets of the kernel are then not needed. What cannot be written out
exactly is refused with its place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from conformance.firewall.include import line_mark

LIST = "list:set"
KINDS = (
    "hash:ip", "hash:net", "hash:mac", "hash:ip,port", "hash:net,port", "hash:ip,port,ip", "hash:ip,port,net",
    "hash:net,net", "hash:net,port,net", "hash:net,iface", "hash:ip,mac", "hash:ip,mark", "bitmap:ip", "bitmap:port", LIST,
)  # fmt: skip
MOST_ELEMENTS = 4096
MOST_RULES = 20000
MOST_NESTED = 8
PORTS_OF = ("tcp", "udp", "sctp")
NUMBERED = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "132": "sctp", "icmpv6": "ipv6-icmp"}
FURTHER = ("--return-nomatch", "--update-counters", "--update-subcounters", "--packets-", "--bytes-")
TARGETS = ("-j", "--jump", "-g", "--goto")
_CREATE = re.compile(r"^create (\S+) ((?:hash|bitmap|list):\S+)(.*)$")
_ADD = re.compile(r"^add (\S+) (\S+)(.*)$")
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\S+')


class IpsetError(ValueError):
    """A set cannot be used; ``str()`` is one sentence with file and line."""


@dataclass(frozen=True)
class Element:
    """``parts``: as many as the set's kind has; ``excepted``: what it names is *not* in the set (``nomatch``)."""

    parts: tuple[str, ...]
    excepted: bool = False


@dataclass(frozen=True)
class IpSet:
    name: str
    kind: str
    elements: tuple[Element, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """What each part of an element is: ip, net, port, mac, iface, mark."""
        return tuple(self.kind.partition(":")[2].split(","))


def is_ipset(text: str) -> bool:
    """Whether a text is what ``ipset save`` writes."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return any(map(_CREATE.match, lines)) and all(_CREATE.match(line) or _ADD.match(line) for line in lines)


def read_sets(text: str, name: str) -> dict[str, IpSet]:
    """The sets of one file by name. Raises IpsetError."""
    made: dict[str, tuple[str, str]] = {}
    elements: dict[str, list[Element]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{name}:{number}"
        if found := _CREATE.match(line):
            if found[2] not in KINDS:
                raise IpsetError(
                    f"{place}: ipset の種類 {found[2]} は使えません。{'・'.join(KINDS)} のどれかにしてください / unsupported kind of set {found[2]}"
                )
            mask = re.search(r"\bnetmask (\d+)", found[3])
            made[found[1]], elements[found[1]] = (found[2], mask[1] if mask else ""), []
        elif found := _ADD.match(line):
            if found[1] not in made:
                raise IpsetError(f"{place}: 組 {found[1]} は作られていません / set {found[1]} was not created")
            kind, mask_bits = made[found[1]]
            elements[found[1]].append(_element(kind, mask_bits, found[2], "nomatch" in found[3].split(), place))
    if sum(len(one) for one in elements.values()) > MOST_ELEMENTS:
        raise IpsetError(f"{name}: 要素が {MOST_ELEMENTS} を超えています / too many elements")
    return {one: IpSet(one, kind, tuple(elements[one])) for one, (kind, _) in made.items()}


def _element(kind: str, mask: str, text: str, excepted: bool, place: str) -> Element:
    if excepted and kind != "hash:net":
        raise IpsetError(
            f"{place}: nomatch は hash:net の要素にだけ使えます。範囲を書き直してください / nomatch can be used in hash:net only"
        )
    if "physdev:" in text:
        raise IpsetError(
            f"{place}: physdev の要素は使えません。インタフェースの名だけにしてください / physdev cannot be used"
        )
    first, *rest = text.split(",")
    if mask and "/" not in first and kind in ("hash:ip", "bitmap:ip"):
        first = f"{first}/{mask}"
    return Element((first, *rest), excepted)


def written_out(text: str, sets: dict[str, IpSet], name: str, version: int = 4) -> str:
    """iptables-save text (of IP ``version``) without sets; marks tell which line of the file a written-out rule is of.

    IpsetError when a rule asks a set in a way that plain rules cannot say.
    """
    lines: list[str] = []
    writer = _Writer(sets, version)
    moved = False
    for number, line in enumerate(text.splitlines(), 1):
        written = list(writer.rules(line, f"{name}:{number}"))
        if written == [line]:
            lines += [line_mark(number), line] if moved else [line]
            moved = False
            continue
        lines += [one for rule in written for one in (line_mark(number), rule)]
        moved = True
        if len(lines) > 2 * MOST_RULES:
            raise IpsetError(
                f"{name}:{number}: 組を書き下すと {MOST_RULES} 行を超えます。組を小さくしてください / the sets give too many rules"
            )
    return "\n".join(lines) + "\n"


@dataclass
class _Writer:
    """Writes the rules of one file; ``_chains`` numbers the chains that it adds."""

    sets: dict[str, IpSet]
    version: int
    _chains: int = field(default=0, init=False)

    def rules(self, line: str, place: str) -> Iterator[str]:
        tokens: list[str] = _TOKEN.findall(line)
        if "SET" in tokens and "-A" in tokens and tokens[tokens.index("SET") - 1] in TARGETS:
            raise IpsetError(
                f"{place}: -j SET（組の書換え）は使えません。組を変えない規則に書き直してください / -j SET cannot be used"
            )
        at = next((n for n, one in enumerate(tokens) if one in ("--match-set", "--set")), None)
        if at is None or "-A" not in tokens or not (tokens[at] == "--match-set" or "set" in tokens[:at][-2:]):
            yield line
            return
        negated = tokens[at - 1] == "!"
        start = at - 1 if negated else at
        matched = tokens[at + 1 : at + 3]
        if len(matched) < 2 or tokens[start - 2 : start] != ["-m", "set"]:
            raise IpsetError(f"{place}: -m set の書き方が分かりません / -m set is not understood")
        if any(one.startswith(FURTHER) for one in tokens[at + 3 :]):
            raise IpsetError(
                f"{place}: -m set の {' '.join(FURTHER[:2])} などは使えません。組と向きだけにしてください / only a set and its directions"
            )
        rest = tokens[: start - 2] + tokens[at + 3 :]
        goal = next((n for n, one in enumerate(rest) if one in TARGETS), len(rest))
        matches, target = rest[:goal], rest[goal:]
        members = self._members(matched[0], matched[1].split(","), place)
        if not negated and not any(member.excepted for member, _, _ in members):
            for member, parts, sides in members:
                for words in self._words(member, parts, sides, matches, place):
                    yield from self.rules(" ".join([*matches, *words, *target]), place)
            return
        yield from self._by_chain(matches, target, members, negated, place)

    def _members(self, name: str, sides: Sequence[str], place: str, depth: int = 0) -> list[_Member]:
        """Each element of a set, and of the sets that a list holds; the most specific networks first."""
        chosen = self.sets.get(name)
        if chosen is None:
            raise IpsetError(
                f"{place}: 組 {name} の中身がありません。ipset save の出力も同じ引数で渡してください"
                f" / the set {name} is missing: hand in the output of ipset save as well"
            )
        if chosen.kind == LIST:
            if depth == MOST_NESTED:
                raise IpsetError(f"{place}: 組 {name} が組の組を重ねすぎています / sets of sets are nested too deeply")
            return [m for one in chosen.elements for m in self._members(one.parts[0], sides, place, depth + 1)]
        if len(sides) < len(chosen.parts):
            raise IpsetError(
                f"{place}: 組 {name}（{chosen.kind}）には向きを {len(chosen.parts)} つ書きます（src,dst など）"
                f" / the set {name} needs {len(chosen.parts)} directions"
            )
        of_family = [one for one in chosen.elements if self._fits(chosen, one)]
        if any(one.excepted for one in of_family) and depth:
            raise IpsetError(
                f"{place}: nomatch のある組 {name} は、組の組には入れられません / nomatch inside a list of sets"
            )
        ordered = sorted(of_family, key=lambda one: (-_length(one.parts[0]), not one.excepted)) if chosen.kind == "hash:net" else of_family  # fmt: skip
        return [(one, chosen.parts, sides) for one in ordered]

    def _fits(self, chosen: IpSet, element: Element) -> bool:
        """Whether the element is of the rules' own family: a rule of the other one never finds it."""
        return all(
            (":" in text) == (self.version == 6)
            for part, text in zip(chosen.parts, element.parts, strict=False)
            if part in ("ip", "net")
        )

    def _by_chain(
        self, matches: list[str], target: list[str], members: list[_Member], negated: bool, place: str
    ) -> Iterator[str]:
        """A chain of its own, asked where the rule stood: elements leave it or take the target, in their order."""
        if not target:
            yield "# " + " ".join(matches)
            return
        if "RETURN" in target or target[0] in ("-g", "--goto"):
            raise IpsetError(
                f"{place}: 否定した組（または nomatch のある組）と RETURN・-g は組み合わせられません。ACCEPT・DROP・-j で書き直してください"
                " / a negated set, or one with nomatch, cannot be combined with RETURN or -g"
            )
        self._chains += 1
        chain = f"SHINSEI-SET-{self._chains}"
        yield f":{chain} - [0:0]"
        yield from self.rules(" ".join([*matches, "-j", chain]), place)
        for member, parts, sides in members:
            taken = member.excepted if negated else not member.excepted
            for words in self._words(member, parts, sides, [], place):
                yield " ".join(["-A", chain, *words, *(target if taken else ("-j", "RETURN"))])
        if negated:
            yield " ".join(["-A", chain, *target])

    def _words(
        self, element: Element, parts: Sequence[str], sides: Sequence[str], rule: Sequence[str], place: str
    ) -> list[list[str]]:
        """The matches that say the element, beside those of ``rule``; none when the two can never meet."""
        found = [
            _part(part, text, side, rule, place) for part, text, side in zip(parts, element.parts, sides, strict=False)
        ]
        return [
            [word for one in sorted(chosen, key=lambda words: "-p" not in words) for word in one]
            for chosen in product(*found)
        ]


_Member = tuple[Element, tuple[str, ...], Sequence[str]]


def _length(network: str) -> int:
    return int(network.partition("/")[2] or 128)


def _part(part: str, text: str, side: str, rule: Sequence[str], place: str) -> list[list[str]]:
    """The ways to say one part of an element, as words of iptables."""
    if side not in ("src", "dst"):
        raise IpsetError(f"{place}: 組の向き {side} は src・dst のどちらかです / a direction is src or dst")
    if part in ("ip", "net"):
        return [_address(text, side, rule)]
    if part == "port":
        return _port(text, side, rule, place)
    if part == "iface":
        return _interface(text, "-i" if side == "src" else "-o", rule, place)
    if part == "mark":
        return [["-m", "mark", "--mark", text]]
    if side != "src":
        raise IpsetError(f"{place}: MAC アドレスの組は src でだけ使えます / a set of MAC addresses is asked with src")
    return [["-m", "mac", "--mac-source", text]]


def _address(text: str, side: str, rule: Sequence[str]) -> list[str]:
    word = "-s" if side == "src" else "-d"
    if "-" not in text and word not in rule:
        return [word, text]
    if "-" not in text:
        network = ipaddress.ip_network(text, strict=False)
        text = f"{network[0]}-{network[-1]}"
    return ["-m", "iprange", f"--{side}-range", text]


def _port(text: str, side: str, rule: Sequence[str], place: str) -> list[list[str]]:
    """``tcp:443``, ``443``, ``icmp:echo-request``; a bare port of bitmap:port is of TCP and of UDP."""
    protocol, _, port = text.rpartition(":")
    asked = _asked(rule, "-p", place)
    found = []
    for one in [NUMBERED.get(protocol, protocol)] if protocol else ["tcp", "udp"]:
        if asked not in ("", one):
            continue
        words = [] if asked else ["-p", one]
        if one in PORTS_OF:
            words += ["-m", "multiport", f"--{side[0]}ports", port.replace("-", ":")]
        elif one in ("icmp", "ipv6-icmp"):
            kind = "icmp" if one == "icmp" else "icmp6"
            words += ["-m", kind, f"--{'icmp' if one == 'icmp' else 'icmpv6'}-type", port]
        found.append(words)
    return found


def _interface(text: str, word: str, rule: Sequence[str], place: str) -> list[list[str]]:
    asked = _asked(rule, word, place)
    if asked in ("", text):
        return [[] if asked else [word, text]]
    return []


def _asked(rule: Sequence[str], word: str, place: str) -> str:
    """What the rule itself says behind ``word``; IpsetError when it says so in a way that cannot be compared."""
    if word not in rule:
        return ""
    at = list(rule).index(word)
    value = NUMBERED.get(rule[at + 1], rule[at + 1])
    if rule[at - 1] == "!" or value.endswith("+"):
        raise IpsetError(
            f"{place}: 否定や + の付いた {word} は、同じものを持つ組と組み合わせられません / {word} with ! or + cannot be combined with such a set"
        )
    return value
