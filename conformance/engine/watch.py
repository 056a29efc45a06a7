"""What the simulated world saw of a product while a round was played, up to a bound; and where its record has a gap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from conformance.engine.contract import Contract
from conformance.engine.masking import PULL, Masker
from conformance.engine.secrets import Redactor
from conformance.record import Exchange, RelayLine
from mock_services.control import Body, WorldClient
from mock_services.control import Exchange as WorldExchange

DOWNLOAD = "download"
MOST_EXCHANGES = 20_000
"""Exchanges of one round that are read; a product that asks for everything every ten seconds makes half as many an hour."""
MOST_TEXT = 32 * 1024 * 1024
"""Characters that these may have together."""
LEAST_KEPT = 1000
"""Exchanges that stay on record where there were too many to be read: so many that a person sees what went on."""


@dataclass(frozen=True)
class Mark:
    """A moment: the newest exchange, the newest line of the relay's log, how many exchanges were not kept by then.

    ``stray``: bytes that calls with a credential of another run had sent outward by then (`Watch.stray`).
    """

    exchange: int
    relay_line: int
    dropped: int
    stray: int = 0


@dataclass(frozen=True)
class Watched:
    """``gap``: why something is missing, in Japanese and English; ("", "") when everything is there."""

    exchanges: tuple[Exchange, ...]
    relay_log: tuple[RelayLine, ...]
    gap: tuple[str, str]


class Watch:
    """Reads the world's record; what is kept of it is redacted and masked."""

    def __init__(self, client: WorldClient, contract: Contract, redact: Redactor, masker: Masker) -> None:
        self._client, self._contract, self._redact, self._masker = client, contract, redact, masker

    def now(self) -> Mark:
        health = self._client.health()
        return Mark(health.exchanges, health.relay_lines, health.dropped, self.stray())

    def stray(self) -> int:
        """Bytes so far that calls with a credential of another run sent toward the download function, beyond its contract.

        Such calls are no evidence. A product of another run keeps to the contract, too; one that sends data out under a
        made-up credential must not get away with it.
        """
        return sum(
            one.bytes
            for one in self._client.strangers()
            if one.aside and one.system == DOWNLOAD and not self._contract.has_body(one.system, one.operation)
        )

    def since(self, mark: Mark, without: Collection[int] = ()) -> Watched:
        """Everything after ``mark`` but the exchanges ``without``."""
        health = self._client.health()
        read, size, whole = list[Exchange](), 0, True
        for page in self._client.pages(mark.exchange):
            for one in page:
                shown = self._shown(one)
                size += len(shown.target) + len(shown.request_body) + len(shown.response_body)
                read.append(shown)
            whole = len(read) <= MOST_EXCHANGES and size <= MOST_TEXT
            if not whole:
                break
        dropped = health.dropped - mark.dropped
        if not whole:
            gap = (
                f"通信が {health.exchanges - mark.exchange + dropped} 件と多すぎて（読むのは1ラウンド {MOST_EXCHANGES} 件・"
                f"{MOST_TEXT // 2**20} MiB まで）、記録の全部は残していない",
                f"{health.exchanges - mark.exchange + dropped} exchanges are too many (at most {MOST_EXCHANGES} and "
                f"{MOST_TEXT // 2**20} MiB a round are read): the record is not whole",
            )
        elif dropped:
            gap = (
                f"通信 {dropped} 件が記録に残っていない（記録の上限に達したか、ディスクに空きがない）",
                f"{dropped} exchanges are not on record (its bound was reached, or the disk is full)",
            )
        elif stray := self.stray() - mark.stray:
            gap = (
                f"この実施のものではない認証情報で、契約に無い本文 {stray} バイトがダウンロード機能へ送られた（だれが送ったか分からない）",
                f"{stray} bytes that the contract does not have were sent to the download function with a credential that is not "
                "of this run: nobody can tell by whom",
            )
        elif health.relay_log_full:
            gap = (
                "連携サーバの記録が上限に達し、それより後は残っていない",
                "the relay's log is full: what came after is not on record",
            )
        else:
            gap = ("", "")
        kept = read if whole else read[:LEAST_KEPT]
        lines = self._client.relay_log(mark.relay_line)
        return Watched(
            exchanges=tuple(one for one in kept if one.seq not in without),
            relay_log=tuple(relay_line(line) for line in (lines if whole else lines[:LEAST_KEPT])),
            gap=gap,
        )

    def tunnels(self, since: int, host: str) -> int:
        """Tunnels to ``host`` that the relay has opened after that line of its log."""
        lines = [relay_line(line) for line in self._client.relay_log(since)]
        return sum(line.host == host and line.verdict == "allow" for line in lines)

    def _shown(self, one: WorldExchange) -> Exchange:
        return Exchange(
            seq=one.seq,
            at=one.at.isoformat(),
            system=one.system,
            operation=one.operation,
            peer=one.peer,
            method=one.method,
            target=self._redact(one.target),
            request_headers=self._redact.headers(dict(one.request_headers)),
            request_body=self._redact(_text(one.request_body)),
            request_bytes=one.request_body.size,
            status=one.status,
            response_headers=self._redact.headers(dict(one.response_headers)),
            response_body=self._redact(self._masked_pull(one.system, _text(one.response_body))),
            response_bytes=one.response_body.size,
            fault=one.fault,
            body_in_contract=self._contract.has_body(one.system, one.operation),
            refusal=self._contract.refusal(one.system, one.status, one.response_body.text or ""),
        )

    def _masked_pull(self, system: str, text: str) -> str:
        """What the product handed to a core system may be somebody else's application."""
        return self._masker.body(text) if system.startswith(PULL) else text


def _text(body: Body) -> str:
    return body.text if body.text is not None else f"（{body.size} bytes, SHA-256 {body.sha256}）"


def relay_line(line: dict[str, object]) -> RelayLine:
    """A line of the relay's log as a record keeps it."""
    return RelayLine.model_validate({key: line.get(key, "") for key in RelayLine.model_fields})
