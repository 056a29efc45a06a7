"""Pictures whose content is not at hand are listed and bind nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from interface_spec.figures import load_figures, read_figures
from interface_spec.requirements import load_requirements

PICTURES = {3, 4, 5, 10, 11, *range(14, 20), 21, 22, *range(24, 30)}
TABLES = {12, 13, 20, 23}
GOOD = '[[figure]]\nno = 3\nja = "図の題"\nen = "Title"\nclause = "1章"\naround = "前後の文。"\n'


def _folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "kaku").mkdir()
    (tmp_path / "kaku" / "zuhan.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_every_picture_of_the_tejunsho_is_listed() -> None:
    figures = load_figures()["tejunsho-1.0"]
    assert set(figures) == PICTURES
    assert not set(figures) & TABLES
    assert {one.state for one in figures.values()} == {"図版未入手"}
    assert all(one.around.endswith("。") for one in figures.values())


def test_no_row_stands_on_a_picture_alone() -> None:
    figures = load_figures()["tejunsho-1.0"]
    for one in load_requirements().values():
        cited = {int(number) for number in re.findall(r"図表(\d+)", one.clause)}
        if one.level == "必須" and cited & set(figures):
            assert re.search(r"[0-9]章", one.clause), one.id
            assert one.wording.startswith("「"), one.id


def test_the_list_is_not_read_as_requirements() -> None:
    assert not any("図版未入手" in one.ja for one in load_requirements().values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + GOOD, "二度あります"),
        (GOOD.replace("[[figure]]", "[[figures]]"), "知らない項目です"),
        (GOOD.replace("around", "arround"), "必須の項目がありません"),
        (GOOD.replace("no = 3", "no = 0"), "no"),
        (GOOD + 'state = "入手済"\n', "図版未入手"),
        (GOOD + "[", "TOML として読めません"),
    ],
)
def test_a_mistake_in_the_list_is_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected) as caught:
        read_figures(_folder(tmp_path, text))
    assert str(caught.value).startswith("kaku/zuhan.toml")
