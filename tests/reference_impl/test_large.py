"""A package near the limits, through the whole product: taken in and handed out in bounded memory."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import sleep

import pytest
from sqlalchemy import func, select

from fixtures.hostile.draft import Draft
from fixtures.world import World
from interface_spec import control
from interface_spec.control import Ingestion, JobState
from interface_spec.profile import load_profile
from mock_services.models import ApplicationMeta
from reference_impl.shinsei_kanri.storage import database, tables
from shinsei_testbed import module_command
from testbed.postgres import EmbeddedServer
from tests.reference_impl.product import (
    KEYS,
    Product,
    Running,
    product_environment,
    running_product,
    running_world,
    start_of,
)
from tests.reference_impl.test_hostile import MOST_MIB, peak_mib

pytestmark = pytest.mark.long

MIB = 1 << 20
NOISE, EMPTY = 49 * MIB, 14 * MIB
"""One attachment that does not get smaller, and one that nearly disappears: together as much as may be unpacked."""


def large_package(world: World, name: str) -> tuple[ApplicationMeta, bytes, list[bytes]]:
    """(what the list says, ZIP, attachments)."""
    draft = Draft(world.prepared(name, name), world.writer)
    one = draft.prepared.submission
    noise = random.Random(1).randbytes(NOISE)  # noqa: S311 — only to be incompressible
    contents = [b"%PDF-1.7\n" + noise, b"\xff\xd8\xff" + bytes(EMPTY)]
    parts = [entry.part for entry in draft.entries if "/attachments/" in draft.name(entry.part)]
    for row, (part, content) in enumerate(zip(parts, contents, strict=True), 1):
        draft.change(part, data=content)
        draft.set_value("attachments", "size", row, str(len(content)))
        draft.set_value("attachments", "sha256", row, hashlib.sha256(content).hexdigest())
    meta = ApplicationMeta(
        receipt_no=one.receipt_no,
        procedure_id=one.procedure.id,
        dantai_code=one.dantai_code,
        received_at=one.received_at,
        arrived_at=one.received_at,
    )
    return meta, draft.write(), contents


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Product, str]]:
    """The world, the product and the URL of its database."""
    world, folder = World(seed=31, reference_date=date(2026, 11, 23)), tmp_path_factory.mktemp("large")
    now, url = start_of(world), server.create_database("large")
    with running_world(folder, world, now) as running, running_product(running, url, now) as product:
        yield running, product, url


def peak_of(command: str, file: Path, running: Running, database_url: str) -> float:
    """Do ``command`` with ``file`` to its end; the most memory that it ever had, in MiB."""
    now = start_of(running.world)
    environment = product_environment(running, database_url, now, file.with_suffix(".ready"))
    words = module_command("reference_impl.shinsei_kanri", command, str(file))
    most = 0.0
    with subprocess.Popen(words, env=os.environ | environment) as process:
        while process.poll() is None:
            most = max(most, peak_mib(process.pid))
            sleep(0.02)
    assert process.returncode == 0
    return most


@pytest.mark.slow
def test_packages_near_the_limits_pass_in_bounded_memory(
    town: tuple[Running, Product, str], server: EmbeddedServer, tmp_path: Path
) -> None:
    """Taken in, handed out, backed up and restored."""
    running, product, original = town
    profile = load_profile()
    surface = profile.surfaces["handover"]
    running.put_registers()
    assert product.sync().state is JobState.DONE
    sent: dict[str, list[bytes]] = {}
    for name in ("k01-plain", "k01-plain#2"):  # at the same time: their room is shared
        meta, body, contents = large_package(running.world, name)
        assert len(body) > 0.95 * profile.limit("package_bytes")
        assert sum(map(len, contents)) > 0.95 * profile.limit("unpacked_bytes")
        running.client.load_application(meta, body)
        sent[meta.receipt_no] = contents
    small = running.load("k01-plain#5", "k01-plain#6")
    done = product.import_now()
    assert (done.state, done.counts["stored"]) == (JobState.DONE, len(sent) + len(small)), done
    assert peak_mib(product.pid) < MOST_MIB

    for receipt_no, contents in sent.items():
        assert product.application(receipt_no).ingestion is Ingestion.STORED
        product.complete(receipt_no)
        for seq, content in enumerate(contents, 1):
            path = control.ATTACHMENT.format(receipt_no=receipt_no, seq=seq)
            assert product.http.get(path).raise_for_status().content == content
            given = product.http.get(
                surface.operations["attachment"].path.format(receiptNo=receipt_no, seq=seq),
                headers={surface.auth_header: KEYS["jido_teate"]},
            )
            assert (given.status_code, given.content) == (200, content)
    assert peak_mib(product.pid) < MOST_MIB

    backup, restored = tmp_path / "backup.zip", server.create_database("large-again")
    assert 0 < peak_of("backup", backup, running, original) < MOST_MIB
    assert 0 < peak_of("restore", backup, running, restored) < MOST_MIB
    assert kept(restored) == kept(original)


def kept(database_url: str) -> list[tuple[str, ...]]:
    """Keys, sizes and digests of all stored files."""
    engine = database.connect(database_url)
    try:
        with engine.connect() as connection:
            return [
                tuple(map(str, row))
                for table in (tables.packages, tables.form_pdfs, tables.attachments)
                for row in connection.execute(
                    select(*table.primary_key.columns, func.sha256(table.c.body)).order_by(*table.primary_key.columns)
                )
            ]
    finally:
        engine.dispose()
