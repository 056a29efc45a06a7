"""番号紐付情報 and 宛名情報 by files: full, differences in their turn, and whatever may be wrong with a file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from interface_spec.profile.items import Item
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.drops.files import DropTrouble
from reference_impl.shinsei_kanri.drops.registers import RegisterDrops
from reference_impl.shinsei_kanri.operations import state
from reference_impl.shinsei_kanri.storage import database, tables
from tests.reference_impl.shinsei_kanri.packages import PROFILE

NOW = datetime(2026, 11, 23, 6, tzinfo=JST)
CORE = "jido_teate"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    yield engine
    engine.dispose()


class Writer:
    """Writes drops as the profile's pages say, with code of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(
        self, drop: str, number: int, rows: Sequence[Mapping[str, str]], made_at: datetime = NOW, **head: object
    ) -> Path:
        spec = PROFILE.drops[drop]
        (file,) = spec.files.values()
        surface, _, operation = file.like.partition(".")
        items: Mapping[str, Item] = PROFILE.surfaces[surface].operations[operation].row
        names = {"dantai_code": "132012", "core_system": CORE, "number": f"{number:08d}"}
        names["made_at"] = f"{made_at:%Y%m%d%H%M%S}"
        folder = self.root / spec.folder.format(**names)
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow([item.wire for item in items.values()])
        table.writerows([[row.get(name, "") for name in items] for row in rows])
        body, name = text.getvalue().encode(), file.name.format(**names)
        (folder / name).write_bytes(body)
        sha = hashlib.sha256(body).hexdigest()
        values = {"name": name, "records": len(rows), "size": len(body), "sha256": sha}
        kind = {"link_full": "full", "link_diff": "diff", "atena": "full"}[drop]
        values |= {"kind": PROFILE.codes["drop_kind"].values[kind].wire, "number": number, "core_system": CORE}
        values |= {"made_at": f"{made_at:%Y-%m-%dT%H:%M:%S%z}"} | head
        manifest = spec.manifest
        document: dict[str, object] = {item.wire: values[name] for name, item in manifest.items.items()}
        document[manifest.rows] = [{item.wire: values[name] for name, item in manifest.row.items()}]
        path = folder / manifest.name.format(**names)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def full(self, number: int, last: int, *serials: str, made_at: datetime = NOW, **more: object) -> Path:
        return self.put("link_full", number, [link(one) for one in serials], made_at, last_seq=last, **more)

    def diff(
        self, number: int, first: int, last: int, *changes: tuple[str, str], made_at: datetime, **more: object
    ) -> Path:
        rows = [
            {"seq": str(first + at), "change": CHANGES[kind]} | link(serial)
            for at, (kind, serial) in enumerate(changes)
        ]
        return self.put("link_diff", number, rows, made_at, first_seq=first, last_seq=last, **more)


_changes = PROFILE.surfaces["link"].operations["diff"].row["change"].codes or ""
CHANGES = {name: code.wire for name, code in PROFILE.codes[_changes].values.items()}
PUT = next(name for name in CHANGES if name != "delete")


def link(serial: str) -> dict[str, str]:
    day = PROFILE.surfaces["link"].operations["full"].row["valid_from"].format or ""
    state = PROFILE.surfaces["link"].operations["full"].row["state"].codes or ""
    return {
        "serial": serial,
        "atena_no": f"R{serial}",
        "valid_from": NOW.strftime(day),
        "valid_to": NOW.strftime(day),
        "state": PROFILE.codes[state].values["valid"].wire,
    }


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture
def drops(engine: Engine, tmp_path: Path) -> RegisterDrops:
    return RegisterDrops(tmp_path, engine, PROFILE, "132012")


def serials(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.execute(select(tables.links.c.serial)).scalars())


