"""Packet tricks: the oddities that a packet filter must not let through, as data and frames (control: delivered when open).

Each trick carries a nonce in its payload; who saw the nonce is known at the receiver. What a lab cannot show is said in
`NOT_TESTABLE`: a machine that spoofs its neighbour on the same segment, a full connection table, which no rule decides about.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from conformance.firewall import frames as f
from conformance.firewall.multicast import GROUPS, hardware_address
from interface_spec.policy import Family, FirewallName, Policy

Build = Callable[[bytes, str], list[bytes]]
"""Frames with a nonce in them; the second word is the address to send to in the place of the planned one, "" for that."""
MEDIA_PORT = 30002
EXPEDITED = 0xB8
"""Expedited forwarding: a rule for voice may let everything pass that carries it."""
NO_OPERATION, MOST_OPTIONS = b"\x01", 40
"""The option that does nothing, and for how many bytes of options an IP header has room."""


class Wires(Protocol):
    """What is needed of a network to address frames."""

    policy: Policy
    macs: dict[tuple[str, str], str]
    multicast: bool

    def gateway_mac(self, host: str, zone: str) -> str: ...


class PaperWires:
    """A network that was never built: enough to know which tricks there are and what they cross."""

    multicast = True

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.macs = {(name, one.zone): "02:00:00:00:00:00" for name, one in policy.host.items()}

    def gateway_mac(self, host: str, zone: str) -> str:
        return self.macs.get((host, zone), "02:00:00:00:00:00")


NOT_TESTABLE: dict[str, tuple[str, str]] = {
    "PX-17": (
        "残る危険：許可したトンネルの中は、復号しない限り連携サーバからもFWからも見えない。ほかの名前を名乗る要求は、"
        "ダウンロード機能の側で断る必要がある。",
        "residual risk: what is inside a permitted tunnel cannot be seen without interception; the download function must refuse"
        " requests for other names",
    ),
    "FW-P09": (
        "同じセグメントのほかの機器が申請管理システムを名乗ることは、境界FWでは見分けられない。連携サーバの利用者認証か、専用のセグメントで防ぐ。",
        "a neighbour that claims the application management system's address cannot be told apart by the firewall",
    ),
    "FW-P05": (
        "厳密な経路指定（SSRR）と長さの誤ったIPヘッダー、IPv4射影の送信元（FW-P14）は、この試験のカーネルが規則を見る前に捨てる。",
        "strict source routes, headers of a wrong length and IPv4-mapped sources (FW-P14) are dropped by this kernel before any rule",
    ),
    "FW-P13": (
        "接続表が溢れたときの動きは、規則の試験にならない。この試験のカーネルは、表に空きが無いと規則を見る前に新しい通信を捨て、"
        "上限も名前空間ごとには変えられない。機器で確かめる。",
        "a full connection table is no test of rules: this kernel drops what it cannot enter before it looks at any rule, and its"
        " limit cannot be set for one namespace; try it on the device",
    ),
}


@dataclass(frozen=True)
class Talk:
    """A real conversation on a permitted flow, held while the frames are sent: ``lines`` go out one by one."""

    source: str
    destination: str
    protocol: Literal["tcp", "udp"]
    source_port: int
    port: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True)
class Trick:
    """``talk``, then ``setup`` frames (sender, frame), then the frames of ``build``. ``expected`` is about the nonce.

    ``returns``: the nonce is looked for at the sender, in what comes back to it, instead of at every other host.
    ``aim``: the destination address of the packet that is decided about.
    ``follows``: source port of the TCP packet of ``setup`` to whose sender the frames go back, by the address that the
    receiver saw (a firewall on the way may translate it). ``zone``: where an arrival counts, "" anywhere.
    """

    id: str
    case: str
    ja: str
    source: str
    destination: str
    family: Family
    crossing: tuple[FirewallName, ...]
    build: Build
    expected: Literal["deny", "allow"] = "deny"
    setup: tuple[tuple[str, bytes], ...] = ()
    talk: Talk | None = None
    returns: bool = False
    aim: str = ""
    follows: int = 0
    zone: str = ""

    def meets(self, scope: str) -> bool:
        return scope == "chain" or scope in self.crossing


class _Maker:
    """Makes the tricks of one policy; ``claimed`` is the source address that stands in a packet."""

    def __init__(self, network: Wires) -> None:
        self.network, self.policy = network, network.policy
        self.service, self.proxy = self.policy.service.port, self.policy.service.proxy_port
        hosts = self.policy
        self.dl, self.px, self.ap = hosts.the("download"), hosts.the("relay"), hosts.the("am")
        self.ot, self.of = hosts.hosts_of("other-lgwan")[0], hosts.hosts_of("terminal")[0]
        self._sport, self._talk_port = 10000, 8999

    def sport(self) -> int:
        self._sport += 1
        return self._sport

    def talk_port(self) -> int:
        self._talk_port += 1
        return self._talk_port

    def address(self, host: str, family: Family) -> str:
        return self.policy.host[host].address(family)

    def frame(self, sender: str, toward: str, packet: bytes) -> bytes:
        zone = self.policy.host[toward].zone
        home = self.policy.host[sender].zone
        end = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        mac = hardware_address(str(ipaddress.ip_address(end))) or self.network.gateway_mac(sender, zone)
        return f.ethernet(mac, self.network.macs[(sender, home)], packet)

    def packet(self, source: str, destination: str, protocol: int, payload: bytes, **more: int | bytes) -> bytes:
        """An IP packet of the family of ``source``."""
        if ":" in source:
            return f.ipv6(source, destination, protocol, payload)
        return f.ipv4(source, destination, protocol, payload, **more)  # type: ignore[arg-type]

    def trick(
        self,
        name: str,
        ja: str,
        pair: tuple[str, str],
        family: Family,
        packets: Callable[[str, str, bytes], list[bytes]],
        *,
        claim: str | None = None,
        expected: Literal["deny", "allow"] = "deny",
        setup: tuple[tuple[str, bytes], ...] = (),
        talk: Talk | None = None,
        returns: bool = False,
        only: int | None = None,
        aim: str = "",
        follows: int = 0,
        zone: str = "",
    ) -> Trick:
        """``only``: the trick meets that firewall on the way alone (0 is the first)."""
        source, destination = pair
        here, there = claim or self.address(source, family), self.address(destination, family)

        def build(nonce: bytes, instead: str) -> list[bytes]:
            return [self.frame(source, destination, one) for one in packets(here, instead or there, nonce)]

        crossing = self.policy.crossing(self.policy.host[source].zone, self.policy.host[destination].zone) or ()
        return Trick(
            id=f"{name} {source}→{destination} {family}",
            case=name.split(" ")[0],
            ja=ja,
            source=source,
            destination=destination,
            family=family,
            crossing=crossing if only is None else crossing[only : only + 1],
            build=build,
            expected=expected,
            setup=setup,
            talk=talk,
            returns=returns,
            aim=aim or (here if returns else there),
            follows=follows,
            zone=zone,
        )


def build_tricks(network: Wires) -> tuple[Trick, ...]:
    """Every trick of the catalogue for this network, in a fixed order."""
    make = _Maker(network)
    both: tuple[Family, ...] = ("v4", "v6")
    found: list[Trick] = []
    for family in both:
        found += _flags(make, family)
        found += _source_ports(make, family)
        found += _protocols(make, family)
        found += _icmp(make, family)
        found += _spoofed(make, family)
        found += _related(make, family)
        found += _helpers(make, family)
        found += _traceroute(make, family)
    found += _fragments(make)
    found += _options(make)
    found += _extensions(make)
    found += _translated(make)
    found += _broadcast(make)
    found += _multicast(make) if network.multicast else ()
    return tuple(found)


def _flags(m: _Maker, family: Family) -> Iterator[Trick]:
    named = {"SA": 0x12, "A": 0x10, "FA": 0x11, "R": 0x04, "F": 0x01, "null": 0, "FPU": 0x29, "SF": 0x03, "SE": 0x42}
    pairs = {
        (m.ap, m.dl): m.service,
        (m.ot, m.ap): 22,
        (m.px, m.ot): m.service,
        (m.of, m.px): m.proxy,
        (m.px, m.ap): 22,
    }
    for pair, port in pairs.items():
        for name, bits in named.items():

            def packets(s: str, d: str, nonce: bytes, bits: int = bits, port: int = port) -> list[bytes]:
                return [m.packet(s, d, 6, f.tcp(s, d, m.sport(), port, nonce, flags=bits, ack=1))]

            yield m.trick(f"FW-P01 {name}", f"TCPの旗 {name} だけの通信", pair, family, packets)


def _source_ports(m: _Maker, family: Family) -> Iterator[Trick]:
    dns = m.policy.hosts_of("lgwan-dns")[0]
    pairs = [(m.ap, m.dl), (m.dl, m.ap), (m.ot, m.px), (m.px, m.ap), (dns, m.px)]
    for pair in pairs:
        for port in sorted({0, 20, 53, 80, 123, m.service, 3128, m.proxy}):
            for protocol in (6, 17):

                def packets(s: str, d: str, nonce: bytes, port: int = port, protocol: int = protocol) -> list[bytes]:
                    if protocol == 6:
                        return [m.packet(s, d, 6, f.tcp(s, d, port, 40000 + port % 997, nonce))]
                    return [m.packet(s, d, 17, f.udp(s, d, port, 40000 + port % 997, nonce))]

                word = "tcp" if protocol == 6 else "udp"
                yield m.trick(f"FW-P02 {word}{port}", f"送信元ポート {port}/{word} の通信", pair, family, packets)


def _protocols(m: _Maker, family: Family) -> Iterator[Trick]:
    numbers = (
        (4, 41, 47, 50, 51, 112, 115, 132, 136, 253) if family == "v4" else (4, 41, 47, 50, 112, 115, 132, 136, 253)
    )
    for pair in ((m.ap, m.dl), (m.px, m.ot), (m.of, m.ap), (m.ot, m.px), (m.px, m.ap)):
        for number in numbers:

            def packets(s: str, d: str, nonce: bytes, number: int = number) -> list[bytes]:
                return [m.packet(s, d, number, b"\0" * 16 + nonce)]

            yield m.trick(f"FW-P06 proto{number}", f"プロトコル番号 {number} の通信", pair, family, packets)


def _icmp(m: _Maker, family: Family) -> Iterator[Trick]:
    kinds = (0, 3, 5, 8, 11, 13, 17) if family == "v4" else (1, 2, 3, 4, 128, 129, 133, 134, 135, 136, 137)
    number = 1 if family == "v4" else 58
    for pair in ((m.ap, m.dl), (m.ot, m.ap), (m.of, m.px), (m.px, m.ot)):
        for kind in kinds:

            def packets(s: str, d: str, nonce: bytes, kind: int = kind) -> list[bytes]:
                body = f.icmp(kind, 0, b"\x7a\x7a\0\1", b"\0" * 40 + nonce, source=s, destination=d)
                return [m.packet(s, d, number, body)]

            yield m.trick(f"FW-P07 type{kind}", f"ICMP 種別 {kind} の通信", pair, family, packets)


def _spoofed(m: _Maker, family: Family) -> Iterator[Trick]:
    a = m.address
    claims = [
        ("ap-as-px", (m.ap, m.dl), a(m.px, family), m.service),
        ("of-as-px", (m.of, m.dl), a(m.px, family), m.service),
        ("ot-as-ap", (m.ot, m.px), a(m.ap, family), m.proxy),
        ("of-as-ap", (m.of, m.px), a(m.ap, family), m.proxy),
        ("ot-as-px", (m.ot, m.ap), a(m.px, family), m.service),
    ]
    for name, pair, claim, port in claims:

        def packets(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            return [m.packet(s, d, 6, f.tcp(s, d, m.sport(), port, nonce))]

        # What has passed the boundary with the relay's address cannot be told apart further up.
        inner = pair[0] == m.ap
        ja = "ほかのゾーンの送信元アドレスをかたる通信"
        yield m.trick(f"FW-P08 {name}", ja, pair, family, packets, claim=claim, only=0 if inner else None)


def _related(m: _Maker, family: Family) -> Iterator[Trick]:
    """Forged errors and reused tuples around one permitted connection, and the one error that must pass (FW-A05)."""
    number = 1 if family == "v4" else 58
    px, dl = m.address(m.px, family), m.address(m.dl, family)
    wanted = [
        ("FW-A05 too-big", "許可した通信に関する「大きすぎる」の通知", (m.dl, m.px), (3, 4) if family == "v4" else (2, 0), "allow"),
        ("FW-P10 unreachable", "許可した通信を引用した偽の到達不能", (m.ot, m.px), (3, 1) if family == "v4" else (1, 3), "deny"),
        ("FW-P10 exceeded", "許可した通信を引用した偽の時間超過", (m.ot, m.px), (11, 0) if family == "v4" else (3, 0), "deny"),
    ]  # fmt: skip
    for name, ja, pair, (kind, code), expected in wanted:
        port = m.sport()
        opening = m.packet(px, dl, 6, f.tcp(px, dl, port, m.service))

        def packets(s: str, d: str, nonce: bytes, kind: int = kind, code: int = code, port: int = port) -> list[bytes]:
            quoted = m.packet(d, dl, 6, f.tcp(d, dl, port, m.service))
            rest = b"\0\0\x05\0" if (kind, code) == (3, 4) else b"\0\0\x05\0" if kind == 2 else b"\0\0\0\0"
            return [m.packet(s, d, number, f.icmp(kind, code, rest, quoted + nonce, source=s, destination=d))]

        setup = ((m.px, m.frame(m.px, m.dl, opening)),)
        allow: Literal["deny", "allow"] = "allow" if expected == "allow" and family in m.policy.families else "deny"
        yield m.trick(name, ja, pair, family, packets, expected=allow, setup=setup, follows=port)
    port = m.sport()
    opening = m.packet(px, dl, 6, f.tcp(px, dl, port, m.service))
    closing = m.packet(px, dl, 6, f.tcp(px, dl, port, m.service, flags=4, seq=1001))

    def reversed_syn(s: str, d: str, nonce: bytes) -> list[bytes]:
        return [m.packet(s, d, 6, f.tcp(s, d, m.service, port, nonce, seq=99999999))]

    yield m.trick(
        "FW-P12 reverse-syn", "終わった通信の組を使った逆向きの新しい接続", (m.dl, m.px), family, reversed_syn,
        setup=((m.px, m.frame(m.px, m.dl, opening)), (m.px, m.frame(m.px, m.dl, closing))), follows=port,
    )  # fmt: skip
    for source, destination, service in ((m.dl, m.px, m.service), (m.px, m.ap, m.proxy)):
        late = m.sport()

        def late_data(s: str, d: str, nonce: bytes, service: int = service, late: int = late) -> list[bytes]:
            return [m.packet(s, d, 6, f.tcp(s, d, service, late, nonce, flags=0x18, ack=1))]

        ja = "どの接続のものでもなくなった、遅れて来た応答の形のデータ"
        yield m.trick("FW-P12 late-data", ja, (source, destination), family, late_data)


def _fragments(m: _Maker) -> Iterator[Trick]:
    for pair, port in (((m.ap, m.dl), m.service), ((m.ot, m.px), m.proxy), ((m.px, m.ot), m.service)):

        def tiny(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            body = f.tcp(s, d, m.sport(), port, nonce)
            return [f.ipv4(s, d, 6, body[:8], ident=91, more=True), f.ipv4(s, d, 6, body[8:], ident=91, fragment=1)]

        def later(s: str, d: str, nonce: bytes) -> list[bytes]:
            return [f.ipv4(s, d, 6, b"\0" * 24 + nonce, ident=92, fragment=8)]

        def overlap(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            first = f.tcp(s, d, m.sport(), port, b"\0" * 12)
            second = f.tcp(s, d, m.sport(), 22, nonce)
            return [f.ipv4(s, d, 6, first, ident=93, more=True), f.ipv4(s, d, 6, second, ident=93)]

        yield m.trick("FW-P03 tiny", "8バイトの先頭断片", pair, "v4", tiny)
        yield m.trick("FW-P03 later", "先頭の無い後続の断片", pair, "v4", later)
        yield m.trick("FW-P03 overlap", "重なり合う断片", pair, "v4", overlap)


def _options(m: _Maker) -> Iterator[Trick]:
    for pair, port in (((m.ap, m.dl), m.service), ((m.px, m.ot), m.service)):
        for name, kind in (("lsrr", 131), ("rr", 7)):

            def spent(s: str, d: str, nonce: bytes, kind: int = kind, port: int = port) -> list[bytes]:
                pointer = 4 if kind == 7 else 8
                option = bytes([kind, 7, pointer]) + b"\0\0\0\0"
                return [f.ipv4(s, d, 6, f.tcp(s, d, m.sport(), port, nonce), options=option)]

            yield m.trick(f"FW-P05 {name}", f"IPオプション {name.upper()} の付いた通信", pair, "v4", spent)

        def longest(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            return [f.ipv4(s, d, 6, f.tcp(s, d, m.sport(), port, nonce), options=NO_OPERATION * MOST_OPTIONS)]

        yield m.trick("FW-P05 ihl15", "IPヘッダーの長さが最大の通信", pair, "v4", longest)

        def marked(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            return [f.ipv4(s, d, 6, f.tcp(s, d, m.sport(), port, nonce), tos=EXPEDITED)]

        yield m.trick("FW-P05 dscp", "優先の印（DSCP EF）の付いた通信", pair, "v4", marked)


def _extensions(m: _Maker) -> Iterator[Trick]:
    def chain(kinds: list[int], last: int) -> bytes:
        following = [*kinds[1:], last]
        return b"".join(
            f.routing(n, "2001:db8:ffff::1") if kind == 43 else f.fragment6(n) if kind == 44 else f.extension(n)
            for kind, n in zip(kinds, following, strict=True)
        )

    shapes = {"atomic": [44], "dstopts": [60], "hopopts": [0], "routing": [43], "long": [0, 60, 60, 60, 60]}
    for pair, port in (((m.ap, m.dl), m.service), ((m.ot, m.px), m.proxy), ((m.px, m.ot), m.service)):
        for name, kinds in shapes.items():

            def packets(s: str, d: str, nonce: bytes, kinds: list[int] = kinds, port: int = port) -> list[bytes]:
                return [f.ipv6(s, d, kinds[0], chain(kinds, 6) + f.tcp(s, d, m.sport(), port, nonce))]

            yield m.trick(f"FW-P04 {name}", f"IPv6拡張ヘッダー {name} の付いた通信", pair, "v6", packets)

        def marked(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
            return [f.ipv6(s, d, 6, f.tcp(s, d, m.sport(), port, nonce), traffic=EXPEDITED)]

        yield m.trick("FW-P04 dscp", "優先の印（DSCP EF）の付いたIPv6の通信", pair, "v6", marked)

        def later(s: str, d: str, nonce: bytes) -> list[bytes]:
            return [f.ipv6(s, d, 44, f.fragment6(6, offset=16) + b"\0" * 24 + nonce)]

        yield m.trick("FW-P04 later-fragment", "IPv6の先頭の無い断片", pair, "v6", later)


def _translated(m: _Maker) -> Iterator[Trick]:
    for name, claim in (("nat64", "64:ff9b::10"), ("6to4", "2002:c000:20a::10")):
        for pair, port in (((m.ap, m.dl), m.service), ((m.ot, m.px), m.proxy)):

            def packets(s: str, d: str, nonce: bytes, port: int = port) -> list[bytes]:
                return [f.ipv6(s, d, 6, f.tcp(s, d, m.sport(), port, nonce))]

            yield m.trick(f"FW-P14 {name}", f"{name} のアドレスを送信元とする通信", pair, "v6", packets, claim=claim)


def _helpers(m: _Maker, family: Family) -> Iterator[Trick]:
    """What FTP, TFTP and SIP say inside a permitted flow must not open another way (FW-P11)."""
    if family not in m.policy.families:
        return
    px, dns = m.address(m.px, family), m.policy.hosts_of("lgwan-dns")[0]
    word = f"PORT {px.replace('.', ',')},0,22" if family == "v4" else f"EPRT |2|{px}|22|"
    ftp = Talk(m.px, m.dl, "tcp", m.talk_port(), m.service, (b"Q:USER\r\n", f"{word}\r\n".encode()))
    tftp = Talk(m.px, dns, "udp", m.talk_port(), 53, (b"\0\1file\0octet\0",))
    wanted = [("ftp", m.dl, ftp, 6, 40000, 22), ("tftp", dns, tftp, 17, 40001, tftp.source_port)]
    if family == "v4":
        sip = Talk(m.px, dns, "udp", m.talk_port(), 53, (_invite(px, m.address(dns, family)),))
        wanted.append(("sip", dns, sip, 17, 40002, MEDIA_PORT))
    for name, source, talk, protocol, sport, dport in wanted:
        if m.policy.permits(talk.source, talk.destination, talk.protocol, talk.port) is None:
            continue

        def packets(
            s: str, d: str, nonce: bytes, protocol: int = protocol, sport: int = sport, dport: int = dport
        ) -> list[bytes]:
            make = f.tcp if protocol == 6 else f.udp
            return [m.packet(s, d, protocol, make(s, d, sport, dport, nonce))]

        ja = f"許可した通信の中の {name.upper()} の言葉で開かせた接続"
        yield m.trick(f"FW-P11 {name}", ja, (source, m.px), family, packets, talk=talk)


def _invite(here: str, there: str) -> bytes:
    body = f"v=0\r\no=- 1 1 IN IP4 {here}\r\ns=-\r\nc=IN IP4 {here}\r\nt=0 0\r\nm=audio {MEDIA_PORT} RTP/AVP 0\r\n"
    return (
        f"INVITE sip:a@{there} SIP/2.0\r\nVia: SIP/2.0/UDP {here}:5060\r\nFrom: <sip:b@{here}>\r\nTo: <sip:a@{there}>\r\n"
        f"Call-ID: 1@{here}\r\nCSeq: 1 INVITE\r\nContact: <sip:b@{here}:5060>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _traceroute(m: _Maker, family: Family) -> Iterator[Trick]:
    """A packet whose time to live ends at a firewall: an answer would show the outside where that firewall stands."""
    for pair in ((m.ot, m.ap), (m.of, m.px)):
        ways = m.policy.crossing(m.policy.host[pair[0]].zone, m.policy.host[pair[1]].zone) or ()
        for number in range(len(ways)):

            def packets(s: str, d: str, nonce: bytes, ttl: int = number + 1) -> list[bytes]:
                probe = f.udp(s, d, m.sport(), 33434, nonce)
                return [f.ipv6(s, d, 17, probe, hops=ttl) if ":" in s else f.ipv4(s, d, 17, probe, ttl=ttl)]

            ja = f"{number + 1}台目のファイアウォールで寿命の尽きる通信への応答"
            yield m.trick(f"FW-P15 ttl{number + 1}", ja, pair, family, packets, returns=True, only=number)


def _broadcast(m: _Maker) -> Iterator[Trick]:
    """To the broadcast address of another segment (IPv4; IPv6 has none)."""
    for name, source, toward in (("dmz", m.ap, m.px), ("mynum", m.px, m.ap), ("dmz", m.of, m.px)):
        everyone = str(m.policy.zone[m.policy.host[toward].zone].v4.broadcast_address)

        def packets(s: str, _d: str, nonce: bytes, everyone: str = everyone) -> list[bytes]:
            return [f.ipv4(s, everyone, 17, f.udp(s, everyone, m.sport(), m.proxy, nonce))]

        ja = "ほかのセグメントのブロードキャスト宛ての通信"
        yield m.trick(f"FW-D16 broadcast-{name}", ja, (source, toward), "v4", packets, aim=everyone)


def _multicast(m: _Maker) -> Iterator[Trick]:
    """To a group that everybody may have joined; what counts is whether it comes into the other zone."""
    both: tuple[Family, ...] = ("v4", "v6")
    for family in both:
        for name, source, toward in (
            ("dmz", m.ap, m.px),
            ("mynum", m.px, m.ap),
            ("dmz", m.of, m.px),
            ("dmz", m.ot, m.px),
        ):

            def packets(s: str, _d: str, nonce: bytes, group: str = GROUPS[family]) -> list[bytes]:
                return [m.packet(s, group, 17, f.udp(s, group, m.sport(), m.proxy, nonce))]

            yield m.trick(
                f"FW-D16 multicast-{name}", "マルチキャストの組に宛てた通信", (source, toward), family, packets,
                aim=GROUPS[family], zone=m.policy.host[toward].zone,
            )  # fmt: skip
