"""The procedures: all that the 手順書 names, under ids that never change, with forms that hold together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from interface_spec.errors import SpecError
from interface_spec.procedures import PROCEDURES, Procedure, load_procedures, read_procedures
from interface_spec.profile import load_profile

NAMES = {  # 図表2, with the wording of 別紙4 where the table's text is damaged
    "K01": "児童手当等の受給資格及び児童手当の額についての認定請求",
    "K02": "児童手当等の額の改定の請求及び届出",
    "K03": "氏名変更/住所変更等の届出",
    "K04": "受給事由消滅の届出",
    "K05": "未支払の児童手当等の請求",
    "K06": "児童手当等に係る寄附の申出",
    "K07": "児童手当に係る寄附変更等の申出",
    "K08": "受給資格者の申出による学校給食費等の徴収等の申出",
    "K09": "受給資格者の申出による学校給食費等の徴収等の変更等の申出",
    "K10": "児童手当等の現況届",
    "K11": "支給認定の申請",
    "K12": "保育施設等の利用申込",
    "K13": "保育施設等の現況届",
    "K14": "児童扶養手当の現況届の事前送信",
    "K15": "妊娠の届出",
    "C01": "要介護・要支援認定の申請",
    "C02": "要介護・要支援更新認定の申請",
    "C03": "要介護・要支援状態区分変更認定の申請",
    "C04": "居宅（介護予防）サービス計画作成（変更）依頼の届出",
    "C05": "介護保険負担割合証の再交付申請",
    "C06": "被保険者証の再交付申請",
    "C07": "高額介護（予防）サービス費の支給申請",
    "C08": "介護保険負担限度額認定申請",
    "C09": "居宅介護（介護予防）福祉用具購入費の支給申請",
    "C10": "居宅介護（介護予防）住宅改修費の支給申請",
    "C11": "住所移転後の要介護・要支援認定申請",
    "D01": "罹災証明書の発行申請",
    "V01": "自動車税環境性能割の申告納付",
    "V02": "自動車税の賦課徴収に関する事項の申告又は報告",
    "V03": "自動車税住所変更届",
    "V04": "自動車の保管場所証明の申請",
    # 3.3(4) and 図表32
    "M01": "転出届",
    "M02": "転入（転居）予約",
    "S01": "道路占用許可申請等",
    "S02": "粗大ごみ収集の申込",
    "S03": "犬の登録申請、死亡届",
    "S04": "職員採用試験申込",
    "S05": "消防法令における申請・届出等",
    "S06": "特別児童扶養手当所得状況届",
    "S07": "障害児福祉手当（福祉手当）所得状況届",
    "S08": "特別障害者手当所得状況届",
}
TODOKE = {"K03", "K04", "K10", "K13", "K14", "K15", "C04", "M01", "S05", "S06", "S07", "S08", "V01", "V02", "V03"}
MOSHIDE = {"K06", "K07", "K08", "K09", "M02"}
CORES = {
    "jido_teate": {"K01", "K02", "K03", "K04", "K05", "K06", "K07", "K10"},
    "kyushoku": {"K08", "K09"},
    "hoiku": {"K11", "K12", "K13"},
    "jido_fuyo_teate": {"K14"},
    "boshi_hoken": {"K15"},
    "kaigo": {f"C{n:02d}" for n in range(1, 12)},
    "hisaisha": {"D01"},
    "juki": {"M01", "M02"},
    "shogai": {"S06", "S07", "S08"},
}

GOOD = """
id = "X01"
ja = "架空の申請"
en = "Imaginary application"
kind = "申請"
field = "架空"
signing = "required"
zone = "lgwan"
source = "試験"
items = [{ id = "name", ja = "氏名", type = "text", group = "members" }]
[groups.members]
ja = "世帯員"
most = 3
"""


def _group(letter: str) -> list[Procedure]:
    return [one for one in load_procedures().values() if one.id.startswith(letter)]


def test_ids_and_names_are_those_of_the_tejunsho() -> None:
    assert {one.id: one.ja for one in load_procedures().values()} == NAMES


def test_counts() -> None:
    assert {letter: len(_group(letter)) for letter in "KCDV"} == {"K": 15, "C": 11, "D": 1, "V": 4}
    assert len(_group("M")) == 2
    assert len(load_procedures()) == 31 + 2 + 8


def test_every_file_is_loaded_and_named_after_its_id() -> None:
    stems = [path.stem for path in PROCEDURES.glob("*.toml")]
    assert len(stems) == len(load_procedures())
    assert all(stem.split("-", 1)[1].replace("-", "").isalpha() and stem.isascii() for stem in stems)


def test_presets_of_zuhyo_32_are_all_there() -> None:
    fy2020 = {*CORES["kaigo"], "D01", "S01", "S02", "S03", "S04"}
    fy2021 = {f"K{n:02d}" for n in range(1, 16)} | {"S05", "S06", "S07", "S08"}
    assert (len(fy2020), len(fy2021)) == (16, 19)
    assert fy2020 | fy2021 <= set(load_procedures())


def test_kind_of_each_procedure() -> None:
    kinds = {one.id: one.kind for one in load_procedures().values()}
    assert {name for name, kind in kinds.items() if kind == "届出"} == TODOKE
    assert {name for name, kind in kinds.items() if kind == "申出"} == MOSHIDE


def test_each_mynumber_procedure_has_its_core_system() -> None:
    found = {one.id: one.core_system for one in load_procedures().values() if one.zone == "mynumber"}
    assert found == {name: core for core, names in CORES.items() for name in names}


def test_procedures_of_the_lgwan_side_have_no_core_system_and_no_signature() -> None:
    lgwan = {one.id: one for one in load_procedures().values() if one.zone == "lgwan"}
    assert set(lgwan) == {"S01", "S02", "S03", "S04", "S05"}
    assert {one.core_system for one in lgwan.values()} == {""}
    assert {one.signing for one in lgwan.values()} == {"none"}


def test_vehicle_procedures_are_listed_but_never_sent() -> None:
    outside = [one for one in load_procedures().values() if one.outside]
    assert {one.id for one in outside} == {"V01", "V02", "V03", "V04"}
    assert {(one.zone, one.items, one.core_system, one.target) for one in outside} == {("none", (), "", "都道府県")}


def test_forms_are_more_than_a_name() -> None:
    for one in load_procedures().values():
        if one.outside:
            continue
        assert len(one.items) >= 6, one.id
        labels = Counter((item.ja, item.group) for item in one.items)
        assert [label for label, times in labels.items() if times > 1] == [], one.id
        assert any(item.required for item in one.items), one.id


def test_a_named_subject_is_not_the_signer() -> None:
    named = {one.id for one in load_procedures().values() if one.subject == "named"}
    assert named == {*CORES["kaigo"], *CORES["hoiku"], "S07", "S08"}


def test_notes_carry_what_changed_since_the_tejunsho() -> None:
    found = load_procedures()
    assert "2022年6月" in found["K10"].note
    assert "窓口" in found["M02"].note
    assert "住民とは限らない" in found["D01"].note
    assert found["D01"].signing == "optional"
    assert "公会計" in found["K08"].note
    assert "公会計" in found["K09"].note


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('zone = "lgwan"', 'zone = "mynumber"', "core_system"),
        ('zone = "lgwan"', 'zone = "none"', "outside"),
        ('zone = "lgwan"', 'zone = "lgwan"\noutside = "外"', "outside"),
        ('group = "members"', 'group = "member"', "groups"),
        ('type = "text"', 'type = "texts"', "type"),
        ('type = "text"', 'type = "choice"', "choices"),
        ('kind = "申請"', 'kind = "請求"', "kind"),
        ('kind = "申請"', 'kind = "申請"\nsubject = "named"', "対象者"),
        ('group = "members" }', 'group = "members", subject = "name" }', "項目群の外"),
        ('id = "X01"', 'id = "X02"', "ファイル名"),
        ('source = "試験"', 'sourse = "試験"', "source"),
        ("most = 3", "most = ", "TOML"),
    ],
)
def test_a_mistake_in_a_form_is_one_sentence(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    (tmp_path / "X01-kaku.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=expected) as caught:
        read_procedures(tmp_path)
    assert str(caught.value).startswith("X01-kaku.toml")


def test_a_repeated_item_id_is_refused(tmp_path: Path) -> None:
    twice = GOOD.replace("items = [", 'items = [{ id = "name", ja = "氏名その2", type = "text", group = "members" }, ')
    (tmp_path / "X01-kaku.toml").write_text(twice, encoding="utf-8")
    with pytest.raises(SpecError, match="二度あります"):
        read_procedures(tmp_path)


def test_an_id_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("X01-a.toml", "X01-b.toml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(SpecError, match="別のファイル"):
        read_procedures(tmp_path)


def test_every_procedure_fits_the_contract_that_carries_it() -> None:
    """Ids, names, values and documents of every procedure are no longer than the items that they travel in."""
    profile = load_profile()
    limits = {
        name: item.length or 0
        for document in profile.package.documents.values()
        for name, item in (document.items or document.row).items()
    }
    documents = len(profile.package.documents) + 1
    for one in load_procedures().values():
        assert len(one.id) <= limits["procedure_id"]
        assert len(one.ja) <= limits["procedure_name"]
        assert documents + len(one.attachments) <= profile.limit("package_entries")
        for item in one.items:
            assert len(item.id) <= limits["item_id"], (one.id, item.id)
            assert item.length <= limits["value"], (one.id, item.id)
            assert all(len(choice) <= item.length for choice in item.choices), (one.id, item.id)
        for file in one.attachments:
            assert len(file.ja) <= 100, (one.id, file.id)


def test_only_the_zone_of_the_number_reaches_a_core_system() -> None:
    for one in load_procedures().values():
        assert (one.zone == "mynumber") == bool(one.core_system), one.id
    assert {one.id for one in load_procedures().values() if one.zone == "lgwan"} >= {"S01", "S02", "S04"}
    assert {one.id for one in load_procedures().values() if one.outside} == {"V01", "V02", "V03", "V04"}
