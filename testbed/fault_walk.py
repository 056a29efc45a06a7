"""``make faults``: every named fault of the simulated world on every call of the reference product, one after the other.

    python -m testbed.fault_walk --every 1

While a fault lasts, the product may fail, and must say so; what it stored is right. When the fault is over, the next run
leaves nothing missing and nothing twice.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from fixtures.cases.model import Case, LinkRow
from fixtures.world import World
from interface_spec import control
from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    Ingestion,
    Job,
    JobState,
    Person,
    PersonState,
    Role,
)
from interface_spec.profile import load_profile
from mock_services.fault_kinds import FAULTS
from mock_services.faults import Reach, reach_of
from mock_services.models import ApplicationMeta, AtenaRecord, Fault, LinkRecord, TogoRecord
from mock_services.tls import VARIANTS
from mock_services.togo.routes import TOKEN
from testbed.counterexample import Counterexample, keep
from testbed.crash_processes import CORE, Child, WorldProcess, start_product, start_world
from testbed.postgres import EmbeddedServer, embedded_server
from testbed.waiting import finished

OVERLAY = '[limits]\nno_answer = { value = 1, unit = "秒", ja = "応答の目安時間" }\n'
"""Nobody waits half a minute for every silence here."""
PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "tls": tuple({"variant": one} for one in VARIANTS),
    "page-limit": ({"n": 1},),
    "expire-token": ({"after_calls": 0}, {"after_calls": 1}),
    "latency": ({"ms": 50},),
    "jitter": ({"most_ms": 50},),
    "timeout": ({"seconds": 3},),
    "slow-drip": ({"piece": 2048, "every_ms": 5},),
    "clock-skew": ({"seconds": 86_400}, {"seconds": -86_400}),
    "wrong-digest": ({"change": "flip"}, {"change": "shorten"}),
    "corrupt-zip": ({"part": "directory"}, {"part": "data"}),
}
"""What a fault is told; the others need not be told anything."""
CALLS = frozenset({"*", "login", "list", "get", "full", "diff", "lookup", "reverse", TOKEN})
"""The calls that the product makes."""
TOGO = "togo"
TOGO_CLIENT, TOGO_SECRET = "A" * 32, "s" * 40
GYOMU = {"juki": "001", CORE: "012"}
"""業務ID of 既存住基 and of the core system in 団体内統合宛名."""
PER_WORLD = 31
"""Applications of one kind in one world, less the one that is there before."""


@dataclass(frozen=True)
class Strike:
    """One fault on one call, until it is cleared."""

    name: str
    system: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def fault(self) -> Fault:
        return Fault(name=self.name, system=self.system, operation=self.operation, params=self.params)


def strikes() -> list[Strike]:
    """All of them: every kind wherever it can strike a call that the product makes."""
    return [
        Strike(kind.name, reach.system, operation, params)
        for reach in _reaches()
        for kind in FAULTS.values()
        for operation in _operations(reach, kind.name)
        if operation in CALLS
        for params in PARAMS.get(kind.name, ({},))
    ]


def _reaches() -> tuple[Reach, ...]:
    surfaces = load_profile().surfaces
    return (
        reach_of("download", surfaces["download"], paged=("list",)),
        reach_of("juki", surfaces["link"]),
        reach_of(f"core:{CORE}", surfaces["atena"]),
        reach_of(TOGO, surfaces["togo"], extra=(TOKEN,)),
    )


def _operations(reach: Reach, name: str) -> tuple[str, ...]:
    found = reach.operations(FAULTS[name])
    return ("*",) if found == () else found or ()


class Walk:
    """One world and one product; strikes one after the other."""

    def __init__(
        self, world: World, process: WorldProcess, product: Child, database: str, *, asks_togo: bool = False
    ) -> None:
        self._asks_togo = asks_togo
        self._world, self._client, self._database = world, process.client, database
        self._http = httpx.Client(base_url=product.url, headers=product.headers, trust_env=False, timeout=60)
        self._fresh = (f"k01-plain#{number}" for number in range(2, PER_WORLD + 2))
        self._links = list(world.links())
        self._cases: list[Case] = []
        self._touched = 0

    def close(self) -> None:
        self._http.close()

    def prepare(self) -> None:
        """Registers and one application, undisturbed. RuntimeError when even that does not work."""
        people = [AtenaRecord(**asdict(one)) for one in self._world.atena(CORE)]
        self._client.put_links([LinkRecord(**asdict(one)) for one in self._links])
        self._client.put_atena(CORE, people)
        self._load("k01-plain")
        if self._asks_togo:
            self._know_all()
        for path in (control.SYNC, control.IMPORTS):
            if (job := self._job(path)).state is not JobState.DONE:
                raise RuntimeError(job.message)

    def strike(self, strike: Strike) -> list[str]:
        """What was not as promised, one sentence each."""
        if strike.system == TOGO:
            return self._identification(strike)
        return self._import(strike) if strike.system == "download" else self._registers(strike)

    def _import(self, strike: Strike) -> list[str]:
        case = self._load(next(self._fresh))
        wrong: list[str] = []
        with self._armed(strike):
            job = self._job(control.IMPORTS)
            told = job.state is JobState.FAILED or job.counts.get("failed", 0) > 0 or "一覧" in job.message
            found = self._application(case)
            if found is None and not told:
                wrong.append(f"neither stored nor told: {job.message}")
            wrong += [] if found is None else problems(case, found)
        healed = self._job(control.IMPORTS)
        found = self._application(case)
        wrong += ["not stored after the fault"] if found is None else problems(case, found)
        page = ApplicationPage.model_validate(self._http.get(control.APPLICATIONS, params={"limit": 1000}).json())
        if sorted(one.receipt_no for one in page.items) != sorted(one.receipt_no for one in self._cases):
            wrong.append("the list does not hold every application once")
        return wrong if healed.state is JobState.DONE else [*wrong, f"after the fault: {healed.message}"]

    def _identification(self, strike: Strike) -> list[str]:
        """The application comes in all the same; who it is from is right, or for staff with the reason, and right later."""
        case = self._load(next(self._fresh))
        self._know_all()
        with self._armed(strike):
            job = self._job(control.IMPORTS)
            found = self._application(case)
            if found is None:
                return [f"not stored: {job.message}"]
            wrong = problems(case, found)
            signer = signer_of(found)
            if signer.state is not PersonState.IDENTIFIED and "団体内統合宛名" not in "".join(signer.reasons):
                wrong.append(f"for staff, and nobody says why: {signer.reasons}")
        healed = self._job(control.SYNC)
        found = self._application(case)
        wrong += ["gone"] if found is None else problems(case, found)
        if found is not None and signer_of(found).state is not PersonState.IDENTIFIED:
            wrong.append(f"not identified after the fault: {signer_of(found).reasons}")
        return wrong if healed.state is JobState.DONE else [*wrong, f"after the fault: {healed.message}"]

    def _know_all(self) -> None:
        """団体内統合宛名 knows everybody who signed so far, in 既存住基 and in the core system."""
        rows: dict[str, TogoRecord] = {}
        for number, case in enumerate(self._cases, 1):
            signer = case.truth.signer
            if signer is None:
                raise RuntimeError(f"{case.receipt_no}: 署名者がいません / nobody signed")
            for system, atena_no in (("juki", signer.juki_atena_no), (CORE, signer.numbers[CORE])):
                row = TogoRecord(gyomu_id=GYOMU[system], atena_no=atena_no, togo_atena_no=f"9{number:014d}")
                rows.setdefault(f"{system} {atena_no}", row)
        self._client.put_togo(list(rows.values()))

    def _registers(self, strike: Strike) -> list[str]:
        before = self._copy()
        self._change()
        if strike.operation == "full":
            self._begin_again()
        wrong: list[str] = []
        with self._armed(strike):
            job = self._job(control.SYNC)
            during = self._copy()
            if during not in (before, self._truth()):
                wrong.append("a copy that never was")
            if during != self._truth() and job.state is not JobState.FAILED:
                wrong.append(f"not taken over and not told: {job.message}")
        healed = self._job(control.SYNC)
        if self._copy() != self._truth():
            wrong.append("not taken over after the fault")
        return wrong if healed.state is JobState.DONE else [*wrong, f"after the fault: {healed.message}"]

    def _begin_again(self) -> None:
        """The next synchronisation takes the full table of links."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute("DELETE FROM sync_positions WHERE source = 'link'")

    def _change(self) -> None:
        """One link more, so that there is something to take over."""
        self._touched += 1
        last = self._links[-1]
        self._links.append(LinkRow(**(asdict(last) | {"serial": f"{0xFA00 + self._touched:X}"})))
        self._client.put_links([LinkRecord(**asdict(self._links[-1]))])

    def _truth(self) -> set[tuple[str, str]]:
        links = {(one.serial.lstrip("0"), one.atena_no) for one in self._links}
        return links | {("atena", one.atena_no) for one in self._world.atena(CORE)}

    def _copy(self) -> set[tuple[str, str]]:
        with psycopg.connect(self._database) as connection:
            links = connection.execute("SELECT serial, atena_no FROM links").fetchall()
            people = connection.execute("SELECT 'atena', atena_no FROM atena").fetchall()
        return {(str(left), str(right)) for left, right in [*links, *people]}

    def _load(self, name: str) -> Case:
        case = self._world.case(name)
        meta = ApplicationMeta(
            receipt_no=case.receipt_no,
            procedure_id=case.procedure_id,
            dantai_code=case.dantai_code,
            received_at=case.received_at,
            arrived_at=case.arrived_at,
        )
        self._client.load_application(meta, case.zip_bytes)
        self._cases.append(case)
        return case

    @contextmanager
    def _armed(self, strike: Strike) -> Iterator[None]:
        renewed = Fault(name="expire-token", system=TOGO, operation="*", params={"after_calls": 0})
        self._client.set_faults([strike.fault, *([renewed] if strike.operation == TOKEN else [])])
        try:
            yield
        finally:
            self._client.clear_faults()

    def _job(self, path: str) -> Job:
        return finished(self._http, Job.model_validate(self._http.post(path).raise_for_status().json()))

    def _application(self, case: Case) -> ApplicationDetail | None:
        answer = self._http.get(control.APPLICATION.format(receipt_no=case.receipt_no))
        return None if answer.status_code == 404 else ApplicationDetail.model_validate(answer.raise_for_status().json())


