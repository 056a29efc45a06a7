"""The proxy cases PX-01 … as data: what is sent to the 連携サーバ from where, and what must come of it.

Every refused case is the permitted one plus one named deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from interface_spec.policy import Policy, Role

Expect = Literal["tunnel", "refused", "either"]


@dataclass(frozen=True)
class PxCase:
    """``expect``: ``either`` is refused or a tunnel to the download function, never anything else.

    ``asks``: whether a name may be looked up for it. ``after``: bytes sent when the head has been answered.
    """

    id: str
    ja: str
    en: str
    expect: Expect
    head: bytes
    source: str = "am"
    asks: bool = False
    after: bytes = b""
    hide: bytes = b""


def build_px(policy: Policy) -> tuple[PxCase, ...]:
    """The cases of one policy, in a fixed order."""
    return tuple(_cases(policy))


def connect(authority: str, *headers: str, version: str = "HTTP/1.1", host: str = "") -> bytes:
    lines = [f"CONNECT {authority} {version}", f"Host: {host or authority}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _cases(p: Policy) -> Iterator[PxCase]:
    fqdn, port, other = p.service.fqdn, p.service.port, p.service.other_fqdns[0]
    good = f"{fqdn}:{port}"
    yield PxCase("PX-01a", "許可したFQDNへのCONNECT", "CONNECT to the listed name", "tunnel", connect(good), asks=True)
    yield PxCase(
        "PX-01b", "大文字で書いたFQDNへのCONNECT", "the listed name in capitals", "tunnel",
        connect(f"{fqdn.upper()}:{port}"), asks=True,
    )  # fmt: skip
    yield PxCase(
        "PX-02",
        "末尾に点のあるFQDN",
        "the listed name with a trailing dot",
        "either",
        connect(f"{fqdn}.:{port}"),
        asks=True,
    )
    yield PxCase("PX-03", "許可していないFQDN", "an unlisted name", "refused", connect(f"{other}:{port}"))
    yield from _literals(p)
    for number, bad in enumerate((22, 53, 80, 445, 8443)):
        yield PxCase(
            f"PX-06{'abcde'[number]}", f"許可したFQDNのポート {bad}", f"the listed name, port {bad}", "refused",
            connect(f"{fqdn}:{bad}"), asks=True,
        )  # fmt: skip
    yield PxCase(
        "PX-07a",
        "宛先は許可、Hostヘッダーは別",
        "listed authority, other Host",
        "either",
        connect(good, host=other),
        asks=True,
    )
    yield PxCase(
        "PX-07b", "宛先は別、Hostヘッダーは許可", "other authority, listed Host", "refused",
        connect(f"{other}:{port}", host=good),
    )  # fmt: skip
    yield from _names(p)
    yield from _inward(p)
    yield from _methods(p)
    yield from _syntax(p)
    yield from _managers(p)
    for number, role in enumerate(("core", "terminal", "download", "other-lgwan", "dmz-other")):
        yield PxCase(
            f"PX-16{'abcde'[number]}", f"申請管理システムでない機器（{role}）からの要求", f"a request from {role}", "refused",
            connect(good), source=role,
        )  # fmt: skip
    yield from _protocols(p)


def _address(p: Policy, role: Role) -> str:
    """Address of the host of a role in the family in which the relay is spoken to."""
    return p.host[p.the(role)].address(p.main_family)


def _host(p: Policy, role: Role) -> str:
    """The same as it stands before a port."""
    return _address(p, role) if p.main_family == "v4" else f"[{_address(p, role)}]"


def _literals(p: Policy) -> Iterator[PxCase]:
    dl, ot, trap = (p.host[p.hosts_of(r)[0]] for r in ("download", "other-lgwan", "lgwan-dns"))
    number = int(ot.v4)
    octets = str(ot.v4).split(".")
    spellings = {
        "a": (str(dl.v4), "ダウンロード機能のIPアドレス", "address of the download function"),
        "b": (str(ot.v4), "その他サイトのIPアドレス", "address of another site"),
        "c": (str(number), "十進一つで書いたIPアドレス", "address as one decimal"),
        "d": (f"0x{number:08x}", "十六進で書いたIPアドレス", "address in hex"),
        "e": (".".join(f"0{int(one):o}" for one in octets), "八進で書いたIPアドレス", "address in octal"),
        "f": (f"[{ot.v6}]", "IPv6アドレス", "an IPv6 address"),
        "g": (f"[::ffff:{ot.v4}]", "IPv4射影アドレス", "an IPv4-mapped address"),
        "h": (str(int(dl.v4)), "ダウンロード機能のIPアドレス（十進一つ）", "the download function as one decimal"),
        "i": (f"0x{int(dl.v4):08x}", "ダウンロード機能のIPアドレス（十六進）", "the download function in hex"),
        "j": (".".join(f"0{int(one):o}" for one in str(dl.v4).split(".")), "ダウンロード機能のIPアドレス（八進）", "the download function in octal"),
        "k": (f"[{dl.v6}]", "ダウンロード機能のIPv6アドレス", "the IPv6 address of the download function"),
        "l": (f"[::ffff:{dl.v4}]", "ダウンロード機能のIPv4射影アドレス", "the IPv4-mapped address of the download function"),
    }  # fmt: skip
    for letter, (text, ja, en) in spellings.items():
        yield PxCase(f"PX-04{letter}", ja, en, "refused", connect(f"{text}:{p.service.port}"))
    yield PxCase(
        "PX-05", "逆引きが許可したFQDNになるIPアドレス", "an address whose PTR is the listed name", "refused",
        connect(f"{trap.v4}:{p.service.port}"),
    )  # fmt: skip


def _names(p: Policy) -> Iterator[PxCase]:
    fqdn, port, other = p.service.fqdn, p.service.port, p.service.other_fqdns[0]
    shapes = {
        "a": (f"evil{fqdn}:{port}", "前に文字を足した名前", "listed name with a prefix glued on"),
        "b": (f"{fqdn}.{other}:{port}", "後に別の領域を足した名前", "listed name as a label of another domain"),
        "c": (f"{fqdn}@{other}:{port}", "利用者情報に許可した名前", "listed name as user information"),
        "d": (f"{fqdn}%00.{other}:{port}", "%00 を挟んだ名前", "listed name, then %00"),
        "e": (f"www.{fqdn}:{port}", "許可した名前の下の名前", "a sub-domain of the listed name"),
        "f": (f"{fqdn.replace('.', 'x', 1)}:{port}", "点を一文字替えた名前", "listed name with a dot replaced"),
    }
    for letter, (authority, ja, en) in shapes.items():
        yield PxCase(f"PX-08{letter}", ja, en, "refused", connect(authority))
    label = "6d796e756d626572" * 3
    yield PxCase(
        "PX-14", "ラベルにデータを載せた名前（名前解決も出ない）", "an unlisted name with data in its label: no DNS query",
        "refused", connect(f"{label}.{other}:{port}"),
    )  # fmt: skip


def _inward(p: Policy) -> Iterator[PxCase]:
    ends = {
        "a": f"localhost:{p.service.port}",
        "b": f"127.0.0.1:{p.service.proxy_port}",
        "c": f"{_host(p, 'relay')}:{p.service.proxy_port}",
        "d": f"[::1]:{p.service.port}",
        "e": f"169.254.169.254:{p.service.port}",
        "f": f"{_host(p, 'am')}:{p.service.port}",
        "g": f"[fe80::1]:{p.service.port}",
    }
    for letter, authority in ends.items():
        yield PxCase(
            f"PX-10{letter}", f"自分自身や内側を指す宛先 {authority}", f"an inward destination {authority}", "refused",
            connect(authority),
        )  # fmt: skip


def _methods(p: Policy) -> Iterator[PxCase]:
    fqdn, other = p.service.fqdn, p.service.other_fqdns[0]
    lines = {
        "a": f"GET http://{fqdn}/ HTTP/1.1",
        "b": f"GET http://{other}/ HTTP/1.1",
        "c": f"GET https://{fqdn}/ HTTP/1.1",
        "d": f"GET ftp://{other}/ HTTP/1.1",
        "e": f"TRACE http://{fqdn}/ HTTP/1.1",
        "f": "OPTIONS * HTTP/1.1",
        "g": f"PURGE http://{fqdn}/ HTTP/1.1",
        "h": f"POST http://{other}/ HTTP/1.1",
        "i": f"GET https://{other}/ HTTP/1.1",
        "j": f"GET ftp://{fqdn}/ HTTP/1.1",
        "k": f"OPTIONS http://{fqdn}/ HTTP/1.1",
    }
    for letter, line in lines.items():
        head = f"{line}\r\nHost: {fqdn}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        yield PxCase(
            f"PX-11{letter}", f"CONNECTでない要求（{line.split()[0]} {line.split()[1]}）", f"not CONNECT: {line}", "refused",
            head, asks=fqdn in line,
        )  # fmt: skip


def _syntax(p: Policy) -> Iterator[PxCase]:
    fqdn, port, other = p.service.fqdn, p.service.port, p.service.other_fqdns[0]
    good, bad, ap, px = f"{fqdn}:{port}", f"{other}:{port}", _address(p, "am"), _address(p, "relay")
    yield PxCase(
        "PX-12a", "X-Forwarded-For などを付けた許可の要求", "listed, with forwarding headers", "tunnel",
        connect(good, f"X-Forwarded-For: {px}", "Via: 1.1 other", "Proxy: http://other/"), asks=True,
    )  # fmt: skip
    yield PxCase(
        "PX-12b", "X-Forwarded-For で申請管理システムをかたる別の機器", "another host that claims to be forwarded", "refused",
        connect(good, f"X-Forwarded-For: {ap}", f"X-Real-IP: {ap}", f"Forwarded: for={ap}"), source="core",
    )  # fmt: skip
    yield PxCase(
        "PX-12c", "HTTP/1.0 のCONNECT", "CONNECT in HTTP/1.0", "either", connect(good, version="HTTP/1.0"), asks=True
    )
    yield PxCase(
        "PX-12d", "改行がLFだけの要求（宛先は別）", "bare LF, unlisted", "refused", connect(bad).replace(b"\r\n", b"\n")
    )
    yield PxCase(
        "PX-12e", "行を折り返したHost（宛先は別）", "folded Host, unlisted", "refused",
        f"CONNECT {bad} HTTP/1.1\r\nHost: {other}\r\n {good}\r\n\r\n".encode(),
    )  # fmt: skip
    yield PxCase(
        "PX-12f",
        "Hostが二つある要求（宛先は別）",
        "two Hosts, unlisted",
        "refused",
        connect(bad, f"Host: {good}", host=good),
    )
    yield PxCase(
        "PX-13a", "トンネルの中の二つ目のCONNECT", "a second CONNECT inside the tunnel", "either", connect(good), asks=True,
        after=connect(bad),
    )  # fmt: skip
    yield PxCase(
        "PX-13b", "断られた要求に続けて送った要求", "requests pipelined behind a refused one", "refused",
        connect(bad) + connect(bad) + f"GET http://{other}/ HTTP/1.1\r\nHost: {other}\r\n\r\n".encode(),
    )  # fmt: skip


def _managers(p: Policy) -> Iterator[PxCase]:
    px, port = _host(p, "relay"), p.service.proxy_port
    paths = {
        "a": f"GET http://{px}:{port}/squid-internal-mgr/info HTTP/1.0",
        "b": f"GET http://localhost:{port}/squid-internal-mgr/menu HTTP/1.0",
        "c": f"GET cache_object://{px}/info HTTP/1.0",
        "d": "GET /squid-internal-mgr/menu HTTP/1.0",
        "e": "GET http://relay.invalid/squid-internal-mgr/menu HTTP/1.0",
    }
    for letter, line in paths.items():
        yield PxCase(
            f"PX-15{letter}", f"管理の画面（{line.split()[1]}）", f"management page {line.split()[1]}", "refused",
            f"{line}\r\n\r\n".encode(), hide=b"squid/",
        )  # fmt: skip


def _protocols(p: Policy) -> Iterator[PxCase]:
    other, port = p.service.other_fqdns[0], p.service.port
    ot = p.host[p.hosts_of("other-lgwan")[0]].v4
    name = other.encode()
    yield PxCase("PX-20a", "SOCKS4", "SOCKS4", "refused", b"\x04\x01" + port.to_bytes(2) + ot.packed + b"\0")
    yield PxCase(
        "PX-20b", "SOCKS5", "SOCKS5", "refused",
        b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2),
    )  # fmt: skip
    yield PxCase(
        "PX-20c", "PROXYプロトコルの見出しで送信元をかたる", "PROXY protocol header that claims a source", "refused",
        f"PROXY TCP{p.main_family[1]} {_address(p, 'am')} {_address(p, 'relay')} 40000 {p.service.proxy_port}\r\n".encode()
        + connect(f"{p.service.fqdn}:{port}"), source="core",
    )  # fmt: skip
    yield PxCase(
        "PX-20d", "HTTP/2 の前置き", "HTTP/2 with prior knowledge", "refused",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0",
    )  # fmt: skip
