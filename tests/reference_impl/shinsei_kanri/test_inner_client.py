"""The client of 既存住基 and the core systems: what it refuses of an answer."""

from __future__ import annotations

import httpx
import pytest

from reference_impl.shinsei_kanri.inner_client import InnerClient, InnerTrouble
from tests.reference_impl.shinsei_kanri.packages import PROFILE

LINES = ["シリアル番号,宛名番号,有効開始日,有効終了日,状態", "0A,100,2026-01-01,2030-01-01,1"]


def answering(total: str | None) -> InnerClient:
    """A client whose other side sends one row, and says that there are ``total``."""
    headers = {"X-Last-Seq": "7", "Content-Type": "text/csv; charset=utf-8"}
    headers |= {} if total is None else {"X-Total-Count": total}
    body = "\r\n".join([*LINES, ""]).encode()
    client = InnerClient("link", "http://juki.test", "key", PROFILE)
    client.close()
    answer = httpx.Response(200, headers=headers, content=body)
    client._http = httpx.Client(base_url="http://juki.test", transport=httpx.MockTransport(lambda _: answer))
    return client


def test_as_many_rows_as_counted_are_taken() -> None:
    client = answering("1")
    _, rows = client.call("full", {})
    assert [row.text("atena_no") for row in rows] == ["100"]
    client.close()


@pytest.mark.parametrize(
    ("total", "said"),
    [("2", "件数は 2 ですが、届いたのは 1 行"), ("0", "件数は 0 ですが、届いたのは 1 行"), (None, "X-Total-Count")],
)
def test_any_other_count_is_refused_in_one_sentence(total: str | None, said: str) -> None:
    client = answering(total)
    with pytest.raises(InnerTrouble, match=said):
        client.call("full", {})
    client.close()