def signer_of(found: ApplicationDetail) -> Person:
    return next(one for one in found.persons if one.role is Role.SIGNER)


def problems(case: Case, found: ApplicationDetail) -> list[str]:
    """Where what is stored is not what was sent, or somebody is taken for another."""
    if found.ingestion is not Ingestion.STORED:
        return [f"quarantined: {found.quarantine_reason}"]
    sent = [(one.item_id, one.group, one.occurrence, one.value) for one in case.truth.items]
    kept = [(one.item_id, one.group, one.occurrence, one.value) for one in found.items]
    files = [one.sha256 for one in case.truth.attachments] == [one.sha256 for one in found.attachments]
    wrong = [] if sent == kept and files else ["stored, and not what was sent"]
    people = {Role.SIGNER: case.truth.signer, Role.SUBJECT: case.truth.subject}
    for one in found.persons:
        truth = people[one.role]
        if one.state is PersonState.IDENTIFIED and (truth is None or one.atena_no != truth.numbers.get(CORE)):
            wrong.append(f"{one.role.value} is taken for somebody else")
    return wrong


def walk(
    chosen: Sequence[Strike], server: EmbeddedServer, folder: Path, say: Callable[[Strike, list[str]], None]
) -> list[str]:
    """Every broken promise, in one sentence each (empty: none)."""
    broken: list[str] = []
    for number, part in enumerate(parts(chosen)):
        own = folder / f"walk{number}"
        own.mkdir()
        with walking(server, own, seed=number + 1, asks_togo=part[0].system == TOGO) as one:
            for strike in part:
                wrong = one.strike(strike)
                say(strike, wrong)
                broken += told(strike, wrong)
    return broken


