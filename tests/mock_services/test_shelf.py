"""The order of the list: whatever is laid, replaced and late, a window shows what a scan would."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.clock import WorldClock
from mock_services.download.models import DownloadStore, Window
from mock_services.download.packages import Held
from mock_services.download.shelf import Application
from tests.mock_services.support import DANTAI, START, StandingTick

ONE = st.tuples(st.integers(0, 12), st.integers(0, 20), st.sampled_from(["K01", "K02"]), st.none() | st.integers(-5, 5))


def application(number: int, minute: int, procedure_id: str, visible: int | None) -> Application:
    at = START - timedelta(minutes=minute, microseconds=number)
    return Application(
        receipt_no=f"R{number}",
        procedure_id=procedure_id,
        dantai_code=DANTAI,
        received_at=at,
        arrived_at=at,
        visible_at=None if visible is None else START + timedelta(minutes=visible),
        status="processing",
        package=Held(b"PK"),
        listed_at=at.replace(second=0, microsecond=0),
    )


@settings(max_examples=150, deadline=None)
@given(
    laid=st.lists(ONE, max_size=25),
    start=st.integers(0, 20),
    length=st.integers(0, 20),
    procedure=st.sampled_from([None, "K01", "K02"]),
    offset=st.integers(0, 6),
    count=st.integers(1, 6),
)
def test_a_page_is_that_of_a_scan(
    laid: list[tuple[int, int, str, int | None]],
    start: int,
    length: int,
    procedure: str | None,
    offset: int,
    count: int,
) -> None:
    store = DownloadStore(WorldClock(START, StandingTick()), [], page_limit=100, token_seconds=60, token_key=b"k")
    last: dict[str, Application] = {}
    for values in laid:
        one = application(*values)
        store.put(one)
        last[one.receipt_no] = one
    end = START - timedelta(minutes=start)
    window = Window(end - timedelta(minutes=length), end, procedure)
    wanted = sorted(
        (
            one
            for one in last.values()
            if window.received_from <= one.listed_at <= window.received_to
            and (one.visible_at is None or one.visible_at <= START)
            and procedure in (None, one.procedure_id)
        ),
        key=lambda one: one.order,
    )
    found = store.matching(DANTAI, window)
    assert len(found) == len(wanted)
    assert found.rows(offset, count) == wanted[offset : offset + count]
    for one in wanted:
        rest = found.without(one)
        assert rest.rows(0, 100) == [other for other in wanted if other is not one]
