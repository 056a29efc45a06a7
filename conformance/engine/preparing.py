"""What is made and looked at before the first round: the town's registers, who is known, whether the product is ready."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING

from conformance.adapters.base import Adapter, AdapterProblem
from conformance.catalogue import UNDISTURBED, load_catalogue
from conformance.engine.masking import Masker, masker_of
from conformance.engine.truth import truth_of
from conformance.plan import Plan
from conformance.sharing import editions, filling
from conformance.target import Target, TargetError, others
from fixtures.cases.model import AtenaRow
from fixtures.outline import AGAIN
from mock_services.control import AtenaRecord, LinkRecord, WorldClient

if TYPE_CHECKING:
    from fixtures.world import World


def populate(client: WorldClient, world: World) -> None:
    """番号紐付情報 and 宛名情報 of the town."""
    client.put_links([LinkRecord(**vars(row)) for row in world.links()])
    for core in world.core_systems():
        client.put_atena(core, [AtenaRecord(**vars(row)) for row in world.atena(core)])


def may_be_sent(plan: Plan) -> set[str]:
    """Names of all applications that the run may send."""
    planned = {case for one in plan.rounds for case in one.cases}
    if not plan.shared:
        return planned
    again = {case + AGAIN for one in plan.rounds if one.id != UNDISTURBED for case in one.cases}
    windows = load_catalogue(plan.role).windows
    fillers = filling(windows, {one.id: one.cases for one in plan.rounds})
    behind = editions(windows)
    late = {case + behind[one.id] for one in plan.rounds if one.id in behind for case in one.cases}
    return planned | again | late | {name for names in fillers.values() for name in names}


def everybody(world: World, plan: Plan, *, show: bool) -> Masker:
    """Knows everybody of the town and every application of this run."""
    cases = [world.case(name) for name in sorted(may_be_sent(plan))]
    names = tuple(one.name for one in fields(AtenaRow))
    people = [str(getattr(row, name)) for core in world.core_systems() for row in world.atena(core) for name in names]
    people += [one for row in world.links() for one in (row.serial, row.atena_no)]
    return masker_of([truth_of(case) for case in cases], people, show=show)


def preflight(adapter: Adapter, target: Target, plan: Plan, kept: Collection[str], world: World) -> set[str]:
    """The product answers, knows our token and holds nothing that it has yet to take in. TargetError otherwise.

    Of a run that is gone on with and whose imports are shared: ids of the rounds that had begun before it was cut short;
    their applications are there already, so they are played with others.
    """
    try:
        adapter.health()
        present = {one.receipt_no for one in adapter.applications()}
    except AdapterProblem as error:
        raise TargetError("endpoints.control", error.ja, error.en) from None
    ours = {world.case(name).receipt_no for name in may_be_sent(plan)}
    begun, held = set[str](), set[str]()
    behind = editions(load_catalogue(plan.role).windows) if plan.shared else {}
    for one in plan.rounds:
        names = {name + edition for name in one.cases for edition in ("", behind.get(one.id, ""))}
        found = present & {world.case(name).receipt_no for name in names} if one.id not in kept else set[str]()
        if found and kept and plan.shared and one.id != UNDISTURBED:
            begun.add(one.id)
            found = present & {world.case(name + AGAIN).receipt_no for name in one.cases}
        held |= found
    if held:
        first = min(held)
        raise TargetError(
            "run.seed",
            f"製品はこの実施の申請をすでに {len(held)} 件持っています（{first} など）。製品を空にするか、--seed を変えてください",
            f"the product already holds {len(held)} applications of this run ({first} …): empty it or change --seed",
        )
    if (present - ours) and not target.run.other_applications:
        raise TargetError("run.other_applications", *others(len(present - ours)))
    return begun
