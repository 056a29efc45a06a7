"""What a round reads of the world's record: whole up to a bound; beyond it there is a gap, and that is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from conformance.engine import resume, watch
from conformance.engine.contract import Contract
from conformance.engine.masking import Masker
from conformance.engine.secrets import Redactor
from conformance.engine.warnings import about_gaps
from conformance.engine.watch import Mark, Watch
from conformance.outcomes import Unverified
from conformance.verdicts import Raw
from interface_spec.profile import load_profile
from mock_services.control import WorldClient
from mock_services.models import Body, Cause, Exchange, Health, StrangeCalls
from tests.conformance.factory import plan_of, planned
from tests.conformance.tiny_suite import TinySuite, record

NOW = datetime(2026, 1, 15, tzinfo=UTC)
START = Mark(exchange=10, relay_line=2, dropped=1)


class World:
    """Exchanges 11 to ``newest`` of ``size`` characters each; ``read`` counts those that were asked for."""

    def __init__(self, newest: int, *, size: int = 10, dropped: int = 1, full: bool = False) -> None:
        self.newest, self.size, self.dropped, self.full, self.read = newest, size, dropped, full, 0
        self.others: list[StrangeCalls] = []

    def health(self) -> Health:
        return Health(
            now=NOW, profile="baseline", relay="running", exchanges=self.newest, dropped=self.dropped,
            relay_lines=4, relay_log_full=self.full,
        )  # fmt: skip

    def pages(self, since: int) -> Iterator[list[Exchange]]:
        for first in range(since + 1, self.newest + 1, 10):
            page = [self._one(seq) for seq in range(first, min(first + 10, self.newest + 1))]
            self.read += len(page)
            yield page

    def _one(self, seq: int) -> Exchange:
        body = Body(text="x" * self.size, sha256="", size=self.size)
        return Exchange(
            seq=seq, at=NOW, system="download", operation="list", peer="127.0.0.1:9", method="GET", target="/x",
            request_headers=[], request_body=body, status=200, response_headers=[], response_body=body, fault="",
        )  # fmt: skip

    def strangers(self) -> list[StrangeCalls]:
        return self.others

    def relay_log(self, since: int = 0) -> list[dict[str, object]]:
        return [
            {"at": "", "client": "", "method": "CONNECT", "host": host, "port": 443, "verdict": verdict, "status": 200}
            for host, verdict in [("a", "allow"), ("dl", "allow"), ("dl", "deny"), ("dl", "allow")][since:]
        ]


def watching(world: World) -> Watch:
    client = cast(WorldClient, world)
    return Watch(client, Contract(load_profile("baseline")), Redactor([]), Masker([], []))


def test_everything_since_the_mark_is_there() -> None:
    one = watching(World(35))
    seen = one.since(START, {12})
    assert [x.seq for x in seen.exchanges] == [11, *range(13, 36)]
    assert [line.verdict for line in seen.relay_log] == ["deny", "allow"]
    assert seen.gap == ("", "")
    assert one.tunnels(1, "dl") == 2
    assert one.now() == Mark(35, 4, 1)


@pytest.mark.parametrize(
    ("world", "ja", "en"),
    [
        (World(35, dropped=4), "通信 3 件が記録に残っていない", "3 exchanges are not on record"),
        (World(35, full=True), "連携サーバの記録が上限に達し", "the relay's log is full"),
        (World(200), "通信が 190 件と多すぎて", "190 exchanges are too many"),
        (World(35, size=2000), "通信が 25 件と多すぎて", "25 exchanges are too many"),
        (World(200, dropped=4), "通信が 193 件と多すぎて", "193 exchanges are too many"),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, world: World, ja: str, en: str) -> None:
    monkeypatch.setattr(watch, "MOST_EXCHANGES", 100)
    monkeypatch.setattr(watch, "MOST_TEXT", 50_000)
    seen = watching(world).since(START)
    assert ja in seen.gap[0]
    assert en in seen.gap[1]


def stranger(system: str, operation: str, size: int, cause: Cause = "token") -> StrangeCalls:
    return StrangeCalls(
        system=system, operation=operation, peer="127.0.0.9", cause=cause, aside=cause != "none", count=1, bytes=size,
        first=NOW, last=NOW,
    )  # fmt: skip


def test_what_was_sent_out_under_a_made_up_credential_leaves_a_gap() -> None:
    world = World(35)
    world.others = [stranger("download", "list", 70)]
    one = watching(world)
    before = one.now()
    assert before.stray == 70
    world.others += [
        stranger("download", "login", 90, "account"),
        stranger("juki", "full", 90, "key"),
        stranger("download", "", 90, "none"),
    ]
    assert one.since(before).gap == ("", "")
    world.others += [stranger("download", "", 500)]
    assert "契約に無い本文 500 バイト" in one.since(before).gap[0]
    assert "500 bytes" in one.since(before).gap[1]


def test_of_too_many_exchanges_no_more_are_read_than_it_takes_to_see_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_EXCHANGES", 100)
    monkeypatch.setattr(watch, "LEAST_KEPT", 20)
    world = World(100_000)
    assert [one.seq for one in watching(world).since(START).exchanges] == list(range(11, 31))
    assert world.read == 110


def test_checks_of_a_round_with_a_gap_are_unverified(tmp_path: Path) -> None:
    suite = TinySuite(tmp_path, {"AM-9.1-01a": "pass", "AM-9.1-02a": "fail('だめ', 'bad')"})
    _, ends = suite.run()
    assert {one.check: one.raw for one in ends} == {"AM-9.1-01a": Raw.PASS, "AM-9.1-02a": Raw.NONCONFORMITY}
    (tmp_path / "gap").mkdir()
    suite = TinySuite(tmp_path / "gap", {"AM-9.1-01a": "pass", "AM-9.1-02a": "fail('だめ', 'bad')"})
    suite.write_record(record().model_copy(update={"gap_ja": "通信 3 件", "gap_en": "3 exchanges"}))
    _, ends = suite.run()
    assert {one.raw for one in ends} == {Raw.UNVERIFIED}
    assert {one.finding.ja for one in ends if one.finding} == {"記録に欠けがあるため確認できない: 通信 3 件"}


def test_a_record_says_whether_it_is_whole() -> None:
    assert record().whole() == record()
    with pytest.raises(Unverified) as caught:
        record().model_copy(update={"gap_ja": "通信 3 件", "gap_en": "3 exchanges"}).whole()
    assert caught.value.finding.en == "the record has a gap: 3 exchanges"


def test_a_resumed_run_plays_a_round_with_a_gap_again(tmp_path: Path) -> None:
    plan = plan_of(planned("AM-9.1-01a"))
    (tmp_path / "records").mkdir()
    for gap in ("", "通信 3 件"):
        text = record().model_copy(update={"gap_ja": gap, "cases": {}}).model_dump_json()
        (tmp_path / "records" / "none.json").write_text(text, encoding="utf-8")
        rounds = tuple(one.model_copy(update={"cases": ()}) for one in plan.rounds)
        kept = resume.kept_rounds(tmp_path, plan.model_copy(update={"rounds": rounds}))
        assert set(kept) == (set() if gap else {"none"})


def test_the_warning_names_rounds_reasons_and_the_busiest_calls() -> None:
    shown = watching(World(35)).since(START).exchanges
    broken = [
        record(name).model_copy(update={"gap_ja": f"通信 {n} 件", "gap_en": f"{n} exchanges", "exchanges": shown})
        for n, name in enumerate(("a", "b", "c", "d", "e"))
    ]
    assert list(about_gaps([record()])) == []
    ((ja, en),) = about_gaps([record(), *broken])
    assert "ラウンド a: 通信 0 件；ラウンド b: 通信 1 件；ラウンド c: 通信 2 件；ほか 2 ラウンド" in ja
    assert "round c: 2 exchanges; 2 more rounds" in en
    assert "download list 125" in ja
