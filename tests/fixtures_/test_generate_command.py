"""``shinsei generate``: files, counts, one sentence for a mistake."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.suites.package.validate import Validator
from interface_spec.profile import load_profile
from testbed.cli.app import app

DAY = ("--date", "2026-11-24", "-q")


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["generate", *words])
    return result.exit_code, result.output


def test_residents_as_csv_and_json_lines_are_the_same(tmp_path: Path) -> None:
    for name in ("r.csv", "r.jsonl"):
        code, output = run(
            "residents", "--count", "9000", "--out", str(tmp_path / name), "--municipality", "141003", *DAY
        )
        assert code == 0
        assert "横浜市" in output
        assert "3,777,491（令和2年国勢調査、二次情報" in output
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(table) == len(lines) == 9000
    assert [{name: str(value) for name, value in line.items()} for line in lines] == table
    assert len({line["juminhyo_code"] for line in lines}) == 9000


def test_packages_and_their_index(tmp_path: Path) -> None:
    out = tmp_path / "p"
    code, _ = run("packages", "--count", "6", "--procedure", "C01", "--seed", "4", "--out", str(out), *DAY)
    assert code == 0
    rows = [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(list(out.glob("*.zip"))) == 6
    for row in rows:
        assert row["procedure_id"] == "C01"
        assert Validator().validate_file(out / f"{row['receipt_no']}.zip").conforming


def test_hostile_packages_and_their_reasons(tmp_path: Path) -> None:
    out = tmp_path / "h"
    code, _ = run("hostile", "--count", "12", "--out", str(out), *DAY)
    assert code == 0
    rows = [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 12
    for row in rows:
        assert row["reason"]
        report = Validator().validate_file(out / f"{row['name']}.zip")
        assert report.conforming == (row["outcome"] == "accept")


def test_hostile_packages_of_another_procedure_and_what_was_left_out(tmp_path: Path) -> None:
    out = tmp_path / "h"
    code, output = run("hostile", "--procedure", "S02", "--out", str(out), *DAY)
    assert code == 0
    rows = [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["procedure_id"] for row in rows} == {"S02"}
    assert len(rows) > 280
    assert "signature-serial-only" in output


def test_packages_of_one_variant_in_one_encoding(tmp_path: Path) -> None:
    out = tmp_path / "p"
    words = ("--count", "3", "--variant", "agent", "--encoding", "csv-cp932-cp932-names", "--procedure", "C01")
    code, _ = run("packages", *words, "--out", str(out), *DAY)
    assert code == 0
    rows = [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["variant"] for row in rows} == {"agent"}
    validator = Validator(load_profile("baseline", out / "profile.toml"))
    for file in out.glob("*.zip"):
        assert validator.validate_file(file).conforming
        assert not Validator().validate_file(file).conforming


def test_duplicates_start_where_something_stands_before(tmp_path: Path) -> None:
    code, _ = run("packages", "--count", "2", "--variant", "duplicate", "--out", str(tmp_path / "p"), *DAY)
    assert code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("residents", "--municipality", "123456"),
        ("residents", "--municipality", "480002"),
        ("residents", "--municipality", "013943", "--count", "99999999"),
        ("packages", "--procedure", "X1"),
        ("packages", "--overlay", "missing.toml"),
        ("packages", "--variant", "sideways"),
        ("packages", "--variant", "several", "--procedure", "C01"),
        ("packages", "--encoding", "utf-16"),
        ("hostile", "--procedure", "V01"),
        ("residents", "--out", "/proc/none/r.csv"),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    extra = () if "--out" in words else ("--out", str(tmp_path / "o"))
    code, output = run(*words, *extra, *DAY)
    assert code == 2
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1
