"""`shinsei profile`, `shinsei spec` and `shinsei requirements` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from interface_spec.requirements import load_requirements
from testbed.cli import main
from tests.interface_spec.overlays import ODD


def shinsei(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["shinsei", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.toml"
    file.write_text('[surfaces.download.operations.list.row.size]\nwire = "receiptNo"\n', encoding="utf-8")
    return file


def test_a_good_overlay_is_said_to_be_good(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert shinsei(monkeypatch, "profile", "check", str(ODD)) == 0
    assert "download: cursor-paging" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[surfaces.download.operations.list.row.size]\nwire = "receiptNo"\n', "share one wire name"),
        ('[surfaces.download.operations.list.row.receipt_n]\nwire = "r"\nja = "x"\ntype = "X"\n', "receipt_no"),
        ('[package.documents.form.row.wert]\nwire = "r"\nja = "x"\ntype = "X"\n', "package.documents.form"),
        ('[surfaces.download]\ndialect = "cursor-paging"\n[dialects.cursor-paging]\nserver = "x:Y"\n', "x:Y"),
    ],
)
def test_a_wrong_overlay_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    assert shinsei(monkeypatch, "profile", "check", str(file)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{file}: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_profile_can_be_shown_and_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert shinsei(monkeypatch, "profile", "show", "--overlay", str(ODD), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["surfaces"]["download"]["operations"]["list"]["rows"] == "KEN"
    assert shinsei(monkeypatch, "profile", "show") == 0
    assert "申請データ一覧取得" in capsys.readouterr().out
    other = tmp_path / "other.toml"
    other.write_text("[limits]\nlist_page = { value = 7 }\n", encoding="utf-8")
    assert shinsei(monkeypatch, "profile", "diff", str(other), "--json") == 0
    assert json.loads(capsys.readouterr().out) == [{"place": "limits.list_page.value", "old": 100, "new": 7}]
    assert shinsei(monkeypatch, "profile", "diff", str(other), str(other)) == 0
    assert "0 件の違い" in capsys.readouterr().out


def test_the_specification_is_built_and_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, bad: Path
) -> None:
    out = tmp_path / "my-if"
    assert shinsei(monkeypatch, "spec", "build", "--check") == 0
    assert shinsei(monkeypatch, "spec", "build", "--overlay", str(ODD)) == 2
    assert "--out" in capsys.readouterr().err
    assert shinsei(monkeypatch, "spec", "build", "--overlay", str(ODD), "--out", str(out)) == 0
    assert "/shinsei/v9/zip" in (out / "if-download.html").read_text(encoding="utf-8")
    assert shinsei(monkeypatch, "spec", "build", "--out", str(out), "--check") == 1
    assert "if-download.html: 古く" in capsys.readouterr().err
    assert shinsei(monkeypatch, "spec", "build", "--overlay", str(bad), "--out", str(out)) == 2
    assert shinsei(monkeypatch, "spec", "build", "--out", str(bad)) == 2
    assert "書けません" in capsys.readouterr().err


def test_coverage_counts_every_requirement_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shinsei(monkeypatch, "requirements", "coverage", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in rows] == list(load_requirements())
    by_id = {one["id"]: one for one in rows}
    assert by_id["AM-3.1-01"]["state"] == "check"
    assert by_id["AM-3.1-01"]["checks"] == ["AM-3.1-01a"]
    assert {one["state"] for one in rows} >= {"check", "unchecked"}
    assert shinsei(monkeypatch, "requirements", "coverage", "--role", "am", "--level", "必須", "--rows") == 0
    assert "AM-3.1-01a" in capsys.readouterr().out
    assert shinsei(monkeypatch, "requirements", "coverage", "--role", "nobody") == 2


def test_the_inquiry_sheet_asks_every_requirement_of_a_role(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "rfi.xlsx"
    assert shinsei(monkeypatch, "requirements", "rfi", str(out), "--role", "am", "--role", "mun") == 0
    book = load_workbook(out)
    assert book.sheetnames == ["表紙", "am 申請管理システム", "mun 団体（自治体）"]
    sheet = book["am 申請管理システム"]
    head = [str(cell.value) for cell in sheet[1]]
    asked = [row[head.index("要件ID")] for row in sheet.iter_rows(min_row=2, values_only=True)]
    wanted = [one.id for one in load_requirements().values() if one.set == "tejunsho-1.0" and "am" in one.roles]
    assert asked == wanted
    rules = list(sheet.data_validations.dataValidation)
    assert [one.formula1 for one in rules] == ['"◎,○,△,×"']
    assert "am: " in capsys.readouterr().out
    assert shinsei(monkeypatch, "requirements", "rfi", str(tmp_path / "rfi.csv")) == 2
    assert shinsei(monkeypatch, "requirements", "rfi", str(tmp_path / "no" / "rfi.xlsx")) == 2
