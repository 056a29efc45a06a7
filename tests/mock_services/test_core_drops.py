"""基幹 as a reader of files: takes what a manifest vouches for, answers it once, and is not harmed by what does not fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from interface_spec.profile import load_profile
from mock_services.core import drops
from mock_services.core.drops import DropCore
from mock_services.models import Answer
from mock_services.surface import json_row, write_csv
from mock_services.wiring import Codec, Record

PROFILE = load_profile()
CODEC = Codec(PROFILE)
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
Touch = Callable[[Path, dict[str, Any]], None]


def drop(root: Path, number: int = 1, receipt_no: str = "R1", touch: Touch | None = None) -> None:
    """One application with one item and one attachment, as a careful product drops it; ``touch`` spoils it."""
    spec = PROFILE.drops["handover"]
    folder = root / spec.folder.format(core_system="kaigo")
    names = {"core_system": "kaigo", "made_at": "20261123100203", "number": f"{number:08d}", "dantai_code": ""}
    photo = b"\x89PNG"
    digest = hashlib.sha256(photo).hexdigest()
    head: Record = {"receipt_no": receipt_no, "procedure_id": "C01", "signer_atena_no": "7", "signer_method": "serial"}
    head |= dict.fromkeys(("received_at", "arrived_at", "imported_at", "completed_at"), NOW)
    item: Record = {
        "receipt_no": receipt_no,
        "item_id": "remarks",
        "label": "備考",
        "occurrence": 1,
        "value": "特になし",
    }
    file: Record = {
        "receipt_no": receipt_no,
        "seq": 1,
        "label": "写し",
        "file_name": "a.png",
        "size": 4,
        "sha256": digest,
    }
    files = {
        spec.files[name].name.format(**names): write_csv(CODEC, spec.text, spec.files[name].row, [row])
        for name, row in (("applications", head), ("items", item), ("attachments", file))
    }
    files[spec.attachments.format(receipt_no=receipt_no, seq=1, file_name="a.png")] = photo
    stated: list[Record] = [
        {"name": name, "records": 1, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    values: Record = {"kind": "handover", "number": number, "made_at": NOW, "core_system": "kaigo", "applications": 1}
    manifest: dict[str, Any] = {one.wire: CODEC.json(one, values[name]) for name, one in spec.manifest.items.items()}
    manifest[spec.manifest.rows] = [json_row(CODEC, spec.manifest.row, one) for one in stated]
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    if touch is not None:
        touch(folder, manifest)
    (folder / spec.manifest.name.format(**names)).write_text(json.dumps(manifest), encoding="utf-8")


def core(root: Path) -> DropCore:
    return DropCore(PROFILE, root, "kaigo", 200)


def test_what_was_dropped_is_taken_and_answered_once(tmp_path: Path) -> None:
    reader = core(tmp_path)
    drop(tmp_path)
    first = reader.visit({}, NOW)
    (got,) = first.received
    assert (first.listed, first.acks, first.problems, got.problems) == (["R1"], [("R1", 200)], [], [])
    assert (got.fields["signer_atena_no"], got.items[0]["value"]) == ("7", "特になし")
    assert got.attachments[0]["real_size"] == 4
    assert reader.visit({}, NOW).listed == []
    answers = sorted((tmp_path / "kekka" / "kaigo").iterdir())
    assert len(answers) == 3
    assert not [one for one in answers if one.suffix == ".tmp"]


def test_what_is_not_answered_is_there_again_and_an_error_is_dropped(tmp_path: Path) -> None:
    reader = core(tmp_path)
    drop(tmp_path)
    assert reader.visit({"R1": Answer(result="none")}, NOW).acks == []
    again = reader.visit({"R1": Answer(result="error", item="account_no", reason="口座番号が違います")}, NOW)
    assert (again.listed, again.acks) == (["R1"], [("R1", 200)])
    (errors,) = (tmp_path / "kekka" / "kaigo").glob("error_*.csv")
    assert "口座番号が違います" in errors.read_text(encoding="utf-8")


def test_drops_of_an_earlier_run_are_nobodys_and_numbers_go_on(tmp_path: Path) -> None:
    drop(tmp_path)
    core(tmp_path)
    before = core(tmp_path)
    assert before.visit({}, NOW).listed == []
    drop(tmp_path, 2, "R2")
    assert before.visit({}, NOW).listed == ["R2"]
    after = core(tmp_path)
    drop(tmp_path, 3, "R3")
    after.visit({}, NOW)
    assert [one.name[-22:-14] for one in sorted((tmp_path / "kekka" / "kaigo").glob("*.json"))] == [
        "00000001",
        "00000002",
    ]


def spoil(change: Callable[[dict[str, Any], str], None]) -> Touch:
    rows = PROFILE.drops["handover"].manifest.rows
    return lambda _folder, manifest: change(manifest, rows)


SPOILED: dict[str, Touch] = {
    "digest": spoil(lambda manifest, rows: manifest[rows][0].update(sha256="0" * 64)),
    "elsewhere": spoil(lambda manifest, rows: manifest[rows][0].update(fileMei="shinsei_../../../../etc/passwd.csv")),
    "missing": spoil(lambda manifest, rows: manifest[rows].pop(0)),
    "other-core": spoil(lambda manifest, _rows: manifest.update(kikanSystemId="jido_teate")),
    "no-rows": spoil(lambda manifest, rows: manifest.update({rows: 7})),
    "binary": lambda folder, _manifest: _write(next(folder.glob("shinsei_*.csv")), b"\xff\xfe\x00"),
    "link": lambda folder, _manifest: _link(next(folder.glob("komoku_*.csv"))),
}


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize("name", sorted(SPOILED))
def test_a_drop_that_its_manifest_does_not_vouch_for_is_not_taken(name: str, tmp_path: Path) -> None:
    reader = core(tmp_path)
    drop(tmp_path, touch=SPOILED[name])
    result = reader.visit({}, NOW)
    assert result.listed == []
    assert len(result.problems) == 1
    assert not (tmp_path / "kekka").exists()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drops, "LARGEST_FILE", 3000)
    reader = core(tmp_path)
    drop(tmp_path, touch=lambda folder, _: _write(next(folder.glob("komoku_*.csv")), b"x" * 4000))
    assert "読めるファイルではありません" in reader.visit({}, NOW).problems[0]
