"""How the checks of the role `relay` look at an exchange: a tunnel to the download function, or an exact refusal.

A refusal is a 4xx (or 501/505), or a closed connection without a tunnel; nothing was connected, and 5xx never counts as one.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from conformance.firewall.record import Exchange
from conformance.firewall.view import LabView
from conformance.kit import fail
from conformance.outcomes import unverified

REFUSALS = {*range(400, 500), 501, 505}
MOST_LISTED = 4
IDLE_SECONDS = 300
MOST = 0.5
STATUSES = {str(one.value) for one in HTTPStatus}


def letters(case: str, names: str) -> tuple[str, ...]:
    return tuple(case + one for one in names)


def _listed(lab: LabView) -> str:
    return f"{lab.policy.the('download')}:{lab.policy.service.port}"


def _require_control(lab: LabView) -> None:
    """The permitted request works from the same place in the same run; otherwise no refusal proves anything."""
    if not lab.exchange("PX-01a").tunnelled:
        raise unverified(
            "許可した要求が通らないので、拒否が許可リストによるものか分からない",
            "the permitted request does not work either: no refusal proves anything",
        )


def tunnels(lab: LabView, *names: str) -> None:
    wrong = [one for one in (lab.exchange(name) for name in names) if not one.tunnelled or _elsewhere(lab, one)]
    _report(
        lab,
        wrong,
        "許可した要求が中継されない",
        "a permitted request is not relayed",
        "200、ダウンロード機能とのTLS / 200, TLS with the download function",
    )


def idle_tunnel_is_kept(lab: LabView) -> None:
    """A tunnel that was really left idle still carries an exchange; shorter than five minutes says nothing when it does."""
    one = lab.record.round("proxy").exchanges.get("PX-25")
    if one is None:
        lab.played("proxy")
        raise unverified(
            "無通信で待っていない（relay-target.toml の idle_seconds に 300 を書くと五分待つ）",
            "no tunnel was left idle (idle_seconds = 300 in relay-target.toml waits for five minutes)",
        )
    tunnels(lab, "PX-25")
    if one.seconds < IDLE_SECONDS:
        raise unverified(
            f"{one.seconds:g} 秒では切られなかったが、五分は待っていない（idle_seconds を {IDLE_SECONDS} にする）",
            f"not cut in {one.seconds:g} s, but it was not left idle for five minutes (raise idle_seconds to {IDLE_SECONDS})",
        )


def nowhere_else(lab: LabView, *names: str) -> None:
    _require_control(lab)
    wrong = [one for one in (lab.exchange(name) for name in names) if _elsewhere(lab, one) or one.status >= 502]
    _report(
        lab,
        wrong,
        "許可先でない所へ導かれた",
        "the request led elsewhere",
        "ダウンロード機能、または拒否 / the download function or a refusal",
    )


def refused(lab: LabView, *names: str) -> None:
    _require_control(lab)
    wrong = [one for one in (lab.exchange(name) for name in names) if not _is_refusal(one)]
    _report(
        lab,
        wrong,
        "断るべき要求が断られていない",
        "a request was not refused",
        "4xx、どこにもつながない / 4xx and no connection",
    )


def _is_refusal(one: Exchange) -> bool:
    answered = one.status in REFUSALS or (one.status == 0 and not one.tunnelled)
    return answered and not one.reached and not one.tunnelled


def _elsewhere(lab: LabView, one: Exchange) -> bool:
    return any(end != _listed(lab) for end in one.reached)


def unchanged(lab: LabView) -> None:
    one = lab.exchange("PX-23")
    _report(
        lab, [] if one.tunnelled else [one], "応答がそのまま返らない", "the answer does not come back unchanged",
        "10MB、SHA-256 が同じ / ten megabytes of the same digest",
    )  # fmt: skip


def _inward(lab: LabView, ends: tuple[str, ...]) -> list[str]:
    zones = {name for name, zone in lab.policy.zone.items() if zone.kind == "mynum"}
    inside = {name for name, host in lab.policy.host.items() if host.zone in zones}
    return [end for end in ends if end.rpartition(":")[0] in inside]


def nothing_inward(lab: LabView, *names: str) -> None:
    _require_control(lab)
    wrong = [one for one in (lab.exchange(name) for name in names) if _inward(lab, one.reached)]
    _report(lab, wrong, "内側へつながれた", "a connection was opened inward", "内側へつながない / nothing inward")


def opens_nothing_inward(lab: LabView) -> None:
    """Over everything that was observed of the relay, asked or not."""
    lab.played("proxy")
    round_ = lab.record.round("proxy")
    wrong = [one for one in round_.exchanges.values() if _inward(lab, one.reached)]
    opened = _inward(lab, tuple(round_.facts.get("opened", "").split()))
    if opened:
        fail(
            "連携サーバが自分から内側へつないだ", "the relay opened a connection inward by itself",
            expected="なし / none", actual=" ".join(opened),
        )  # fmt: skip
    _report(lab, wrong, "内側へつながれた", "a connection was opened inward", "内側へつながない / nothing inward")


def not_looked_up(lab: LabView, *names: str) -> None:
    _require_control(lab)
    wrong = [one for one in (lab.exchange(name) for name in names) if one.queries]
    _report(
        lab,
        wrong,
        "断る要求のために名前解決が出た",
        "a name was looked up for a refused request",
        "名前解決なし / no DNS query",
    )


def management_closed(lab: LabView) -> None:
    _require_control(lab)
    found = [lab.exchange(name) for name in letters("PX-15", "abcde")]
    wrong = [one for one in found if one.status == 200 or "squid/" in one.answer.lower() or one.reached]
    _report(
        lab,
        wrong,
        "管理の画面か版が見える",
        "a management page or the version is shown",
        "4xx、版なし / 4xx, no version",
    )


def opened_only_the_listed(lab: LabView) -> None:
    """For a store-and-forward relay: what it opened by itself while it was watched."""
    lab.played("proxy")
    facts = lab.record.round("proxy").facts
    opened = [one for one in facts.get("opened", "").split() if one]
    dns = {f"{name}:53" for name in lab.policy.hosts_of("lgwan-dns")}
    if _listed(lab) not in opened:
        raise unverified(
            "見ていた間に、連携サーバがダウンロード機能へつながなかった（observe_seconds を延ばす）",
            "the relay did not connect to the download function while it was watched (raise observe_seconds)",
        )
    strange = [one for one in opened if one != _listed(lab) and one not in dns]
    if strange:
        fail(
            "連携サーバが、ダウンロード機能でない所へつないだ", "the relay connected elsewhere",
            expected=_listed(lab), actual=" ".join(strange),
        )  # fmt: skip


def logged(lab: LabView) -> None:
    """One line a request that names source and destination, for permitted and refused ones, and tells the two apart."""
    _require_control(lab)
    lines = lab.record.round("proxy").facts.get("log", "").splitlines()
    client, fqdn, other = (
        lab.policy.host[lab.policy.the("am")].address(lab.policy.main_family),
        lab.policy.service.fqdn,
        lab.policy.service.other_fqdns[0],
    )
    for what, name in (("許可 / permitted", fqdn), ("拒否 / refused", other)):
        if not any(str(client) in line and name in line for line in lines):
            fail(
                "記録に、送信元と宛先の分かる行が無い", "the log has no line with source and destination",
                case="PX-19", expected=f"{what}: {client} … {name}", actual=lines[-1] if lines else "なし / none",
            )  # fmt: skip
    mine = [line for line in lines if str(client) in line]
    permitted, denied = (_of_destination(mine, name, lab.policy.service.port) for name in (fqdn, other))
    if _is_refusal(lab.exchange("PX-03")) and not _told_apart(permitted, denied):
        fail(
            "記録の行から、許可したか断ったかが分からない", "the lines of the log do not tell permitted from refused",
            case="PX-19", expected="可否を言う語か応答の番号 / a word or a status that tells the verdict", actual=denied[-1],
        )  # fmt: skip


def _of_destination(lines: list[str], name: str, port: int) -> list[str]:
    """Lines about this very port of ``name``, if the log writes the two together; else all that name it."""
    named = [line for line in lines if name in line]
    return [line for line in named if re.search(rf"(?<![\w.@-]){re.escape(name)}:{port}\b", line)] or named


def _told_apart(permitted: list[str], denied: list[str]) -> bool:
    """Whether some word stands in most lines of one kind and in few of the other. Counts and times are no words."""

    def words(line: str) -> set[str]:
        split = re.split(r"[\s\"',:;{}\[\]=/|]+", line)
        return {one for one in split if one and (not re.fullmatch(r"[\d.]+", one) or one in STATUSES)}

    sets = [[words(line) for line in lines] for lines in (permitted, denied)]

    def share(word: str, of: list[set[str]]) -> float:
        return sum(word in one for one in of) / len(of)

    about = {word for found in sets for one in found for word in one if "." not in word}
    return any((share(word, sets[0]) > MOST) != (share(word, sets[1]) > MOST) for word in about)


def down(lab: LabView) -> None:
    one = lab.exchange("PX-01a", "proxy-down")
    relayed = one.tunnelled or one.status == 200 or one.reached
    _report(
        lab,
        [one] if relayed else [],
        "止まっているのに中継された",
        "it relayed although it was down",
        "何も中継しない / nothing",
    )


def closed(lab: LabView, *names: str, needs: tuple[str, str]) -> None:
    """Nothing is relayed; that the relay does not even start is one way to stay closed. ``needs``: what had to be handed in."""
    _require_control(lab)
    if not set(names) & set(lab.record.round("proxy").exchanges):
        raise unverified(f"{needs[0]}が渡されていないので、試していない", f"not tried: {needs[1]} was not handed in")
    wrong = [one for one in (lab.exchange(name) for name in names) if one.tunnelled or one.status == 200 or one.reached]
    _report(
        lab,
        wrong,
        "許可リストが使えないのに中継された",
        "it relayed without a usable allow-list",
        "何も中継しない / nothing",
    )


def _report(lab: LabView, wrong: list[Exchange], ja: str, en: str, expected: str) -> None:
    if not wrong:
        return
    for one in wrong[:MOST_LISTED]:
        lab.show_exchange(one)
    first = wrong[0]
    fail(
        ja, en, case=first.id, sent=first.sent.split("\r\n")[0][:200], expected=expected,
        actual="; ".join(
            f"{one.id}: {one.status or one.error or '応答なし / no answer'}, 到達 / reached {' '.join(one.reached) or '-'}"
            + (f", 問合せ / asked {' '.join(one.queries)}" if one.queries else "")
            for one in wrong[:MOST_LISTED]
        ),
    )  # fmt: skip
