"""The event stream on disk: every type comes back, a kill's last line is passed over, any other damage is an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.events import (
    ApplicationsGiven,
    ApplicationsSeen,
    ChecksFinished,
    Event,
    EventLog,
    FoundThis,
    GivenApplication,
    GivenPerson,
    RegistersGiven,
    RunInterrupted,
    RunStarted,
    RunTrouble,
    RunWarning,
    SeenApplication,
    _Event,
    as_json,
    read_events,
    read_line,
)
from conformance.verdicts import Raw
from tests.conformance.factory import AT, ended, evidence, plan_of, planned, stream, write_events

A = "AM-9.1-01a"
NASTY = "行\u2028区切り\u0085\u2029\x1b[31m\x00\x0b\"'\\ 𠮷\ufe0f ]]> <script>"


def every_type() -> list[Event]:
    finding = FoundThis(ja=NASTY, en=NASTY, actual=NASTY, evidence=[evidence(NASTY, NASTY)])
    given = GivenApplication(
        case=NASTY,
        receipt_no=NASTY,
        procedure="K01",
        persons=(GivenPerson(name=NASTY, juki_atena_no="1", numbers={"kaigo": NASTY}),),
    )
    seen = SeenApplication(
        case=NASTY, receipt_no=NASTY, procedure="K01", acceptable=True, stages=("imported", "stored")
    )
    return [
        *stream(plan_of(planned(A)), {A: Raw.PASS}),
        RegistersGiven(at=AT, links=2, persons={"kaigo": 3}, file="test-registers.csv", sha256="0" * 64),
        ApplicationsGiven(at=AT, round="none", applications=(given,)),
        ApplicationsSeen(at=AT, round="none", applications=(seen,)),
        ended(A, Raw.NONCONFORMITY, finding),
        ChecksFinished(at=AT, bodies=1),
        RunTrouble(at=AT, kind="harness", ja=NASTY, en="x", detail=NASTY),
        RunWarning(at=AT, ja=NASTY, en="x"),
        RunInterrupted(at=AT, signal="SIGTERM"),
    ]


def test_every_type_is_in_the_sample() -> None:
    assert {type(one) for one in every_type()} == set(_Event.__subclasses__())


@pytest.mark.parametrize("event", every_type(), ids=lambda one: one.type)
def test_round_trip(event: Event) -> None:
    line = event.model_dump_json()
    assert "\n" not in line
    assert read_line(line) == event
    assert read_line(json.dumps(as_json(event))) == event


def test_stream_comes_back_from_disk_whatever_it_carries(tmp_path: Path) -> None:
    events = every_type()
    assert list(read_events(write_events(tmp_path / "events.ndjson", events))) == events


def test_a_log_is_continued_and_listened_to(tmp_path: Path) -> None:
    path, heard = tmp_path / "events.ndjson", list[Event]()
    first, *rest = every_type()
    write_events(path, [first])
    log = EventLog(path, (heard.append,))
    for event in rest:
        log.emit(event)
    log.close()
    assert heard == rest
    assert list(read_events(path)) == [first, *rest]


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_last_line_cut_short_is_passed_over(tmp_path: Path, cut: int) -> None:
    path = write_events(tmp_path / "events.ndjson", every_type())
    path.write_bytes(path.read_bytes()[:-cut])
    expected = every_type() if cut == 1 else every_type()[:-1]
    assert list(read_events(path)) == expected


def test_last_line_cut_inside_a_character(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    write_events(path, [every_type()[0]])
    with path.open("ab") as file:
        file.write('{"v":1,"type":"run-trouble","ja":"設定'.encode()[:-1])
    assert [type(one) for one in read_events(path)] == [RunStarted]


def test_damaged_middle_line_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = write_events(tmp_path / "events.ndjson", every_type())
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2] = lines[2][:-5]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=r"events\.ndjson: 3 行目が壊れています.*/ line 3 is damaged"):
        list(read_events(path))


@pytest.mark.parametrize("change", [{"v": 2}, {"type": "run-vanished"}, {"surprise": 1}, {"at": "yesterday"}])
def test_unknown_version_type_or_field_is_refused(change: dict[str, object]) -> None:
    data = as_json(RunInterrupted(at=AT, signal="SIGINT")) | change
    with pytest.raises(ValueError, match="not an event"):
        read_line(json.dumps(data))


def test_a_line_of_another_version_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(json.dumps(as_json(RunInterrupted(at=AT, signal="SIGINT")) | {"v": 2}) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not an event"):
        list(read_events(path))
