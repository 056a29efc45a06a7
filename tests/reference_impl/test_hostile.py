"""The hostile corpus through the whole product: right outcome, bounded memory, and the next application is served."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from fixtures.hostile.corpus import build_all, load_corpus
from fixtures.world import World
from interface_spec import control
from interface_spec.control import ApplicationPage, Ingestion, JobState
from interface_spec.profile import load_profile
from mock_services.models import ApplicationMeta
from reference_impl.shinsei_kanri.records import Listed
from reference_impl.shinsei_kanri.unpack import package
from reference_impl.shinsei_kanri.unpack.errors import RefusedPackage
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import Product, running_product, running_world, start_of

WANTED = {"accept": Ingestion.STORED, "refuse": Ingestion.QUARANTINED}
MOST_MIB = 256


def test_every_package_has_the_outcome_that_the_corpus_names() -> None:
    world, profile, wrong = World(seed=1, reference_date=date(2026, 11, 23)), load_profile(), list[str]()
    for one in build_all(world):
        moment, size = one.received_at, len(one.zip_bytes)
        row = Listed(one.receipt_no, one.procedure_id, one.dantai_code, moment, moment, size, one.sha256)
        try:
            package.unpack(one.zip_bytes, row, profile)
            outcome, reason = "accept", ""
        except RefusedPackage as refusal:
            outcome, reason = "refuse", str(refusal)
        if outcome != one.recipe.outcome or (reason and " / " not in reason):
            wrong.append(f"{one.recipe.name}: {outcome} {reason}")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.long
def test_whole_corpus_through_the_product_in_bounded_memory(server: EmbeddedServer, tmp_path: Path) -> None:
    world = World(seed=1, reference_date=date(2026, 11, 23))
    url, now = server.create_database("hostile"), start_of(world)
    wanted: dict[str, Ingestion] = {}
    with running_world(tmp_path, world, now) as running:
        for one in build_all(world):
            meta = ApplicationMeta(
                receipt_no=one.receipt_no,
                procedure_id=one.procedure_id,
                dantai_code=one.dantai_code,
                received_at=one.received_at,
                arrived_at=one.received_at,
            )
            running.client.load_application(meta, one.zip_bytes)
            wanted[one.receipt_no] = WANTED[one.recipe.outcome]
        assert len(wanted) == len(load_corpus())
        with running_product(running, url, now) as product:
            done = product.import_now()
            assert (done.state, done.counts["failed"]) == (JobState.DONE, 0), done.message
            assert outcomes(product) == wanted
            (honest,) = running.load("k01-plain#2")
            assert product.import_now().counts["stored"] == 1
            assert product.application(honest.receipt_no).ingestion is Ingestion.STORED
            assert 0 < peak_mib(product.pid) < MOST_MIB


def outcomes(product: Product) -> dict[str, Ingestion]:
    page = ApplicationPage.model_validate(product.http.get(control.APPLICATIONS, params={"limit": 1000}).json())
    return {one.receipt_no: one.ingestion for one in page.items}


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had (Linux); 0 when it is just ending."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found is not None else 0.0
