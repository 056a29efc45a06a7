"""宛名情報 of the core systems: each in its own number space, taken over as a whole."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from reference_impl.shinsei_kanri.inner_client import InnerClient
from reference_impl.shinsei_kanri.records import Atena
from reference_impl.shinsei_kanri.storage import people
from reference_impl.shinsei_kanri.wiring.fields import Fields


def sync(client: InnerClient, engine: Engine, core_system: str, now: datetime) -> int:
    """Replace the copy of one core system's 宛名情報 in one transaction; the number of people. Raises InnerTrouble.

    An answer that is byte for byte the last one is not read again: only the time of the copy moves on. A birth date
    with unknown parts (不詳日) is kept as none: such a person is never matched automatically.
    """
    name = source(core_system)
    with engine.begin() as connection:
        count, known = people.position(connection, name), people.atena_digest(connection, name, core_system)
    digest, found = client.call_unless("full", {}, known, lenient=("birth_date",))
    with engine.begin() as connection:
        if found is not None:
            count = len(found)
            people.replace_atena(connection, core_system, (as_atena(row) for row in found))
        people.set_position(connection, name, count or 0, now, digest)
    return count or 0


def source(core_system: str) -> str:
    """The name of this copy among the synchronised ones."""
    return f"atena:{core_system}"


def as_atena(row: Fields) -> Atena:
    return Atena(
        atena_no=row.text("atena_no"),
        juki_atena_no=row.text("juki_atena_no"),
        name=row.text("name"),
        kana=row.text("kana"),
        birth_date=row.day_or_none("birth_date"),
        gender=row.text("gender"),
        address=row.text("address"),
        state=row.text("state"),
    )
