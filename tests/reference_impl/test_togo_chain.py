"""Pattern ii against the simulated 団体内統合宛名, and 番号紐付情報 from the simulated 既存住基's files: over the network, as products."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from fixtures.cases.model import Case
from fixtures.world import World
from interface_spec.control import JobState, Method, Person, PersonState
from mock_services.models import Fault, TogoRecord
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import Product, Running, running_product, running_world, start_of

CLIENT, SECRET = "A" * 32, "s" * 40
CORE = "jido_teate"
GYOMU = {"juki": "001", CORE: "012", "kaigo": "013"}


class Town:
    def __init__(self, running: Running, product: Product) -> None:
        self.running, self.product = running, product

    def know(self, *cases: Case, core: str = CORE) -> list[TogoRecord]:
        """The rows of 団体内統合宛名 for the signers of ``cases``: one number, in 既存住基 and in the core system."""
        rows = []
        for number, case in enumerate(cases, 1):
            signer = case.truth.signer
            assert signer is not None
            togo = f"9{number:014d}"
            rows.append(TogoRecord(gyomu_id=GYOMU["juki"], atena_no=signer.juki_atena_no, togo_atena_no=togo))
            rows.append(TogoRecord(gyomu_id=GYOMU[core], atena_no=signer.numbers[core], togo_atena_no=togo))
        self.running.client.put_togo(rows)
        return rows

    def signer(self, case: Case) -> Person:
        return next(one for one in self.product.application(case.receipt_no).persons if one.role.value == "signer")


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    world = World(seed=21, reference_date=date(2026, 11, 23))
    now, folder = start_of(world), tmp_path_factory.mktemp("world")
    systems = {"togo": {"clients": [{"client_id": CLIENT, "secret": SECRET}]}, "juki_cs": {}}
    with running_world(folder, world, now, more=systems) as running:
        running.put_registers()
        drops = folder / "drops"
        drops.mkdir(exist_ok=True)
        more = {
            "PATTERNS": "K01=ii",
            "TOGO_URL": running.endpoints.systems["togo"],
            "TOGO_CLIENT_ID": CLIENT,
            "TOGO_CLIENT_SECRET": SECRET,
            "TOGO_GYOMU_IDS": ",".join(f"{name}={number}" for name, number in GYOMU.items()),
            "DROP_FOLDER": str(drops),
            "DROP_REGISTERS": "link",
            "LINK_URL": "",
            "LINK_API_KEY": "",
        }
        with running_product(running, server.create_database("togo"), now, more=more) as product:
            yield Town(running, product)


def test_links_by_file_and_numbers_by_togo_identify_the_signer(town: Town) -> None:
    (case,) = town.running.load("k01-plain")
    rows = town.know(case)
    town.running.client.drop_links("full")
    synced = town.product.sync()
    assert (synced.state, synced.counts["links"]) == (JobState.DONE, len(town.running.world.links())), synced
    assert town.product.import_now().counts["stored"] == 1
    found = town.signer(case)
    assert case.truth.signer is not None
    assert (found.state, found.method) == (PersonState.IDENTIFIED, Method.SERIAL)
    assert found.atena_no == case.truth.signer.numbers[CORE]
    assert any(rows[0].togo_atena_no in reason for reason in found.reasons)


def test_person_whom_togo_does_not_know_is_for_staff_and_found_when_it_does(town: Town) -> None:
    (case,) = town.running.load("k01-plain#2")
    town.running.client.put_togo([])
    town.product.import_now()
    found = town.signer(case)
    assert found.state is PersonState.STAFF
    assert any("団体内統合宛名" in reason for reason in found.reasons), found.reasons
    town.know(case)
    assert town.product.sync().counts["identified_again"] == 1
    assert town.signer(case).state is PersonState.IDENTIFIED


def test_togo_that_is_down_makes_it_a_case_for_staff_with_the_reason(town: Town) -> None:
    (case,) = town.running.load("k01-plain#3")
    town.know(case)
    town.running.client.set_faults([Fault(name="unavailable", system="togo")])
    assert town.product.import_now().counts["stored"] == 1
    found = town.signer(case)
    assert found.state is PersonState.STAFF
    assert any("503" in reason or "団体内統合宛名" in reason for reason in found.reasons)
    town.running.client.clear_faults()
    town.product.sync()
    assert town.signer(case).state is PersonState.IDENTIFIED


def test_serial_that_comes_later_by_a_difference_file_identifies_again(town: Town) -> None:
    (case,) = town.running.load("k01-late-serial")
    town.know(case)
    town.product.import_now()
    assert town.signer(case).state is PersonState.STAFF
    town.running.put_links(case.late_links)
    town.running.client.drop_links("diff")
    synced = town.product.sync()
    assert synced.counts["identified_again"] == 1, synced
    assert town.signer(case).state is PersonState.IDENTIFIED


def test_disturbed_drop_is_told_and_the_next_full_table_heals(town: Town) -> None:
    town.running.client.set_faults([Fault(name="file-partial", system="juki_drops", operation="link_full", times=1)])
    town.running.client.drop_links("full")
    told = town.product.sync()
    assert told.state is JobState.FAILED
    assert "links: " in told.message
    town.running.client.clear_faults()
    town.running.client.drop_links("full")
    again = town.product.sync()
    assert again.counts["links"] >= len(town.running.world.links())
