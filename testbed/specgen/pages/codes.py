"""Every code list, and the check digits of identifiers."""

from __future__ import annotations

from interface_spec.profile import Profile
from testbed.specgen.model import Cell, Facts, Page, Section
from testbed.specgen.tables import check_digit_table, code_table


def page(profile: Profile) -> Page:
    sections = tuple(
        Section(
            one.ja,
            name,
            (
                Facts((("コード表", Cell(name, code=True)), ("出所", Cell(one.provenance, tone=one.provenance)))),
                code_table(one, ""),
            ),
        )
        for name, one in profile.codes.items()
    )
    sections += tuple(
        Section(one.ja, f"check-digit-{name}", (check_digit_table(one),)) for name, one in profile.check_digits.items()
    )
    return Page("codes", "コード表", "通信に現れる値と、その意味", sections, group="共通")
