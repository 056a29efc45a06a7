"""番号紐付情報 from 既存住基: a synchronised copy, full the first time, then by difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from reference_impl.shinsei_kanri.inner_client import InnerClient, InnerTrouble
from reference_impl.shinsei_kanri.records import Link
from reference_impl.shinsei_kanri.storage import people
from reference_impl.shinsei_kanri.wiring.fields import Fields

SOURCE = "link"


def sync(client: InnerClient, engine: Engine, now: datetime) -> int:
    """Bring the copy up to date in one transaction; the number of rows taken over. Raises InnerTrouble."""
    with engine.begin() as connection:
        since = people.position(connection, SOURCE)
    if since is None:
        return load_full(client, engine, now)
    return load_difference(client, engine, since, now)


def load_full(client: InnerClient, engine: Engine, now: datetime) -> int:
    answer, rows = client.call("full", {})
    with engine.begin() as connection:
        people.replace_links(connection, [as_link(row) for row in rows])
        people.set_position(connection, SOURCE, answer.whole("last_seq"), now)
    return len(rows)


def load_difference(client: InnerClient, engine: Engine, since: int, now: datetime) -> int:
    """Changes since 更新連番 ``since``; the full table again when the other side has started its numbers over."""
    answer, rows = client.call("diff", {"since": since})
    last_seq = answer.whole("last_seq")
    if last_seq < since:
        return load_full(client, engine, now)
    check_whole(rows, since, last_seq)
    with engine.begin() as connection:
        for row in in_order(rows):
            apply(row, connection)
        people.set_position(connection, SOURCE, last_seq, now)
    return len(rows)


def check_whole(rows: Sequence[Fields], since: int, last_seq: int) -> None:
    """InnerTrouble when the difference does not reach the 更新連番 that it says to hold: a change is missing."""
    if max((row.whole("seq") for row in rows), default=since) < last_seq:
        raise InnerTrouble(
            f"番号紐付情報（差分）に、更新連番 {last_seq} までの変更がそろっていません / a change is missing"
        )


def in_order(rows: Sequence[Fields]) -> list[Fields]:
    """By 更新連番: the last change of a serial counts, in whatever order the rows came."""
    return sorted(rows, key=lambda row: row.whole("seq"))


def apply(row: Fields, connection: Connection) -> None:
    """One change: 追加・更新 or 削除."""
    if row.text("change") == "delete":
        people.delete_link(connection, row.whole("serial"))
    else:
        people.put_link(connection, as_link(row))


def as_link(row: Fields) -> Link:
    return Link(
        row.whole("serial"), row.text("atena_no"), row.day("valid_from"), row.day("valid_to"), row.text("state")
    )
