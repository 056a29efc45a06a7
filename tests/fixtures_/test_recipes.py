"""Case files are checked when they load: a slip is one sentence that names the file, the case and the fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fixtures.cases import recipes
from fixtures.deviations import DEVIATIONS, deviation
from fixtures.draw import Draw
from fixtures.errors import FixtureError
from fixtures.forms import Occasion, typed_items
from fixtures.people.areas import fictional
from fixtures.people.shapes import BLOCK_RESIDENTS
from fixtures.population import Population
from interface_spec.errors import SpecError
from interface_spec.procedures import Procedure, load_procedures

CASE = """
[[case]]
name = "x-one"
ja = "x"
procedure = "K01"
shape = "single"
slot = 0
minutes = 100
reason = "x"
"""


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (CASE.replace("minutes = 100", "minutes = 100\nminuts = 3"), "minuts"),
        (CASE.replace('"single"', '"sinlge"'), "sinlge"),
        (CASE.replace("minutes = 100", "minutes = 5000"), "minutes"),
        (CASE.replace("minutes = 100", "minutes = 100\narrival = 100"), "3日"),
        (CASE.replace("minutes = 100", 'minutes = 100\nsigner = "child1"'), "child1"),
        (CASE + 'deviations = [{ use = "without-seriall" }]', "without-serial"),
        (CASE + 'deviations = [{ use = "card-known", knwon = "late" }]', "knwon"),
        (CASE + 'deviations = [{ use = "double", shape = "single", slot = 3, same = ["nam"] }]', "nam"),
        (CASE + CASE, "x-one"),
        (CASE + CASE.replace("x-one", "y-one"), "x"),
        (CASE + 'deviations = [{ use = "typed-as", shape = "couple", slot = 1 }]'
         + CASE.replace("x-one", "y-one").replace('"single"\nslot = 0', '"couple"\nslot = 1'), "couple"),
    ],
)  # fmt: skip
def test_a_slip_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, hint: str) -> None:
    (tmp_path / "10-x.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(recipes, "_HERE", tmp_path)
    with pytest.raises(SpecError, match=hint) as caught:
        recipes.load_recipes.__wrapped__()
    assert str(caught.value).startswith("10-x.toml")


def test_a_good_file_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "10-x.toml").write_text(CASE, encoding="utf-8")
    monkeypatch.setattr(recipes, "_HERE", tmp_path)
    assert list(recipes.load_recipes.__wrapped__()) == ["x-one"]


def test_every_deviation_is_used_documented_and_named_once() -> None:
    used = {entry["use"] for recipe in recipes.load_recipes().values() for entry in recipe.deviations}
    assert used == set(DEVIATIONS)
    assert all(kind.__doc__ for kind in DEVIATIONS.values())


def test_unknown_deviation_suggests() -> None:
    with pytest.raises(FixtureError, match="renewed-card"):
        deviation({"use": "renewd-card"})


@pytest.mark.parametrize("procedure", load_procedures().values(), ids=lambda one: one.id)
def test_any_procedure_can_be_typed(procedure: Procedure) -> None:
    """A procedure added as data needs no code here: every required item has a value that fits its type."""
    city = fictional("991236", "架空湊市", "架空県", 1000)
    population = Population(Draw("test"), date(2026, 11, 24), city, 2 * BLOCK_RESIDENTS)
    head, spouse, *children = population.members(population.household_of_shape("couple-2", 0))
    at_home = (head, spouse, *children)
    occasion = Occasion(head, spouse, spouse, tuple(children), date(2026, 11, 23), Draw("form"), at_home)
    items = typed_items(procedure, occasion)
    specs = {spec.id: spec for spec in procedure.items}
    assert {item.item_id for item in items} == set(specs)
    for item in items:
        spec = specs[item.item_id]
        assert len(item.value) <= spec.length
        assert item.value or not spec.required
        if spec.type == "choice":
            assert item.value in spec.choices
        if spec.type == "date":
            assert date.fromisoformat(item.value).isoformat() == item.value
        if spec.type == "flag":
            assert item.value in ("0", "1")
        if spec.type == "integer":
            assert item.value.isdigit()
    for name, group in procedure.groups.items():
        count = max((item.occurrence for item in items if item.group == name), default=0)
        assert group.least <= count <= group.most
