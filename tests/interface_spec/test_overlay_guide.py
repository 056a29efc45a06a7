"""The guide to overlays: its examples load, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interface_spec.profile import load_profile
from interface_spec.profile.items import DIRECTIVES
from mock_services.dialects import SERVED
from testbed.wired import check_wiring
from tests.interface_spec.overlays import laid_over

GUIDE = Path(__file__).parents[2] / "docs" / "profile-overlay.md"
TEXT = GUIDE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_are_good_overlays(tmp_path: Path, number: int) -> None:
    profile = laid_over(tmp_path, EXAMPLES[number])
    check_wiring(profile)
    assert profile != load_profile()


def test_the_guide_names_what_there_is() -> None:
    assert len(EXAMPLES) == 3
    for directive in set(DIRECTIVES) - {"%"}:
        assert f"%{directive}" in TEXT
    assert " ".join(f"`{one}`" for one in SERVED) in TEXT
    for path in re.findall(r"`([a-z_/]+\.py)`", TEXT):
        assert (GUIDE.parents[1] / path).is_file(), path


def test_dialect_classes_stay_small() -> None:
    for path in (
        GUIDE.parents[1] / "mock_services/dialects/cursor.py",
        GUIDE.parents[1] / "reference_impl/shinsei_kanri/dialects/cursor.py",
    ):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 100
