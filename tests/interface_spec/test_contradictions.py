"""A profile that contradicts itself, or says something that cannot be read, is refused in one sentence with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from interface_spec.profile import load_profile, profile_names
from tests.interface_spec.overlays import ODD, laid_over

DOWNLOAD = "surfaces.download.operations"
CS = "records.juki_cs.files.full.kinds.certificate.fields"
NEW = 'ja = "x"\ntype = "X"\n'


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (f'[{DOWNLOAD}.list.row.size]\nwire = "receiptNo"\n', "download.operations.list", "同じ名前 'receiptNo'"),
        (f'[{DOWNLOAD}.list.response.total]\nwire = "items"\n', "download.operations.list", "同じ名前 'items'"),
        (f'[{DOWNLOAD}.get]\npath = "/zip/{{no}}"\n', "download.operations.get", "path items differ"),
        (f'[{DOWNLOAD}.get]\npath = "/zip/{{receiptNo"\n', "download.operations.get", "unbalanced"),
        (f'[{DOWNLOAD}.get]\npath = "/zip-{{receiptNo}}"\n', "download.operations.get", "one segment"),
        (f'[{DOWNLOAD}.get]\npath = "zip/{{receiptNo}}"\n', "download.operations.get.path", "does not match"),
        (f'[{DOWNLOAD}.status_list]\npath = "/api/v1/applications"\n', "download", "same call as list"),
        (f'[{DOWNLOAD}.login.request.secret]\nwire = "Authorization"\nplace = "header"\n', "download", "auth header"),
        (f'[{DOWNLOAD}.list.request.limit]\nplace = "body"\n', "download.operations.list", "GET has no body"),
        (f'[{DOWNLOAD}.list.row.received_at]\nformat = "%H:%M %z"\n', "list.row.received_at", "does not tell the day"),
        (f'[{DOWNLOAD}.list.row.received_at]\nformat = "%Y-%m-%d"\n', "list.row.received_at", "needs zone"),
        (f'[{DOWNLOAD}.list.row.received_at]\nformat = "%Y-%m-%d %Q"\n', "list.row.received_at", "%Q"),
        (f"[{DOWNLOAD}.list.row.received_at]\nlength = 10\n", "list.row.received_at", "shorter than"),
        (f"[{DOWNLOAD}.list.row.sha256]\nlength = 32\n", "list.row.sha256", "shorter than"),
        ('[surfaces.link.operations.lookup.row.serial]\nformat = "octal"\n', "lookup.row.serial", "not a serial form"),
        ('[surfaces.link.file]\nencoding = "cp932"\nbom = true\n', "surfaces.link.file", "utf-8 only"),
        ("[surfaces.link.errors.unauthorized]\nstatus = 200\n", "surfaces.link.errors", "at least 400"),
        ('[surfaces.download.errors.bad_token]\ncode = "DL0401"\n', "surfaces.download", "same status and code"),
        ('[package.documents.form]\npath = "{receipt_no}/application.xml"\n', "package", "same entry name"),
        ('[package.documents.form]\npath = "{receipt}/form.xml"\n', "package.documents.form", "{receipt}"),
        ('[package]\nattachment = "{seq/x"\n', "package", "not a template"),
        ('[codes.origin.values.api]\nwire = "1"\n', "codes.origin", "two meanings"),
        ('[codes.nobody]\nja = "x"\nvalues = {}\n', "codes.nobody.values", "at least 1"),
        (f'[{DOWNLOAD}.status_list.row.status]\ncodes = "nowhere"\n', "status_list.row.status", "no such code list"),
        ('[codes.cs_reason.values.issued]\nwire = "100"\n', "full.certificate.reason", "longest code value"),
        ("[limits]\npackage_bytes = { value = 300 }\n", "limits.package_bytes", "below the length"),
        ("[limits]\npackage_entries = { value = 4 }\n", "limits.package_entries", "too few"),
        ("[limits]\nlist_page = { value = 0 }\n", "limits.list_page.value", "at least 1"),
        ("[surfaces.handover.operations.fetch.row.value]\nlength = 200\n", "handover.fetch.row.value", "would be lost"),
        (f"[{CS}.serial]\nlength = 39\n", "kinds.certificate", "leave a gap"),
        (f"[{CS}.valid_from]\noffset = 59\n", "kinds.certificate", "overlap"),
        ("[records.juki_cs]\nrecord_length = 119\n", "kinds.header", "do not fill the record"),
        (f'[{CS}.kind]\nvalue = "H"\n', "kinds.certificate", "used twice"),
        (f'[{CS}.valid_from]\nformat = "%Y/%m/%d"\n', "certificate.fields.valid_from", "shorter than"),
        (
            '[records.juki_cs.files.full.kinds.trailer.fields.certificates]\nof = "person"\n',
            "trailer.fields.certificates",
            "nothing to count",
        ),
        ('[drops.atena.files.persons]\nlike = "atena.list"\n', "drops.atena.files.persons", "no operation with rows"),
        ('[drops.atena.manifest]\nname = "x.tmp"\n', "drops.atena", "temporary name"),
        (
            '[drops.core_results.files.errors]\nname = "koshin_kekka_{core_system}_{made_at}_{number}.csv"\n',
            "core_results",
            "share",
        ),
        ('[surfaces.togo.operations.lookup]\nscope = "032:x:Read"\n', "surfaces.togo", "not among the scopes"),
        ('[surfaces.togo]\nauth = "api-key"\n', "surfaces.togo", "oauth goes with"),
        ('[timings.atena_full]\nat = ["25:00"]\n', "timings.atena_full", "25:00"),
        ('[timings.atena_full]\nkind = "interval"\n', "timings.atena_full", "what the kind needs"),
        ('[surfaces.download]\ndialect = "cursor"\n', "surfaces.download.dialect", "cursor-paging"),
        ('[surfaces.link]\ndialect = "cursor-paging"\n', "surfaces.link.dialect", "another surface"),
        ('[dialects.cursor-paging]\noperations = ["liste"]\n', "dialects.cursor-paging", "no such operation"),
        ('[dialects.cursor-paging]\nserver = "os.system"\n', "dialects.cursor-paging.server", "does not match"),
        (f"[{DOWNLOAD}.lists.row.x]\n{NEW}", "download.operations.lists", "required key is missing"),
        ('[surfaces.download]\nauht_header = "X"\n', "surfaces.download.auht_header", "unknown key"),
    ],
)
def test_a_contradiction_is_one_sentence(tmp_path: Path, text: str, place: str, said: str) -> None:
    with pytest.raises(SpecError) as found:
        laid_over(tmp_path, text)
    sentence = str(found.value)
    assert sentence.startswith(str(tmp_path / "overlay.toml"))
    assert place in sentence
    assert said in sentence
    assert "\n" not in sentence


def test_files_that_are_no_profile_are_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[surfaces", encoding="utf-8")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('ja = "申請"'.encode("cp932"))
    for path, said in (
        (bad, "TOML"),
        (latin, "TOML"),
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "not a folder"),
    ):
        with pytest.raises(SpecError, match=said) as found:
            load_profile("baseline", path)
        assert "\n" not in str(found.value)
    with pytest.raises(SpecError, match="baseline"):
        load_profile("../profiles/baseline")


def test_the_odd_overlay_is_valid_and_changes_nearly_everything_that_it_may() -> None:
    odd, plain = load_profile("baseline", ODD), load_profile()
    assert odd.profile.id == "odd"
    for name in ("download", "link", "atena", "handover"):
        changed = [
            one for one, call in odd.surfaces[name].operations.items() if call.path != plain.operation(name, one).path
        ]
        assert changed, name
    places = {item.place for _, item in odd.items()}
    assert places == {"body", "query", "header", "path"}
    assert {one.container for one in odd.package.documents.values()} == {"csv", "xml"}
    assert {one.encoding for one in odd.package.documents.values()} == {"utf-8", "cp932"}
    assert odd.dialects_in_force().keys() == {"download"}


def test_the_baseline_puts_no_dialect_and_no_status_update_in_force() -> None:
    plain = load_profile()
    assert profile_names() == ("baseline",)
    assert plain.dialects_in_force() == {}
    assert list(plain.surfaces["download"].undeclared) == ["status_update"]
    assert "status_update" not in plain.surfaces["download"].operations


def test_a_profile_may_declare_the_status_update(tmp_path: Path) -> None:
    declared = laid_over(tmp_path, f"[{DOWNLOAD}.status_update]\ndeclared = true\n").surfaces["download"]
    assert declared.operations["status_update"].path == "/api/v1/statuses/{receiptNo}"
    assert declared.undeclared == {}


def test_everything_says_where_it_comes_from() -> None:
    plain = load_profile()
    stated = {one.provenance for _, one in plain.items()} | {one.provenance for _, one in plain.record_fields()}
    assert stated == {"公開", "二次情報", "推定", "仮定"}
    places = {one.place for one in plain.assumptions()}
    assert {
        "surfaces.download.list.row.size",
        "records.juki_cs.full.certificate.reason",
        "timings.import_poll",
    } <= places
    assert "package.verification.serial" not in places


def test_no_person_number_that_must_stay_inside_leaves_the_resident_registry() -> None:
    plain = load_profile()
    outside = [item.ja + item.wire for place, item in plain.items() if not place.startswith("records.")]
    assert outside
    assert not [one for one in outside if "住民票コード" in one or "個人番号" in one]


def test_a_verdict_names_only_the_assumptions_that_it_rests_on() -> None:
    plain = load_profile()
    places = {one.place for one in plain.assumptions(("surfaces.link", "package"))}
    assert {"surfaces.link.full", "package.form.value", "codes.certificate_state", "limits.package_bytes"} <= places
    assert not [one for one in places if one.startswith(("surfaces.download", "records", "drops", "codes.cs_"))]
    assert not [one.place for one in plain.assumptions() if one.place.startswith("dialects.")]
    assert "dialects.cursor-paging.cursor" in {one.place for one in load_profile("baseline", ODD).assumptions()}