def later(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def test_full_table_then_differences_once_each(engine: Engine, drops: RegisterDrops, writer: Writer) -> None:
    writer.full(1, 2, "A1", "A2")
    writer.diff(1, 3, 4, (PUT, "A3"), ("delete", "A1"), made_at=later(1))
    assert drops.links() == 4
    assert serials(engine) == ["A2", "A3"]
    writer.diff(2, 5, 5, (PUT, "A5"), made_at=later(2))
    assert (drops.links(), drops.links()) == (1, 0)
    assert serials(engine) == ["A2", "A3", "A5"]


def test_newest_full_table_counts_and_older_differences_do_not(
    engine: Engine, drops: RegisterDrops, writer: Writer
) -> None:
    writer.full(1, 1, "A1")
    writer.full(2, 9, "B1", made_at=later(5))
    writer.diff(7, 2, 3, ("delete", "B1"), (PUT, "A2"), made_at=later(1))
    assert drops.links() == 1
    assert serials(engine) == ["B1"]
    writer.diff(12, 10, 10, (PUT, "B2"), made_at=later(6))  # after a full table numbers may go on anywhere
    drops.links()
    assert serials(engine) == ["B1", "B2"]


def test_difference_out_of_turn_waits_for_the_next_full_table(
    engine: Engine, drops: RegisterDrops, writer: Writer
) -> None:
    writer.full(1, 2, "A1", "A2")
    writer.diff(1, 3, 3, (PUT, "A3"), made_at=later(1))
    writer.diff(3, 4, 4, (PUT, "A4"), made_at=later(2))
    for _ in range(2):
        with pytest.raises(DropTrouble, match="続いていません"):
            drops.links()
    assert serials(engine) == ["A1", "A2", "A3"]
    writer.full(2, 6, "A1", "A4", "A6", made_at=later(3))
    drops.links()
    assert serials(engine) == ["A1", "A4", "A6"]


def test_gap_in_the_change_numbers_is_a_missing_difference(
    engine: Engine, drops: RegisterDrops, writer: Writer
) -> None:
    writer.full(1, 2, "A1")
    writer.diff(1, 9, 9, (PUT, "A9"), made_at=later(1))
    with pytest.raises(DropTrouble, match="続いていません"):
        drops.links()
    assert serials(engine) == ["A1"]


def test_nothing_counts_before_the_first_full_table(engine: Engine, drops: RegisterDrops, writer: Writer) -> None:
    assert drops.links() == 0
    writer.diff(1, 1, 1, (PUT, "A1"), made_at=NOW)
    with pytest.raises(DropTrouble, match="全件"):
        drops.links()
    assert serials(engine) == []


SPOILS: list[Callable[[Path], object]] = [
    lambda manifest: manifest.write_bytes(manifest.read_bytes()[:-5]),
    lambda manifest: next(manifest.parent.glob(f"{manifest.name.split('.')[0]}.csv")).write_bytes(b"half"),
    lambda manifest: next(manifest.parent.glob(f"{manifest.name.split('.')[0]}.csv")).unlink(),
    lambda manifest: manifest.write_text(manifest.read_text().replace('"kensu": 1', '"kensu": 2')),
]


@pytest.mark.parametrize("spoil", SPOILS, ids=["manifest-cut", "file-cut", "file-gone", "wrong-count"])
def test_spoiled_full_table_changes_nothing_is_told_and_the_next_one_heals(
    engine: Engine, drops: RegisterDrops, writer: Writer, spoil: Callable[[Path], object]
) -> None:
    writer.full(1, 1, "A1")
    drops.links()
    spoil(writer.full(2, 2, "B2", made_at=later(1)))
    writer.diff(1, 2, 2, (PUT, "A2"), made_at=later(1.5))
    with pytest.raises(DropTrouble, match=r"himozuke_zenken|目録は 2 件"):
        drops.links()
    assert serials(engine) == ["A1", "A2"]
    writer.full(3, 3, "C3", made_at=later(2))
    with pytest.raises(DropTrouble, match="JSON") if spoil is SPOILS[0] else nullcontext():
        drops.links()  # a manifest that nobody can read is told until somebody takes it away
    assert serials(engine) == ["C3"]


def test_content_is_as_old_as_it_was_made_and_shows_when_it_is_stale(
    engine: Engine, drops: RegisterDrops, writer: Writer
) -> None:
    writer.full(1, 1, "A1")
    drops.links()

    def stale(at: datetime) -> bool:
        with engine.connect() as connection:
            (register,) = state.registers(connection, ["link"], at)
        return register.stale

    assert (stale(later(1)), stale(later(30))) == (False, True)
    writer.diff(1, 1, 1, made_at=later(24))  # nothing changed, and that is news too
    assert drops.links() == 0
    assert (stale(later(30)), stale(later(51))) == (False, True)


def person(number: str, birth: str = "1990-01-01") -> dict[str, str]:
    items = PROFILE.surfaces["atena"].operations["full"].row
    text = {"atena_no": number, "juki_atena_no": f"R{number}", "name": "架空　花子", "address": "架空市"}
    coded = {"gender": "female", "state": "resident"}
    found = {name: PROFILE.codes[items[name].codes or ""].values for name in coded}
    return text | {"birth_date": birth} | {name: found[name][code].wire for name, code in coded.items()}


def test_people_of_a_core_system_newest_whole_and_of_this_system_only(
    engine: Engine, drops: RegisterDrops, writer: Writer
) -> None:
    writer.put("atena", 1, [person("1"), person("2", "不詳")])
    assert (drops.atena(CORE), drops.atena(CORE)) == (2, 0)
    writer.put("atena", 2, [person("3")], later(1))
    assert drops.atena(CORE) == 1
    with engine.connect() as connection:
        assert list(connection.execute(select(tables.atena.c.atena_no)).scalars()) == ["3"]
    writer.put("atena", 3, [person("4")], later(2), core_system="kaigo")
    with pytest.raises(DropTrouble, match="別の基幹"):
        drops.atena(CORE)
    assert drops.atena("kaigo") == 0
