"""Form values as the procedure's definition types them: the value stays, the type stands beside it."""

from __future__ import annotations

from datetime import date

import pytest

from interface_spec.procedures import FormItemSpec, Procedure, load_procedures
from reference_impl.shinsei_kanri import form_types
from reference_impl.shinsei_kanri.records import FormValue, Typed

BASE = load_procedures()["K01"]


def procedure(*specs: FormItemSpec) -> Procedure:
    return BASE.model_copy(update={"items": specs})


@pytest.mark.parametrize(
    ("kind", "value", "expected", "remarked"),
    [
        ("date", "2026-04-01", Typed("date", day=date(2026, 4, 1)), False),
        ("date", "2026-02-30", Typed("date"), True),
        ("date", "令和8年4月1日", Typed("date"), True),
        ("integer", "-12", Typed("integer", number=-12), False),
        ("integer", "9" * 30, Typed("integer", number=int("9" * 30)), False),
        ("integer", "１２", Typed("integer"), True),
        ("integer", "", Typed("integer"), True),
        ("flag", "1", Typed("flag", flag=True), False),
        ("flag", "false", Typed("flag", flag=False), False),
        ("flag", "yes", Typed("flag"), True),
        ("text", "2026-04-01", Typed("text"), False),
        ("phone", "090-1234-5678", Typed("phone"), False),
        ("postal", "12", Typed("postal"), True),
    ],
)
def test_value_is_read_by_its_type_and_a_misfit_is_remarked(
    kind: str, value: str, expected: Typed, remarked: bool
) -> None:
    spec = FormItemSpec.model_validate({"id": "one", "ja": "項目", "type": kind})
    item = FormValue("one", "項目", "", 1, value)
    assert form_types.typed(procedure(spec), [item]) == [expected]
    assert bool(form_types.remark(procedure(spec), "one", "", value)) is remarked


def test_unknown_item_has_no_type_and_is_remarked() -> None:
    spec = FormItemSpec(id="one", ja="項目", type="date", group="children")
    items = [FormValue("one", "項目", "", 1, "2026-04-01"), FormValue("one", "項目", "children", 1, "2026-04-01")]
    assert form_types.typed(procedure(spec), items) == [Typed(), Typed("date", day=date(2026, 4, 1))]
    assert form_types.remark(procedure(spec), "one", "", "2026-04-01") == form_types.UNKNOWN
    assert form_types.typed(None, items) == [Typed(), Typed()]
