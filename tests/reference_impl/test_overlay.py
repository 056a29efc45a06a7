"""A profile overlay really changes the wire, on the reading and on the serving side, without touching code."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fixtures.world import World
from interface_spec.control import Method
from interface_spec.errors import SpecError
from interface_spec.profile import load_profile
from mock_services.models import PullPlan
from reference_impl.shinsei_kanri.wiring import canonical
from tests.reference_impl.product import KEYS, running_product, running_world, start_of

ODD = Path(__file__).parent / "odd.toml"


def test_chain_works_under_an_odd_profile(database_url: str, tmp_path: Path) -> None:
    world = World(seed=3, reference_date=date(2026, 11, 23), profile=load_profile("baseline", ODD))
    names = ["k01-plain", "k01-plain#2", "k01-plain#3", "k01-serial-only", "k01-basic4-only", "c01-family"]
    with running_world(tmp_path, world, start_of(world), ODD) as running:
        running.put_registers()
        cases = running.load(*names)
        with running_product(running, database_url, start_of(world), ODD) as product:
            assert product.sync().message.startswith("番号紐付情報と宛名情報を")
            imported = product.import_now()
            assert imported.counts["stored"] == len(names), imported.message
            for case in cases:
                found = product.application(case.receipt_no)
                assert [item.value for item in found.items] == [item.value for item in case.truth.items]
                assert found.arrived_at == case.arrived_at
                assert case.truth.signer is not None
                signer = found.persons[0]
                assert signer.method is Method(case.truth.signer.identifiable)
                assert signer.atena_no == case.truth.signer.numbers[signer.core_system]
                product.complete(case.receipt_no)
            for core_system, count in (("jido_teate", 5), ("kaigo", 1)):
                plan = PullPlan(base_url=product.url, api_key=KEYS[core_system])
                result = running.client.pull(core_system, plan)
                assert result.problems == []
                assert [one.problems for one in result.received] == [[]] * count
                assert [status for _, status in result.acks] == [200] * count
            targets = {
                (one.method, one.target.partition("?")[0]) for one in running.client.exchanges(system="download")
            }
            assert ("POST", "/v9/ichiran") in targets
            assert ("PUT", "/v9/auth") in targets


@pytest.mark.parametrize(
    ("overlay", "place"),
    [
        ('[surfaces.download.operations.list.row]\nreciept_no = { wire = "x", ja = "x", type = "X" }\n', "reciept_no"),
        ('[codes.core_result.values]\n[codes.x]\nja="x"\n[codes.x.values]\na = { wire = "1", ja = "a" }\n', None),
        ('[surfaces.link]\nauth = "bearer-login"\n', "surfaces.link.auth"),
        ('[surfaces.handover]\nauth = "none"\n', "surfaces.handover.auth"),
        ('[surfaces.handover.operations.list]\nbody = "csv"\n', "surfaces.handover.list.body"),
        ('[surfaces.download.operations.list.row.size]\ntype = "X"\n', "surfaces.download.list.row.size.type"),
        ('[package.documents.form.row.value]\ntype = "INT"\n', "package.documents.form.value.type"),
        (
            '[surfaces.handover.operations.list.row.completed_at]\nzone = "Asia/Nowhere"\n',
            "surfaces.handover.list.row.completed_at.zone",
        ),
    ],
)
def test_profile_that_this_system_cannot_serve_is_one_sentence(tmp_path: Path, overlay: str, place: str | None) -> None:
    file = tmp_path / "overlay.toml"
    file.write_text(overlay, encoding="utf-8")
    profile = load_profile("baseline", file)
    if place is None:  # an additional code list disturbs nobody
        canonical.check(profile)
        return
    with pytest.raises(SpecError) as caught:
        canonical.check(profile)
    assert place in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
