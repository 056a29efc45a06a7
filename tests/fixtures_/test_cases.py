"""Every case builds; names, times and receipt numbers are as promised; truth is what the ZIP really holds."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from hashlib import sha256

import pytest

from fixtures.attachments import MEDIA_TYPES
from fixtures.cases import Case
from fixtures.cases.recipes import load_recipes
from fixtures.world import World
from interface_spec.procedures import ATTACHMENT_TYPES, load_procedures
from tests.fixtures_.readback import read

NAMES = tuple(load_recipes())
STORED = tuple(name for name, recipe in load_recipes().items() if recipe.fate == "stored")
JST = timezone(timedelta(hours=9))
REQUIRED = [
    "k01-plain",
    "k01-three-children",
    "k01-hard-characters",
    "k01-all-attachment-types",
    "k01-same-file-names",
    "k01-edited-preset",
    "k01-serial-only",
    "k01-basic4-only",
    "k01-unknown-serial",
    "k01-late-serial",
    "k01-renewed-card",
    "k01-second-card",
    "k01-serial-digits-trap",
    "k01-namesake",
    "k01-ambiguous",
    "k01-disagreeing",
    "k01-typed-other",
    "k01-revoked",
    "k01-expired",
    "k01-invalid-signature",
    "k01-unsigned",
    "k01-name-substituted",
    "k01-address-variant",
    "k01-twin-applications-1",
    "k01-twin-applications-2",
    "k01-before-midnight",
    "k01-late-arrival",
    "k01-api-origin",
    "k01-non-resident",
    "c01-self",
    "c01-family",
    "s02-plain",
    "broken-truncated",
    "broken-crc",
    "broken-not-zip",
    "broken-zip-slip",
    "broken-absolute-path",
    "broken-symlink",
    "broken-receipt-mismatch",
    "broken-dantai-mismatch",
    "broken-xxe",
    "broken-billion-laughs",
    "broken-bomb",
    "broken-many-entries",
    "broken-encrypted",
    "broken-missing-form",
    "broken-missing-verification",
    "broken-duplicate-entry",
    "broken-attachment-digest",
]


def test_the_agreed_cases_exist(world: World) -> None:
    assert set(REQUIRED) <= set(world.case_names())


@pytest.mark.parametrize("name", NAMES)
def test_every_case_builds_with_consistent_facts(world: World, name: str) -> None:
    case = world.case(name)
    assert case is world.case(name)
    assert (case.name, case.size, case.sha256) == (name, len(case.zip_bytes), sha256(case.zip_bytes).hexdigest())
    midnight = datetime.combine(world.reference_date, time(), JST)
    assert midnight - timedelta(days=3) <= case.received_at <= case.arrived_at < midnight
    assert case.received_at.utcoffset() == case.arrived_at.utcoffset() == timedelta(hours=9)
    assert case.truth.reason_ja
    assert case.ja
    assert case.dantai_code == world.municipality.dantai_code
    assert case.truth.fate == ("quarantined" if name.startswith("broken-") else "stored")
    assert bool(case.late_links) == (name == "k01-late-serial")
    assert bool(case.withdrawn_links) == (name == "k01-withdrawn-link")


@pytest.mark.parametrize("name", STORED)
def test_truth_is_what_the_package_holds(world: World, name: str) -> None:
    case = world.case(name)
    found = read(case.zip_bytes, case.receipt_no, world.profile)
    assert {entry: sha256(data).hexdigest() for entry, data in found.files.items()} == case.manifest
    procedure = load_procedures()[case.procedure_id]
    assert found.application["receipt_no"] == case.receipt_no
    assert found.application["procedure_name"] == procedure.ja
    assert found.application["dantai_code"] == case.dantai_code
    assert found.application["applied_at"] == case.received_at.strftime("%Y-%m-%dT%H:%M:%S%z")
    assert found.application["attachment_count"] == str(len(case.truth.attachments))
    assert found.form == [
        {
            "item_id": item.item_id,
            "label": item.label,
            "group": item.group,
            "occurrence": str(item.occurrence),
            "value": item.value,
        }
        for item in case.truth.items
    ]
    for row, truth in zip(found.attachments, case.truth.attachments, strict=True):
        path = world.profile.package.attachment.format(
            receipt_no=case.receipt_no, seq=truth.seq, file_name=truth.file_name
        )
        data = found.files[path]
        assert (truth.size, truth.sha256) == (len(data), sha256(data).hexdigest())
        assert row == {
            "seq": str(truth.seq),
            "label": truth.label,
            "file_name": truth.file_name,
            "size": str(truth.size),
            "sha256": truth.sha256,
        }
    pdf = found.files[world.profile.package.form_pdf.format(receipt_no=case.receipt_no)]
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")


def test_receipt_numbers_belong_to_one_run(world: World) -> None:
    numbers = [world.case(name).receipt_no for name in NAMES]
    assert len(set(numbers)) == len(numbers)
    assert all(number.isascii() and number.isalnum() and len(number) == 20 for number in numbers)
    other_seed = World(seed=2, reference_date=world.reference_date)
    other_date = World(seed=1, reference_date=world.reference_date + timedelta(days=1))
    for other in (other_seed, other_date):
        assert other.case("k01-plain").receipt_no not in numbers
        assert other.case("k01-plain").manifest != world.case("k01-plain").manifest


@pytest.mark.parametrize("base", ["k01-plain", "c01-self"])
def test_repetitions_are_other_people(world: World, base: str) -> None:
    assert world.repeats(base) >= 30
    cases = [world.case(base), *(world.case(f"{base}#{number}") for number in range(2, 31))]
    signers = [case.truth.signer.juki_atena_no for case in cases if case.truth.signer]
    assert len(set(signers)) == len({case.receipt_no for case in cases}) == 30
    assert {case.ja for case in cases} == {cases[0].ja}
    shapes = {tuple((item.item_id, item.occurrence) for item in case.truth.items) for case in cases}
    assert len(shapes) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [("k01-plane", "k01-plain"), ("k01-plain#99", "k01-plain#32"), ("k01-plain#1", "#2"), ("k01-plain#x", "#2"),
     ("k01-plain#02", "#2"), ("k01-revoked#2", "k01-revoked"), ("", "k01-plain")],
)  # fmt: skip
def test_an_unknown_name_suggests_near_ones(world: World, name: str, hint: str) -> None:
    with pytest.raises(KeyError, match=hint):
        world.case(name)


def test_the_late_arrival_is_the_oldest_by_hours(world: World) -> None:
    late = world.case("k01-late-arrival")
    repeats = [world.case(f"{name}#{world.repeats(name)}") for name in NAMES if world.repeats(name) > 1]
    others = [world.case(name) for name in NAMES if name != late.name] + repeats
    assert all(late.received_at + timedelta(hours=3) < case.received_at for case in others)
    assert late.arrived_at - late.received_at > timedelta(hours=1)
    assert (late.arrived_at - late.received_at).total_seconds() <= world.profile.limit("late_arrival")


def test_before_midnight_and_twins(world: World) -> None:
    case = world.case("k01-before-midnight")
    assert f"{case.received_at:%H:%M} {case.arrived_at:%H:%M}" == "23:50 23:55"
    assert case.arrived_at.date() == date(2026, 11, 23)
    first, second = world.case("k01-twin-applications-1"), world.case("k01-twin-applications-2")
    assert first.truth.signer == second.truth.signer
    assert first.received_at.date() < second.received_at.date()
    assert first.receipt_no != second.receipt_no


def _values(case: Case, item_id: str) -> list[str]:
    return [item.value for item in case.truth.items if item.item_id == item_id]


def test_content_traits(world: World) -> None:
    assert len(_values(world.case("k01-plain"), "child_name")) == 2
    assert [file.file_name.rsplit(".")[-1] for file in world.case("k01-plain").truth.attachments] == ["pdf", "jpg"]
    assert len(_values(world.case("k01-three-children"), "child_name")) == 3
    types = world.case("k01-all-attachment-types").truth.attachments
    assert [file.file_name.rsplit(".")[-1] for file in types] == [*ATTACHMENT_TYPES, "txt"]
    assert types[-1].size == 0
    assert set(MEDIA_TYPES) == set(ATTACHMENT_TYPES)
    same = world.case("k01-same-file-names").truth.attachments
    assert len({file.file_name for file in same}) == 1
    assert len({file.sha256 for file in same}) == len(same) == 2
    edited = world.case("k01-edited-preset").truth.items
    known = {item.id: item.ja for item in load_procedures()["K01"].items}
    assert {item.item_id for item in edited} - known.keys() == {"city_question_1", "city_visit"}
    assert [item.item_id for item in edited if known.get(item.item_id, item.label) != item.label] == ["remarks"]


def test_hard_characters(world: World) -> None:
    case = world.case("k01-hard-characters")
    text = "".join(item.value for item in case.truth.items)
    for piece in ("𠮷", "髙", "﨑", "\U000e0100", "か\u3099", "ﾊﾝｶｸ", "<&>\"'", "]]>", "\n", "\t", "&amp;"):
        assert piece in text
    assert len(_values(case, "remarks")[0]) == 1000
    assert _values(case, "spouse_name") == [""]
    assert _values(case, "branch_name") == ["　 前後に空白 　"]


def test_typed_identity(world: World) -> None:
    typed = world.case("k01-typed-other")
    assert typed.truth.signer is not None
    assert _values(typed, "claimant_name") != [typed.truth.signer.name]
    mother = world.case("c01-family")
    assert mother.truth.subject is not None
    assert mother.truth.signer is not None
    assert mother.truth.subject.name != mother.truth.signer.name
    row = next(one for one in world.atena("kaigo") if one.atena_no == mother.truth.subject.numbers["kaigo"])
    assert row.birth_date is not None
    assert [_values(mother, f"insured_{part}")[0] for part in ("name", "kana", "birth_date", "gender", "address")] == [
        row.name,
        row.kana,
        row.birth_date.isoformat(),
        "女",
        row.address,
    ]


def test_unsigned_procedure_names_nobody(world: World) -> None:
    case = world.case("s02-plain")
    assert case.truth.signer is None
    assert case.truth.subject is None
    verification = read(case.zip_bytes, case.receipt_no, world.profile).verification
    assert set(verification) == {"result", "verified_at"}


def test_what_a_case_is_for_is_said_in_two_languages(world: World) -> None:
    for name in world.case_names():
        ja, slash, en = world.case(name).truth.reason_ja.partition(" / ")
        assert ja, name
        assert slash, name
        assert en.replace("団体コード", "").isascii(), name
