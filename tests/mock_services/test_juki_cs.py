"""住基ネットCS and 既存住基: the exchange by files, certificate life, moves between towns, and what never leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal, cast

import pytest

from mock_services.errors import RefusedError
from mock_services.juki_cs.system import JukiCsSystem
from mock_services.juki_cs.wire import (
    Arrive,
    End,
    ExchangeOrder,
    ExchangeResult,
    Issue,
    JukiPerson,
    Move,
    Register,
    Replace,
)
from mock_services.models import Fault
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, in_process

ONE, TWO, AWAY = "00000000019", "00000000027", "00000000035"
FROM, TO = date(2024, 4, 1), date(2029, 3, 31)


def issue(serial: str, code: str = ONE, dantai: str = DANTAI, **more: object) -> Issue:
    values = {"event": "issue", "dantai_code": dantai, "juminhyo_code": code, "serial": serial}
    return Issue.model_validate(values | {"valid_from": FROM, "valid_to": TO} | more)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[InProcess]:
    world = in_process(tmp_path, juki_cs={"other_towns": [OTHER_DANTAI]})
    juki(world).put_codes(
        [
            JukiPerson(juminhyo_code=ONE, atena_no="000000000000001"),
            JukiPerson(juminhyo_code=TWO, atena_no="000000000000002"),
        ]
    )
    yield world
    world.world.recorder.close()


def juki(world: InProcess) -> JukiCsSystem:
    found = world.world.systems["juki_cs"]
    assert isinstance(found, JukiCsSystem)
    return found


def links(world: InProcess) -> list[tuple[str, str, str]]:
    return [(one.serial, one.atena_no[-1], one.state) for one in world.world.links.full()]


def ask(
    world: InProcess, wanted: str = "diff", *, again: bool = False, persons: tuple[str, ...] = ()
) -> ExchangeResult:
    order = ExchangeOrder.model_validate({"wanted": wanted, "again": again, "persons": list(persons)})
    return juki(world).exchange(order)


def test_a_full_exchange_fills_the_links(town: InProcess) -> None:
    juki(town).happen([issue("A1"), issue("0b2", TWO), issue("C3", state="expired")])
    done = ask(town, "full")
    assert (done.reason, done.records, done.upserts, done.generation) == ("", 3, 3, 1)
    assert done.answers == [f"CSALL_{DANTAI}_00000001.dat"]
    assert links(town) == [("A1", "1", "valid"), ("B2", "2", "valid"), ("C3", "1", "expired")]


def test_every_record_has_its_length_and_its_place(town: InProcess) -> None:
    juki(town).happen([issue("A1")])
    client, counter = juki(town).client, juki(town).counter
    request = client.request("full")
    raw = (juki(town).folders.requests / request).read_bytes()
    assert (
        raw.split(b"\r\n")[0]
        == b"HCS01" + DANTAI.encode() + b"00000001" + b"20261010090000" + b"1" + b"0" * 8 + b" " * 78
    )
    (sent,) = counter.answer_all()
    lines = (juki(town).folders.answers / sent.name).read_bytes().split(b"\r\n")
    assert [len(line) for line in lines] == [120, 120, 120, 0]
    assert lines[1][:60] == b"D" + b"00000001" + ONE.encode() + b"A1".rjust(40, b"0")
    assert lines[2][:25] == b"T" + b"00000001" + b"1".rjust(16, b"0")
    assert list(juki(town).folders.requests.iterdir()) == []


def test_the_life_of_a_certificate_reaches_the_links_by_differences(town: InProcess) -> None:
    juki(town).happen([issue("A1"), issue("B2", TWO)])
    ask(town, "full")
    juki(town).happen(
        [
            Replace(event="renew", dantai_code=DANTAI, old="A1", serial="A2", valid_from=FROM, valid_to=TO),
            End(event="revoke", dantai_code=DANTAI, serial="B2"),
            issue("A9", medium="smartphone"),
        ]
    )
    done = ask(town)
    assert (done.reason, done.records, done.generation) == ("", 4, 2)
    assert links(town) == [
        ("A1", "1", "revoked"),
        ("A2", "1", "valid"),
        ("A9", "1", "valid"),
        ("B2", "2", "revoked"),
    ]
    assert ask(town).records == 0
    past = juki(town).master.history("A1")
    assert [(one.state, one.reason, one.until is None) for one in past] == [
        ("valid", "issued", False),
        ("revoked", "renewed", True),
    ]


def test_single_persons_can_be_asked_for(town: InProcess) -> None:
    juki(town).happen([issue("A1"), issue("B2", TWO)])
    done = ask(town, "persons", persons=(TWO,))
    assert (done.reason, links(town)) == ("", [("B2", "2", "valid")])
    assert ask(town, "persons", persons=(AWAY,)).records == 0
    with pytest.raises(ValueError, match="string_pattern_mismatch"):
        ask(town, "persons", persons=("1",))


def test_a_serial_of_an_unknown_person_waits_for_the_master(town: InProcess) -> None:
    juki(town).happen([Register(event="register", dantai_code=DANTAI, persons=[AWAY]), issue("A1", AWAY)])
    assert ask(town, "full").unresolved == 1
    assert links(town) == []
    juki(town).put_codes([JukiPerson(juminhyo_code=AWAY, atena_no="000000000000003")])
    assert links(town) == [("A1", "3", "valid")]


def test_a_move_keeps_the_serial_and_changes_the_town(town: InProcess) -> None:
    juki(town).happen([issue("A1")])
    ask(town, "full")
    move = Move(event="move", juminhyo_code=ONE, from_dantai=DANTAI, to_dantai=OTHER_DANTAI, moved_on=date(2026, 10, 1))
    juki(town).happen([move])
    assert ask(town).deletes == 1
    assert links(town) == []
    other = juki(town).network.town(OTHER_DANTAI)
    assert (other.certificates, len(other.tenshutsu)) == ({}, 1)
    juki(town).happen([Arrive(event="arrive", juminhyo_code=ONE, dantai_code=OTHER_DANTAI)])
    assert [(one.serial, one.reason) for one in other.certificates.values()] == [("A1", "moved_in")]


def test_nobody_moves_in_on_a_reservation_alone(town: InProcess) -> None:
    with pytest.raises(RefusedError, match="転出証明書情報"):
        juki(town).happen([Arrive(event="arrive", juminhyo_code=AWAY, dantai_code=DANTAI)])
    with pytest.raises(RefusedError, match="住民ではありません"):
        juki(town).happen(
            [Move(event="move", juminhyo_code=AWAY, from_dantai=DANTAI, to_dantai=OTHER_DANTAI, moved_on=FROM)]
        )


def test_a_person_who_moves_in_brings_the_serial_along(town: InProcess) -> None:
    juki(town).happen(
        [
            Register(event="register", dantai_code=OTHER_DANTAI, persons=[AWAY]),
            issue("F1", AWAY, OTHER_DANTAI),
            Move(event="move", juminhyo_code=AWAY, from_dantai=OTHER_DANTAI, to_dantai=DANTAI, moved_on=FROM),
        ]
    )
    ask(town, "full")
    juki(town).happen([Arrive(event="arrive", juminhyo_code=AWAY, dantai_code=DANTAI)])
    juki(town).put_codes([JukiPerson(juminhyo_code=AWAY, atena_no="000000000000009")])
    assert ask(town).records == 1
    assert links(town) == [("F1", "9", "valid")]


@pytest.mark.parametrize(
    "event",
    [
        issue("A1"),
        issue("E1", AWAY),
        issue("E1", dantai="123456"),
        End(event="revoke", dantai_code=DANTAI, serial="EE"),
        Replace(event="renew", dantai_code=DANTAI, old="EE", serial="E2", valid_from=FROM, valid_to=TO),
        Register(event="register", dantai_code=OTHER_DANTAI, persons=[ONE]),
        Move(event="move", juminhyo_code=ONE, from_dantai=DANTAI, to_dantai=DANTAI, moved_on=FROM),
    ],
)
def test_an_impossible_event_is_refused(town: InProcess, event: Issue) -> None:
    juki(town).happen([issue("A1")])
    before = juki(town).state()
    with pytest.raises(RefusedError, match="1 件目"):
        juki(town).happen([event])
    assert juki(town).state() == before


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("file-partial", "partial"),
        ("file-wrong-totals", "totals"),
        ("file-wrong-encoding", "partial"),
        ("file-out-of-sequence", "sequence"),
        ("file-vanished", "missing"),
        ("file-resend", "sequence"),
    ],
)
def test_a_bad_answer_is_not_used_and_the_next_one_heals(town: InProcess, fault: str, reason: str) -> None:
    juki(town).happen([issue("A1")])
    ask(town, "full")
    ask(town)
    juki(town).happen([issue("B2", TWO)])
    town.world.set_faults([Fault(name=fault, system="juki_cs", operation="diff", times=1)])
    bad = ask(town)
    assert (bad.reason, links(town)) == (reason, [("A1", "1", "valid")])
    assert (town.world.fault_states()[0].applied, bad.faults) == (1, [fault])
    assert str(bad.detail) == "" or ONE not in bad.detail
    if fault in ("file-partial", "file-vanished", "file-wrong-encoding", "file-resend"):
        assert ask(town, again=True).reason == ""  # 再送: the same answer once more
    else:
        assert ask(town, "full").reason == ""
    assert links(town) == [("A1", "1", "valid"), ("B2", "2", "valid")]
    assert ask(town).reason == ""


@pytest.mark.parametrize(
    ("mode", "off"), [("full", "answers"), ("diff", "answers"), ("diff", "since"), ("diff", "generation")]
)
def test_each_number_of_an_answer_must_follow(town: InProcess, mode: Literal["full", "diff"], off: str) -> None:
    """Alone: a file whose other numbers are right is not taken either."""
    system = juki(town)
    system.happen([issue("A1")])
    ask(town, "full")
    system.happen([issue("B2", TWO)])
    system.client.request(mode)
    system.counter.answer_all()
    (answer,) = system.folders.answers.iterdir()
    rows = system.counter.records.read(mode, answer.read_bytes())
    header = rows[0][1]
    rows[0] = ("header", header | {off: cast(int, header[off]) + 1})
    answer.write_bytes(system.counter.records.write(mode, rows))
    assert system.client.take().reason == "sequence"
    assert links(town) == [("A1", "1", "valid")]


def test_records_that_change_places_are_not_taken(town: InProcess) -> None:
    """The counts still fit; the running numbers do not."""
    system = juki(town)
    system.happen([issue("A1"), issue("B2", TWO)])
    system.client.request("full")
    system.counter.answer_all()
    (answer,) = system.folders.answers.iterdir()
    head, one, other, rest = answer.read_bytes().split(b"\r\n", 3)
    answer.write_bytes(b"\r\n".join([head, other, one, rest]))
    assert system.client.take().reason == "totals"
    assert links(town) == []


def test_a_difference_from_a_forgotten_point_asks_for_everything(town: InProcess) -> None:
    juki(town).happen([issue("A1")])
    juki(town).client.generation = 77
    done = ask(town)
    assert (done.reason, done.records) == ("gap", 0)
    assert ask(town, "full").reason == ""


@pytest.mark.parametrize("raw", [b"", b"x", b"X" * 120 + b"\r\n", b"\xff" * 122, b"H" + b" " * 119 + b"\r\n"])
def test_a_request_that_is_none_is_answered_by_nothing(town: InProcess, raw: bytes) -> None:
    folder = juki(town).folders.requests
    folder.mkdir(parents=True)
    (folder / "CSREQ_x.dat").write_bytes(raw)
    assert [(one.name, one.result) for one in juki(town).counter.answer_all()] == [("", "bad_request")]
    assert list(folder.iterdir()) == []


def test_neither_code_nor_number_ever_leaves_by_the_links(town: InProcess, tmp_path: Path) -> None:
    juki(town).happen([issue("A1"), issue("B2", TWO)])
    ask(town, "full")
    juki(town).drop("full")
    juki(town).drop("diff")
    http = town.link()
    bodies = [
        http.get("/himozuke/v1/zenken").content,
        http.get("/himozuke/v1/sabun?since=0").content,
        http.get("/himozuke/v1/shokai?serial=A1").content,
        *(path.read_bytes() for path in (tmp_path / "drops").rglob("*") if path.is_file()),
    ]
    assert len(bodies) == 7
    for body in bodies:
        assert ONE.encode() not in body
        assert TWO.encode() not in body
    assert (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8").count(ONE) == 0


def test_a_reset_begins_anew(town: InProcess) -> None:
    juki(town).happen([issue("A1")])
    ask(town, "full")
    juki(town).client.request("diff")
    town.world.reset()
    assert links(town) == []
    assert list(juki(town).folders.requests.iterdir()) == []
    assert ask(town, "full").generation == 1
