"""番号紐付情報 as files: rows, manifest, numbers, and the disturbances of files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mock_services.juki_cs.system import JukiCsSystem
from mock_services.models import Fault
from tests.mock_services.support import InProcess, in_process, link


@pytest.fixture
def town(tmp_path: Path) -> Iterator[InProcess]:
    world = in_process(tmp_path, juki_cs={})
    world.world.put_links([link("A1"), link("A2", state="revoked")])
    yield world
    world.world.recorder.close()


def drop(world: InProcess, kind: Any) -> tuple[list[list[str]], dict[str, Any], list[str]]:
    """(rows with the header line, manifest, faults) of one drop as it lies there."""
    system = world.world.systems["juki_cs"]
    assert isinstance(system, JukiCsSystem)
    done = system.drop(kind)
    folder = system.drop_root / "himozuke"
    data, manifest = (folder / name for name in done.names)
    rows = (
        list(csv.reader(io.StringIO(data.read_bytes().decode("utf-8", "replace"), newline=""))) if data.exists() else []
    )
    assert not list(folder.glob("*.tmp"))
    return rows, json.loads(manifest.read_text(encoding="utf-8")), done.faults


def test_a_full_drop_says_what_it_holds(town: InProcess) -> None:
    rows, manifest, _ = drop(town, "full")
    assert [row[0] for row in rows] == ["シリアル番号", "A1", "A2"]
    (file,) = manifest.pop("files")
    assert file["kensu"] == 2
    assert file["fileMei"] == "himozuke_zenken_999997_20261010090000.csv"
    assert manifest == {
        "shubetsu": "1",
        "renban": 1,
        "sakuseiNichiji": "2026-10-10T09:00:00+0900",
        "saishuKoshinRenban": 2,
    }


def test_size_and_digest_are_those_of_the_file(town: InProcess, tmp_path: Path) -> None:
    _, manifest, _ = drop(town, "full")
    (file,) = manifest["files"]
    data = (tmp_path / "drops" / "himozuke" / file["fileMei"]).read_bytes()
    assert (file["byteSu"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_differences_go_on_from_the_drop_before(town: InProcess) -> None:
    drop(town, "full")
    town.world.put_links([link("A3")])
    town.world.delete_links(["A1"])
    rows, manifest, _ = drop(town, "diff")
    assert [row[:3] for row in rows[1:]] == [["3", "1", "A3"], ["4", "9", "A1"]]
    assert (manifest["kaishiKoshinRenban"], manifest["saishuKoshinRenban"], manifest["renban"]) == (3, 4, 1)
    rows, manifest, _ = drop(town, "diff")
    assert (len(rows), manifest["renban"], manifest["files"][0]["kensu"]) == (1, 2, 0)


@pytest.mark.parametrize(
    "name", ["file-partial", "file-wrong-totals", "file-wrong-encoding", "file-vanished", "file-out-of-sequence"]
)
def test_a_disturbed_drop_does_not_fit_its_manifest(town: InProcess, name: str) -> None:
    town.world.set_faults([Fault(name=name, system="juki_drops", operation="link_full", times=1)])
    rows, manifest, faults = drop(town, "full")
    assert faults == [name]
    (file,) = manifest["files"]
    right = len(rows) == 3 and file["kensu"] == 2 and manifest["renban"] == 1
    assert not right
    rows, manifest, faults = drop(town, "full")
    assert (len(rows), manifest["files"][0]["kensu"], faults) == (3, 2, [])


def test_a_resent_drop_is_the_one_before(town: InProcess) -> None:
    _, first, _ = drop(town, "full")
    town.tick.seconds += 60
    town.world.set_faults([Fault(name="file-resend", system="juki_drops", times=1)])
    _, again, faults = drop(town, "full")
    assert (again, faults) == (first, ["file-resend"])


def test_an_overlay_moves_the_drop(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(
        '[drops.link_full]\nfolder = "else"\ntext = { encoding = "cp932", bom = false, header = false, newline = "\\n" }\n'
        '[drops.link_full.files.links]\nname = "all_{number}.json"\ncontainer = "json"\nrows = "gyo"\n'
        '[drops.link_full.manifest]\nname = "all_{number}.end"\nrows = "kami"\n',
        encoding="utf-8",
    )
    world = in_process(tmp_path, overlay=overlay, juki_cs={})
    world.world.put_links([link("A1")])
    system = world.world.systems["juki_cs"]
    assert isinstance(system, JukiCsSystem)
    done = system.drop("full")
    assert done.names == ["all_00000001.json", "all_00000001.end"]
    content = json.loads((tmp_path / "drops" / "else" / "all_00000001.json").read_text(encoding="cp932"))
    assert content["gyo"][0]["シリアル番号"] == "A1"
    assert "kami" in json.loads((tmp_path / "drops" / "else" / "all_00000001.end").read_text(encoding="utf-8"))
    world.world.recorder.close()
