"""番号紐付情報 and 宛名情報: taking them over, and looking people up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from reference_impl.shinsei_kanri import folding
from reference_impl.shinsei_kanri.records import Atena, Basic4, Link
from reference_impl.shinsei_kanri.storage import tables

MOST_SIMILAR = 200
BATCH = 5000


def serial_key(serial: int) -> str:
    """The stored form of a serial."""
    return f"{serial:X}"


class SqlDirectory:
    """The `identify.Directory` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def links(self, serial: int) -> Sequence[Link]:
        found = self._connection.execute(select(tables.links).where(tables.links.c.serial == serial_key(serial)))
        return [Link(int(row.serial, 16), row.atena_no, row.valid_from, row.valid_to, row.state) for row in found]

    def by_juki_number(self, core_system: str, juki_atena_no: str) -> Sequence[Atena]:
        return self._people(core_system, tables.atena.c.juki_atena_no == juki_atena_no) if juki_atena_no else []

    def by_number(self, core_system: str, atena_no: str) -> Sequence[Atena]:
        return self._people(core_system, tables.atena.c.atena_no == atena_no)

    def by_basic4(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        columns = tables.atena.c
        return self._people(
            core_system,
            columns.birth_date == stated.birth_date,
            columns.name == stated.name,
            columns.gender == stated.gender,
            columns.address == stated.address,
        )

    def similar(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        columns = tables.atena.c
        alike: list[Any] = []
        if stated.birth_date:
            alike.append(columns.birth_date == stated.birth_date)
        if stated.name:
            alike.append(columns.name_folded == folding.name(stated.name))
        if stated.address:
            alike.append(columns.address_folded == folding.address(stated.address))
        return self._people(core_system, or_(*alike)) if alike else []

    def _people(self, core_system: str, *conditions: Any) -> list[Atena]:
        query = select(tables.atena).where(tables.atena.c.core_system == core_system, *conditions)
        rows = self._connection.execute(query.order_by(tables.atena.c.id).limit(MOST_SIMILAR))
        return [
            Atena(
                row.atena_no, row.juki_atena_no, row.name, row.kana, row.birth_date, row.gender, row.address, row.state
            )
            for row in rows
        ]


def position(connection: Connection, source: str) -> int | None:
    """The last 更新連番 taken over from ``source``; None before the first time."""
    query = select(tables.sync_positions.c.last_seq).where(tables.sync_positions.c.source == source)
    return connection.execute(query).scalar_one_or_none()


def set_position(connection: Connection, source: str, last_seq: int, at: datetime) -> None:
    row = {"source": source, "last_seq": last_seq, "synced_at": at}
    connection.execute(
        upsert(tables.sync_positions)
        .values(row)
        .on_conflict_do_update(index_elements=["source"], set_={"last_seq": last_seq, "synced_at": at})
    )


def replace_links(connection: Connection, links: Iterable[Link]) -> None:
    """The full table, in place of whatever was there."""
    connection.execute(delete(tables.links))
    _insert(connection, tables.links, [_link_row(link) for link in links])


def put_link(connection: Connection, link: Link) -> None:
    """One changed row: it replaces every row of the same serial."""
    delete_link(connection, link.serial)
    connection.execute(insert(tables.links), [_link_row(link)])


def delete_link(connection: Connection, serial: int) -> None:
    connection.execute(delete(tables.links).where(tables.links.c.serial == serial_key(serial)))


def replace_atena(connection: Connection, core_system: str, people: Iterable[Atena]) -> None:
    """The full 宛名情報 of one core system, in place of whatever was there."""
    connection.execute(delete(tables.atena).where(tables.atena.c.core_system == core_system))
    _insert(connection, tables.atena, [_atena_row(core_system, person) for person in people])


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), BATCH):
        connection.execute(insert(table), rows[start : start + BATCH])


def _link_row(link: Link) -> dict[str, Any]:
    return {
        "serial": serial_key(link.serial),
        "atena_no": link.atena_no,
        "valid_from": link.valid_from,
        "valid_to": link.valid_to,
        "state": link.state,
    }


def _atena_row(core_system: str, person: Atena) -> dict[str, Any]:
    return {
        "core_system": core_system,
        "atena_no": person.atena_no,
        "juki_atena_no": person.juki_atena_no,
        "name": person.name,
        "kana": person.kana,
        "birth_date": person.birth_date,
        "gender": person.gender,
        "address": person.address,
        "state": person.state,
        "name_folded": folding.name(person.name),
        "address_folded": folding.address(person.address),
    }
