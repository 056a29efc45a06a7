"""What the wheel holds: our packages with their data below shinsei_testbed, and nothing else."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.foundation.wheels import FLAT, ROOT, build_wheel

DATA = ("profile.toml", "page.html", "mail.j2", "pool/test-01.pem", "static/style.css", "areas.csv.gz", "py.typed")


def copy_metadata(target: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy2(ROOT / name, target / name)
    shutil.copytree(ROOT / "shinsei_testbed", target / "shinsei_testbed")


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_every_file_of_ours_is_in_the_wheel(tmp_path: Path) -> None:
    expected = {
        f"shinsei_testbed/_lib/{path.relative_to(ROOT).as_posix()}"
        for folder in FLAT
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = names(build_wheel(ROOT, tmp_path))
    assert "shinsei_testbed/_lib/testbed/postgres_watch.py" in found
    assert expected - found == set()
    assert {name for name in found if ".dist-info/" not in name} - expected == {
        "shinsei_testbed/__init__.py",
        "shinsei_testbed/__main__.py",
        "shinsei_testbed/bridge.py",
        "shinsei_testbed/faker.py",
        "shinsei_testbed/pytest_plugin.py",
    }


@pytest.mark.parametrize("folder", FLAT)
def test_data_goes_along_and_the_rest_stays(tmp_path: Path, folder: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    copy_metadata(source)
    for package in (*FLAT, "tests", "benchmarks", "docs", "tools"):
        (source / package / "deep" / "__pycache__").mkdir(parents=True)
        (source / package / "__init__.py").touch()
        (source / package / "deep" / "__pycache__" / "x.cpython-311.pyc").touch()
    for name in DATA:
        path = source / folder / "deep" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"data")
    found = names(build_wheel(source, tmp_path / "wheels"))
    assert {f"shinsei_testbed/_lib/{folder}/deep/{name}" for name in DATA} <= found
    assert {name.split("/")[2] for name in found if "/_lib/" in name} == set(FLAT)
    assert {name.split("/")[0] for name in found} == {"shinsei_testbed", "shinsei_testbed-0.1.0.dist-info"}
    assert not [name for name in found if "__pycache__" in name or name.endswith(".pyc")]
    assert "shinsei_testbed-0.1.0.dist-info/licenses/LICENSE" in found
