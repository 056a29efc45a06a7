"""住基ネットCS: whose certificates stand where, what happened to them, and what each town was told. No files.

公開: シリアル番号 and 住民票コード correspond in the CS; a move to another town keeps the serial, and only the new town's CS
tells the new town. 仮定: events, generations, how far back a difference reaches (`KEPT`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from mock_services.clock import WorldClock
from mock_services.juki_cs.errors import EventError

State = Literal["valid", "revoked", "expired"]
Reason = Literal["issued", "renewed", "reissued", "revoked", "expired", "moved_in", "moved_out"]
Medium = Literal["card", "smartphone"]
KEPT = 400
"""Answers that a CS can still continue from (仮定)."""


@dataclass(frozen=True)
class Certificate:
    """One 利用者証明用電子証明書. ``serial`` canonical hex."""

    serial: str
    juminhyo_code: str
    valid_from: date
    valid_to: date
    state: State = "valid"
    reason: Reason = "issued"
    medium: Medium = "card"
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Change:
    kind: Literal["upsert", "delete"]
    certificate: Certificate


@dataclass(frozen=True)
class Tenshutsu:
    """転出証明書情報: what the old town's CS sends to the new one's when the old town has finished the 転出届."""

    juminhyo_code: str
    from_dantai: str
    to_dantai: str
    moved_on: date
    sent_at: datetime
    certificates: tuple[Certificate, ...]


class CsTown:
    """The part of the CS that serves one town: its residents' certificates, its changes, its generations."""

    def __init__(self, dantai_code: str) -> None:
        self.dantai_code = dantai_code
        self.residents: set[str] = set()
        self.certificates: dict[str, Certificate] = {}
        self.changes: list[Change] = []
        self.generation = 0
        self.told: dict[int, int] = {0: 0}
        """Generation of an answer → number of changes that it covered."""
        self.tenshutsu: list[Tenshutsu] = []

    def note(self, kind: Literal["upsert", "delete"], certificate: Certificate) -> None:
        if kind == "upsert":
            self.certificates[certificate.serial] = certificate
        else:
            del self.certificates[certificate.serial]
        self.changes.append(Change(kind, certificate))

    def next_generation(self) -> int:
        """Count one answer up and remember how far it reaches."""
        self.generation += 1
        self.told[self.generation] = len(self.changes)
        for old in [one for one in self.told if one < self.generation - KEPT]:
            del self.told[old]
        return self.generation

    def since(self, generation: int) -> Sequence[Change] | None:
        """The changes after an answer of that generation; None when it is not known (any more)."""
        return self.changes[self.told[generation] :] if generation in self.told else None

    def of(self, juminhyo_code: str) -> list[Certificate]:
        return [one for one in self.certificates.values() if one.juminhyo_code == juminhyo_code]


class CsNetwork:
    """The CS of every town, and the line between them. Each event is whole or refused (EventError)."""

    def __init__(self, clock: WorldClock, dantai_codes: Iterable[str]) -> None:
        self._clock = clock
        self._codes = tuple(dantai_codes)
        self.reset()

    def reset(self) -> None:
        """Forget everybody; generations start anew."""
        self.towns = {code: CsTown(code) for code in self._codes}

    def take_over(self, filled: CsNetwork) -> None:
        """The towns of ``filled``, with everybody in them, in the place of ours."""
        self._codes, self.towns = filled._codes, filled.towns

    def town(self, dantai_code: str) -> CsTown:
        if dantai_code not in self.towns:
            raise EventError(f"団体 {dantai_code} のCSはありません / no CS of that town")
        return self.towns[dantai_code]

    def register(self, dantai_code: str, juminhyo_codes: Iterable[str]) -> None:
        """People become residents of a town (birth, first record); EventError when one lives in another already."""
        town, codes = self.town(dantai_code), list(juminhyo_codes)
        for code in codes:
            if any(code in other.residents for other in self.towns.values() if other is not town):
                raise EventError("その住民票コードの人は別の団体にいます / that person lives in another town")
        town.residents.update(codes)

    def issue(self, dantai_code: str, certificate: Certificate) -> None:
        """A first or further certificate of a resident. EventError for a stranger, or a serial that is there already."""
        town = self._home(dantai_code, certificate.juminhyo_code)
        if any(certificate.serial in other.certificates for other in self.towns.values()):
            raise EventError("そのシリアル番号はすでに発行されています / that serial was issued already")
        town.note("upsert", self._stamped(certificate, certificate.state, certificate.reason))

    def replace_with(
        self, dantai_code: str, serial: str, new: Certificate, reason: Literal["renewed", "reissued"]
    ) -> None:
        """更新・再発行: the old serial is revoked, the new one valid."""
        old = self._held(dantai_code, serial)
        self.issue(dantai_code, replace(new, juminhyo_code=old.juminhyo_code, reason=reason))
        self.town(dantai_code).note("upsert", self._stamped(old, "revoked", reason))

    def end(self, dantai_code: str, serial: str, state: Literal["revoked", "expired"]) -> None:
        """失効・有効期間満了 of a valid certificate."""
        old = self._held(dantai_code, serial)
        self.town(dantai_code).note("upsert", self._stamped(old, state, state))

    def move(self, juminhyo_code: str, from_dantai: str, to_dantai: str, moved_on: date) -> Tenshutsu:
        """The old town has finished the 転出届: 転出証明書情報 goes CS → CS, the person's certificates go along.

        The serials stay the same; the old town is told to delete them, the new town to add them.
        """
        old, new = self._home(from_dantai, juminhyo_code), self.town(to_dantai)
        if new is old:
            raise EventError("転出先が同じ団体です / the same town")
        taken = tuple(one for one in old.of(juminhyo_code))
        sent = Tenshutsu(juminhyo_code, from_dantai, to_dantai, moved_on, self._clock.now(), taken)
        new.tenshutsu.append(sent)
        old.residents.discard(juminhyo_code)
        for one in taken:
            old.note("delete", self._stamped(one, one.state, "moved_out"))
        return sent

    def arrive(self, juminhyo_code: str, dantai_code: str) -> None:
        """The new town has taken the 転入届 at its counter. EventError without 転出証明書情報: a 予約 alone is no 転入届."""
        town = self.town(dantai_code)
        sent = next((one for one in reversed(town.tenshutsu) if one.juminhyo_code == juminhyo_code), None)
        if sent is None or juminhyo_code in town.residents:
            raise EventError("転出証明書情報が届いていません / no 転出証明書情報 has arrived")
        town.residents.add(juminhyo_code)
        for one in sent.certificates:
            town.note("upsert", self._stamped(one, one.state, "moved_in"))

    def _home(self, dantai_code: str, juminhyo_code: str) -> CsTown:
        town = self.town(dantai_code)
        if juminhyo_code not in town.residents:
            raise EventError("その団体の住民ではありません / not a resident of that town")
        return town

    def _held(self, dantai_code: str, serial: str) -> Certificate:
        found = self.town(dantai_code).certificates.get(serial)
        if found is None or found.state != "valid":
            raise EventError(
                "その団体に、そのシリアル番号の有効な証明書はありません / no valid certificate of that serial"
            )
        return found

    def _stamped(self, certificate: Certificate, state: State, reason: Reason) -> Certificate:
        return replace(certificate, state=state, reason=reason, changed_at=self._clock.now())
