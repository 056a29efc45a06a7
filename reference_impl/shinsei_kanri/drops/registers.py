"""番号紐付情報 and 宛名情報 by files: the newest full one, then every difference in its turn, nothing out of turn.

A drop counts as a whole and once. Its content is as old as its manifest says, however late it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import atena, links
from reference_impl.shinsei_kanri.drops.files import Content, DropTrouble, Folder
from reference_impl.shinsei_kanri.storage import drops as stored
from reference_impl.shinsei_kanri.storage import people
from reference_impl.shinsei_kanri.wiring.fields import Fields

FULL, DIFF, ATENA = "link_full", "link_diff", "atena"


@dataclass(frozen=True)
class Waiting:
    """A drop that nobody has taken yet, by its manifest."""

    number: int
    made_at: datetime
    head: Fields
    manifest: Path


class RegisterDrops:
    """Takes registers from the files below ``root``. What cannot be taken is told at the end and keeps nothing else out."""

    def __init__(self, root: Path, engine: Engine, profile: Profile, dantai_code: str) -> None:
        self._root, self._engine, self._profile, self._dantai_code = root, engine, profile, dantai_code

    def links(self) -> int:
        """The newest full 番号紐付情報, if there is one, and the differences after it; the number of rows taken over.

        Raises DropTrouble when something could not be taken; the rest has been.
        """
        troubles: list[str] = []
        count = self._full_links(troubles) + self._differences(troubles)
        if troubles:
            raise DropTrouble("。".join(troubles))
        return count

    def atena(self, core_system: str) -> int:
        """The newest full 宛名情報 of a core system; the number of people, 0 when nothing new came. Raises DropTrouble."""
        troubles: list[str] = []
        count = self._people(core_system, troubles)
        if troubles:
            raise DropTrouble("。".join(troubles))
        return count

    def _full_links(self, troubles: list[str]) -> int:
        newest = self._newest(self._folder(FULL), FULL, "", troubles)
        if newest is None:
            return 0
        waiting, content = newest
        rows = [links.as_link(row) for row in content.rows["links"]]
        with self._engine.begin() as connection:
            if not take(connection, FULL, "", waiting):
                return 0
            people.replace_links(connection, rows)
            people.set_position(connection, links.SOURCE, waiting.head.whole("last_seq"), waiting.made_at)
        return len(rows)

    def _people(self, core_system: str, troubles: list[str]) -> int:
        newest = self._newest(self._folder(ATENA, core_system), ATENA, core_system, troubles)
        if newest is None:
            return 0
        waiting, content = newest
        if waiting.head.text("core_system") != core_system:
            raise DropTrouble(f"{waiting.manifest.name}: 別の基幹システムのものです / of another core system")
        rows = [atena.as_atena(row) for row in content.rows["persons"]]
        with self._engine.begin() as connection:
            if not take(connection, ATENA, core_system, waiting):
                return 0
            people.replace_atena(connection, core_system, rows)
            people.set_position(connection, atena.source(core_system), len(rows), waiting.made_at)
        return len(rows)

    def _newest(
        self, folder: Folder, kind: str, core_system: str, troubles: list[str]
    ) -> tuple[Waiting, Content] | None:
        """The newest drop that can be read; None when nothing new came."""
        for one in reversed(self._waiting(folder, kind, core_system, troubles)):
            try:
                return one, folder.read(one.manifest, lenient=("birth_date",))
            except DropTrouble as trouble:
                troubles.append(str(trouble))
        return None

    def _differences(self, troubles: list[str]) -> int:
        """Every difference in its turn, up to the first that cannot be taken."""
        folder, count = self._folder(DIFF), 0
        try:
            for one in self._waiting(folder, DIFF, "", troubles):
                count += self._difference(folder, one)
        except DropTrouble as trouble:
            troubles.append(str(trouble))
        return count

    def _difference(self, folder: Folder, one: Waiting) -> int:
        with self._engine.begin() as connection:
            stored.hold(connection, "")
            reached, full = people.position(connection, links.SOURCE), stored.newest(connection, FULL, "")
            if reached is None or full is None:
                raise DropTrouble(f"{one.manifest.name}: まだ全件を受け取っていません / no full table has come yet")
            if one.made_at <= full.made_at and one.head.whole("last_seq") <= reached:
                take(connection, DIFF, "", one)  # the full table has it already
                return 0
            check_turn(one, stored.newest(connection, DIFF, ""), full, reached)
            rows = folder.read(one.manifest).rows["changes"]
            if not take(connection, DIFF, "", one):
                return 0
            for row in links.in_order(rows):
                if row.whole("seq") > reached:
                    links.apply(row, connection)
            people.set_position(connection, links.SOURCE, max(reached, one.head.whole("last_seq")), one.made_at)
        return len(rows)

    def _folder(self, name: str, core_system: str = "") -> Folder:
        return Folder(self._root, self._profile, name, {"dantai_code": self._dantai_code, "core_system": core_system})

    def _waiting(self, folder: Folder, kind: str, core_system: str, troubles: list[str]) -> list[Waiting]:
        """Drops newer than the last one taken, oldest first."""
        found = []
        for manifest in folder.manifests():
            try:
                head = folder.head(manifest)
            except DropTrouble as trouble:
                troubles.append(str(trouble))
                continue
            found.append(Waiting(head.whole("number"), head.moment("made_at"), head, manifest))
        with self._engine.connect() as connection:
            last = stored.last(connection, kind, core_system)
        return sorted((one for one in found if one.number > last), key=lambda one: one.number)


def take(connection: Connection, kind: str, core_system: str, one: Waiting) -> bool:
    """Note that this drop is taken, and the ones before it are passed over; False when another process was faster."""
    stored.hold(connection, core_system)
    if stored.last(connection, kind, core_system) >= one.number:
        return False
    stored.record_taken(connection, core_system, one.number, one.made_at, kind)
    return True


def check_turn(one: Waiting, before: stored.Newest | None, full: stored.Newest, reached: int) -> None:
    """DropTrouble when a difference is missing between what was taken and this one: only a new full table helps then.

    ``reached``: the last 更新連番 that was taken over. After a full table the numbers may go on anywhere.
    """
    in_turn = before is None or before.made_at <= full.made_at or one.number == before.number + 1
    if in_turn and one.head.whole("first_seq") <= reached + 1:
        return
    raise DropTrouble(
        f"{one.manifest.name}: 受渡し番号か更新連番が続いていません。次の全件を待ちます / a difference is missing before it"
    )
