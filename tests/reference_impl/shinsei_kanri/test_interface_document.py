"""図表22: the document that a core system's vendor gets is that of the installed profile, complete, and escaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from interface_spec.procedures import load_procedures
from interface_spec.profile import Profile, load_profile
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.interface_document import Document, document, fingerprint, html

ODD = Path(__file__).parents[1] / "odd.toml"
NOW = datetime(2026, 11, 23, 9, tzinfo=JST)
CORE = "jido_teate"
PROCEDURES = {name: load_procedures()[name] for name in ("K01", "C01")}


def made(profile: Profile, *, by_files: bool = False) -> Document:
    return document(profile, PROCEDURES, CORE, "132012", NOW, by_files=by_files)


def texts(page: str) -> set[str]:
    tree = etree.fromstring(page, etree.HTMLParser())
    return {str(text).strip() for text in tree.itertext() if text.strip()}


@pytest.mark.parametrize("profile", [load_profile(), load_profile("baseline", ODD)], ids=["baseline", "odd"])
def test_every_call_item_code_and_form_item_of_the_installed_profile_is_there(profile: Profile) -> None:
    found = texts(html(made(profile)))
    for call in profile.surfaces["handover"].operations.values():
        if call.declared:
            assert f"{call.method} {call.path}" in found
            items = [*call.request.values(), *call.response.values(), *call.row.values()]
            assert {item.wire for item in items} <= found
            assert {
                value.wire for item in items if item.codes for value in profile.codes[item.codes].values.values()
            } <= found
    for error in profile.surfaces["handover"].errors.values():
        assert error.code in found
    assert {item.id for item in PROCEDURES["K01"].items} <= found
    only_elsewhere = {item.id for item in PROCEDURES["C01"].items} - {item.id for item in PROCEDURES["K01"].items}
    assert not only_elsewhere & found
    assert fingerprint(profile) in found


def test_core_system_served_by_files_gets_the_files() -> None:
    page = html(made(load_profile(), by_files=True))
    found = texts(page)
    for name in ("handover", "core_results"):
        drop = load_profile().drops[name]
        for file in drop.files.values():
            assert {item.wire for item in file.row.values()} <= found
        assert drop.folder.replace("{core_system}", CORE) in found
    assert "通信仕様" not in found
    assert "ファイル受渡し" in found


def test_fingerprint_tells_agreements_apart() -> None:
    plain, odd = load_profile(), load_profile("baseline", ODD)
    assert fingerprint(plain) == fingerprint(load_profile())
    assert fingerprint(plain) != fingerprint(odd)


def test_other_core_systems_get_none_and_values_are_escaped() -> None:
    with pytest.raises(LookupError):
        document(load_profile(), PROCEDURES, "hoiku", "132012", NOW, by_files=False)
    assert "<b>x" not in html(replace(made(load_profile()), dantai_code="<b>x"))
