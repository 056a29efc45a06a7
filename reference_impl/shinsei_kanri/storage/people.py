"""番号紐付情報 and 宛名情報: taking them over, and looking people up."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from reference_impl.shinsei_kanri import folding
from reference_impl.shinsei_kanri.records import Atena, Basic4, Link
from reference_impl.shinsei_kanri.storage import tables
from reference_impl.shinsei_kanri.storage.bulk import append_rows

MOST_SIMILAR = 200
_Asked = tuple[tuple[str, str | None], ...]
"""The values of one question by the names that its statement gives them."""


def serial_key(serial: int) -> str:
    """The stored form of a serial."""
    return f"{serial:X}"


LINKS = text("SELECT serial, atena_no, valid_from, valid_to, state FROM links WHERE serial = ANY(:keys) ORDER BY id")
_PEOPLE = "p.atena_no, p.juki_atena_no, p.name, p.kana, p.birth_date, p.gender, p.address, p.state"
_ASKED = "json_to_recordset(CAST(:asked AS json)) AS q(n int, core_system text, {columns})"
"""What is looked for: one row a question, numbered."""


def _finding(columns: str, condition: str) -> TextClause:
    """(number of the question, person) for everybody who fits, at most `MOST_SIMILAR` a question."""
    asked = _ASKED.format(columns=columns)
    return text(
        f"SELECT q.n, {_PEOPLE} FROM {asked} CROSS JOIN LATERAL (SELECT * FROM atena "  # noqa: S608 — our own words
        f"WHERE atena.core_system = q.core_system AND {condition} ORDER BY id + 0 LIMIT {MOST_SIMILAR}) p ORDER BY q.n, p.id"
    )  # id + 0: by an index of what is asked, never by walking through all people in their order


BY_JUKI_NUMBER = _finding("number text", "juki_atena_no = q.number")
BY_NUMBER = _finding("number text", "atena_no = q.number")
BY_BASIC4 = _finding(
    "name text, birth_date date, gender text, address text",
    "atena.birth_date = q.birth_date AND atena.name = q.name AND atena.gender = q.gender AND atena.address = q.address",
)
SIMILAR = _finding(
    "name text, birth_date date, address text",
    "(atena.birth_date = q.birth_date OR name_folded = q.name OR address_folded = q.address)",
)


class Ahead:
    """The `identify.Directory` for many applications at once: what nobody looked up yet is noted and has no answer.

    After `look_up` the same questions have their answers; every kind of question is one statement.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._links: dict[int, Sequence[Link]] = {}
        self._people: dict[tuple[TextClause, _Asked], Sequence[Atena]] = {}
        self._wanted_links: list[int] = []
        self._wanted: dict[TextClause, list[_Asked]] = {}
        self.missing = 0
        """How many questions had no answer so far."""

    def links(self, serial: int) -> Sequence[Link]:
        if serial not in self._links:
            self.missing += 1
            self._wanted_links.append(serial)
        return self._links.get(serial, ())

    def by_juki_number(self, core_system: str, juki_atena_no: str) -> Sequence[Atena]:
        return self._find(BY_JUKI_NUMBER, core_system, number=juki_atena_no) if juki_atena_no else ()

    def by_number(self, core_system: str, atena_no: str) -> Sequence[Atena]:
        return self._find(BY_NUMBER, core_system, number=atena_no)

    def by_basic4(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        birth = stated.birth_date.isoformat() if stated.birth_date else None
        return self._find(
            BY_BASIC4, core_system, name=stated.name, birth_date=birth, gender=stated.gender, address=stated.address
        )

    def similar(self, core_system: str, stated: Basic4) -> Sequence[Atena]:
        birth = stated.birth_date.isoformat() if stated.birth_date else None
        name, address = folding.name(stated.name) or None, folding.address(stated.address) or None
        return self._find(SIMILAR, core_system, name=name, birth_date=birth, address=address)

    def look_up(self) -> None:
        """Answer everything that was asked in vain."""
        if self._wanted_links:
            self._links |= find_links(self._connection, self._wanted_links)
            self._wanted_links = []
        for statement, asked in self._wanted.items():
            found = find_people(self._connection, statement, asked)
            self._people |= {(statement, one): people for one, people in zip(asked, found, strict=True)}
        self._wanted = {}

    def _find(self, statement: TextClause, core_system: str, **values: str | None) -> Sequence[Atena]:
        asked: _Asked = (("core_system", core_system), *values.items())
        if (statement, asked) not in self._people:
            self.missing += 1
            self._wanted.setdefault(statement, []).append(asked)
        return self._people.get((statement, asked), ())


class SqlDirectory(Ahead):
    """The `identify.Directory` for one application: every question is answered at once."""

    def links(self, serial: int) -> Sequence[Link]:
        super().links(serial)
        self.look_up()
        return super().links(serial)

    def _find(self, statement: TextClause, core_system: str, **values: str | None) -> Sequence[Atena]:
        super()._find(statement, core_system, **values)
        self.look_up()
        return super()._find(statement, core_system, **values)


def find_links(connection: Connection, serials: Collection[int]) -> dict[int, list[Link]]:
    """Every row of these serials; a serial without any has an empty list."""
    found: dict[int, list[Link]] = {serial: [] for serial in serials}
    for row in connection.execute(LINKS, {"keys": [serial_key(serial) for serial in serials]}):
        serial = int(row.serial, 16)
        found[serial].append(Link(serial, row.atena_no, row.valid_from, row.valid_to, row.state))
    return found


def find_people(connection: Connection, statement: TextClause, asked: Sequence[_Asked]) -> list[list[Atena]]:
    """The people of each question, in the order of the questions."""
    questions = [{"n": number, **dict(one)} for number, one in enumerate(asked)]
    found: list[list[Atena]] = [[] for _ in asked]
    for number, *person in connection.execute(statement, {"asked": json.dumps(questions, ensure_ascii=False)}):
        found[number].append(Atena(*person))
    return found


def position(connection: Connection, source: str) -> int | None:
    """The last 更新連番 taken over from ``source``; None before the first time."""
    query = select(tables.sync_positions.c.last_seq).where(tables.sync_positions.c.source == source)
    return connection.execute(query).scalar_one_or_none()


def set_position(connection: Connection, source: str, last_seq: int, at: datetime, digest: str = "") -> None:
    """``digest``: of the answer that the whole copy was made from; "" when it was not made from one answer."""
    row = {"last_seq": last_seq, "synced_at": at, "digest": digest}
    connection.execute(
        upsert(tables.sync_positions)
        .values({"source": source} | row)
        .on_conflict_do_update(index_elements=["source"], set_=row)
    )


def atena_digest(connection: Connection, source: str, core_system: str) -> str:
    """The digest of the answer that the copy of ``core_system`` was made from; "" when it was not, or is not whole."""
    table = tables.sync_positions
    row = connection.execute(select(table).where(table.c.source == source)).first()
    people = select(func.count()).select_from(tables.atena).where(tables.atena.c.core_system == core_system)
    if row is None or not row.digest or connection.execute(people).scalar_one() != row.last_seq:
        return ""
    return str(row.digest)


def replace_links(connection: Connection, links: Iterable[Link]) -> None:
    """The full table, in place of whatever was there."""
    connection.execute(delete(tables.links))
    append_rows(connection, tables.links, map(_link_row, links))


def put_link(connection: Connection, link: Link) -> None:
    """One changed row: it replaces every row of the same serial."""
    delete_link(connection, link.serial)
    connection.execute(insert(tables.links), [_link_row(link)])


def delete_link(connection: Connection, serial: int) -> None:
    connection.execute(delete(tables.links).where(tables.links.c.serial == serial_key(serial)))


def replace_atena(connection: Connection, core_system: str, people: Iterable[Atena]) -> None:
    """The full 宛名情報 of one core system, in place of whatever was there."""
    connection.execute(delete(tables.atena).where(tables.atena.c.core_system == core_system))
    append_rows(connection, tables.atena, (_atena_row(core_system, person) for person in people))


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