def parts(chosen: Sequence[Strike]) -> list[list[Strike]]:
    """What is done in one world: pattern ii, which asks 団体内統合宛名, apart from the others."""
    groups = ([one for one in chosen if (one.system == TOGO) is togo] for togo in (False, True))
    return [group[start : start + PER_WORLD] for group in groups for start in range(0, len(group), PER_WORLD)]


def told(strike: Strike, wrong: Sequence[str]) -> list[str]:
    """The broken promises of one strike as sentences."""
    return [f"{strike.name} on {strike.system}.{strike.operation} {strike.params}: {what}" for what in wrong]


@contextmanager
def walking(server: EmbeddedServer, folder: Path, seed: int, *, asks_togo: bool = False) -> Iterator[Walk]:
    overlay = folder / "short.toml"
    overlay.write_text(OVERLAY, encoding="utf-8")
    world = World(seed=seed, reference_date=date(2026, 11, 23))
    case = world.case("k01-plain")
    now = case.received_at + timedelta(hours=1)
    database = server.create_database(folder.name)
    systems = {"togo": {"clients": [{"client_id": TOGO_CLIENT, "secret": TOGO_SECRET}]}} if asks_togo else {}
    with (
        start_world(folder, case.dantai_code, now, overlay, systems) as process,
        start_product(folder, process, database, now, _settings(process, overlay, asks_togo=asks_togo)) as product,
    ):
        one = Walk(world, process, product, database, asks_togo=asks_togo)
        try:
            one.prepare()
            yield one
        finally:
            one.close()


def _settings(process: WorldProcess, overlay: Path, *, asks_togo: bool) -> dict[str, str]:
    values = {"PROFILE_OVERLAY": str(overlay)}
    if asks_togo:
        values |= {
            "PATTERNS": "K01=ii",
            "TOGO_URL": process.endpoints.systems[TOGO],
            "TOGO_CLIENT_ID": TOGO_CLIENT,
            "TOGO_CLIENT_SECRET": TOGO_SECRET,
            "TOGO_GYOMU_IDS": ",".join(f"{name}={number}" for name, number in GYOMU.items()),
        }
    return values


def main(arguments: list[str]) -> int:
    """0 when every promise held, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="fault_walk", description="障害を1つずつ起こす / one fault after the other")
    parser.add_argument("--every", type=int, default=1, help="N 件ごとに1件だけ / only every Nth")
    options = parser.parse_args(arguments)
    chosen = strikes()[:: options.every]

    def say(strike: Strike, wrong: list[str]) -> None:
        sys.stdout.write(json.dumps(asdict(strike) | {"broken": wrong}, ensure_ascii=False) + "\n")
        if wrong:
            said = tuple(told(strike, wrong))
            sys.stdout.write(keep(Counterexample(walk="faults", seed=1, steps=[asdict(strike)], said=said)) + "\n")
        sys.stdout.flush()

    with embedded_server() as server, tempfile.TemporaryDirectory() as folder:
        broken = walk(chosen, server, Path(folder), say)
    sys.stdout.write("\n".join(broken or [f"{len(chosen)} 件すべて守られました / every promise held"]) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
