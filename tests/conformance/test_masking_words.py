"""In a product's sentences only known words are readable: nobody has to guess what a real name looks like."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from conformance.engine.masking import Masker, mask, masker_of
from conformance.engine.words import COMMON, Vocabulary, our_words
from tests.conformance.targets import GOOD, target_of

ROOT = Path(__file__).resolve().parents[2]
OURS = "261123AAAA"
TOWN = ["髙橋 花子", "タカハシ　ハナコ", "東京都千代田区１丁目"]

SURNAMES = [
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "山口",
    "松本",
    "井上",
    "木村",
    "林",
    "斎藤",
    "清水",
    "山崎",
    "森",
    "池田",
    "橋本",
    "阿部",
    "石川",
    "山下",
    "中島",
    "石井",
    "小川",
    "前田",
    "岡田",
    "長谷川",
    "藤田",
    "後藤",
    "近藤",
    "村上",
    "遠藤",
    "青木",
    "坂本",
    "斉藤",
    "福田",
    "太田",
    "西村",
    "藤井",
    "岡本",
    "藤原",
    "金子",
    "三浦",
    "中野",
    "中川",
    "原田",
    "松田",
    "竹内",
    "小野",
    "田村",
    "中山",
    "和田",
    "石田",
    "森田",
    "上田",
    "原",
    "内田",
    "柴田",
    "酒井",
    "宮崎",
    "横山",
    "高木",
    "安藤",
    "宮本",
    "大野",
    "小島",
    "谷口",
    "工藤",
    "今井",
    "高田",
    "増田",
    "丸山",
    "杉山",
    "村田",
    "大塚",
    "新井",
    "小山",
    "平野",
    "藤本",
    "河野",
    "上野",
    "野口",
    "武田",
    "松井",
    "千葉",
    "菅原",
    "岩崎",
    "久保",
    "木下",
    "佐野",
    "野村",
    "松尾",
    "市川",
    "菊地",
    "杉本",
    "古川",
    "大西",
    "島田",
    "水野",
    "桜井",
    "高野",
    "渡部",
    "吉川",
    "山内",
    "西田",
    "飯田",
    "西川",
    "小松",
    "北村",
    "安田",
    "五十嵐",
    "川口",
    "平田",
    "関",
    "中田",
    "服部",
    "東",
    "岩田",
    "土屋",
    "川崎",
    "福島",
    "本田",
    "辻",
    "樋口",
]
"""The commonest surnames of Japan."""
GIVEN = [
    "太郎",
    "花子",
    "一郎",
    "次郎",
    "健一",
    "美咲",
    "翔太",
    "博",
    "誠",
    "茂",
    "実",
    "大輔",
    "直樹",
    "陽菜",
    "結衣",
    "蓮",
    "昇",
    "清",
    "勇",
    "進",
    "サトウ",
    "スズキ",
    "タロウ",
    "ハナコ",
    "ﾔﾏﾀﾞ",
]
PLACES = ["大阪市北区", "横浜市", "名古屋市", "札幌市", "神田", "銀座", "梅田"]


@pytest.fixture
def masker() -> Masker:
    return Masker(TOWN, [OURS], None, our_words)


@pytest.mark.parametrize("name", [*SURNAMES, *GIVEN, *PLACES])
def test_no_name_is_a_known_word(name: str, masker: Masker) -> None:
    assert not our_words().has(name)
    for sentence in (
        f"担当 {name} が確認",
        f"{name}の申請と取り違え",
        f"取込みに失敗しました（{name}）",
        f"対象者は{name}です",
    ):
        shown = masker.text(sentence)
        assert name not in shown
        assert mask(name) in shown


@pytest.mark.parametrize(
    "sentence",
    [
        "シリアル番号が番号紐付情報にありません / serial unknown",
        "基本4情報が完全に一致する人がいません",
        "ダウンロード機能の証明書を確認できません",
        "新しく 38 件を格納しました",
        "データベースへの接続が時間切れになりました（30秒）",
        "添付ファイル 1 のSHA-256が一覧と違います",
        "髙橋 花子の申請を格納しました",
        "髙橋　花子（タカハシ ハナコ）は東京都千代田区１丁目",
        "status 500: internal server error",
    ],
)
def test_an_ordinary_sentence_and_our_own_people_stay_readable(sentence: str, masker: Masker) -> None:
    assert masker.text(sentence) == sentence
    assert masker.hidden == 0


def test_hidden_words_are_counted_and_do_not_hide_the_sentence(masker: Masker) -> None:
    shown = masker.text("窓口担当の山田が大阪市北区の転入届を確認し、エラーになりました")
    assert shown == "窓口担当の［伏字 2字］が［伏字 5字］の［伏字 3字］を確認し、エラーになりました"
    assert masker.hidden == 3
    assert masker.masked == 0


def test_a_known_surname_alone_of_the_town_is_no_known_name(masker: Masker) -> None:
    """A real resident may share a surname with one of ours: only the whole name is ours."""
    assert "髙橋" not in masker.text("担当の髙橋が確認")


def test_masked_text_is_not_masked_twice(masker: Masker) -> None:
    once = masker.text("担当の山田が確認")
    assert masker.text(once) == once


def test_words_in_the_body_of_an_answer(masker: Masker) -> None:
    given = {"receipt_no": OURS, "history": [{"what": "山田が審査中へ変更"}], "review": "reviewing", "山田": "山田"}
    shown = masker.body(json.dumps(given, ensure_ascii=False))
    assert "山田" not in shown
    assert json.loads(shown)["review"] == "reviewing"
    assert "が審査中へ変更" in shown


def test_the_switch_of_the_target_keeps_every_word(tmp_path: Path) -> None:
    assert target_of(tmp_path).run.show_free_text is False
    assert "seed = 7" in GOOD
    assert target_of(tmp_path, "seed = 7", "seed = 7\nshow_free_text = true").run.show_free_text is True
    assert masker_of([], TOWN, show=True).text("担当の山田が確認") == "担当の山田が確認"
    assert "山田" not in masker_of([], TOWN).text("担当の山田が確認")


@pytest.mark.parametrize(
    ("run", "known"),
    [
        ("申請", True),
        ("申請者", True),  # a word and an affix
        ("再申請済", True),
        ("申請番号", True),
        ("申請山", False),
        ("山申請", False),
        ("者者申請", False),
        ("申請" * 30, False),  # longer than any sentence
    ],
)
def test_a_run_is_put_together_from_words_and_affixes(run: str, known: bool) -> None:
    assert Vocabulary({"申請", "番号"}).has(run) is known


def test_the_list_of_common_words_holds_no_name() -> None:
    assert not set(COMMON.read_text(encoding="utf-8").split()) & {*SURNAMES, *GIVEN, *PLACES}


def test_what_a_product_made_of_our_value_stays_readable() -> None:
    masker = Masker(TOWN, [OURS], {"shimei": {"髙橋 花子"}}, our_words)
    assert masker.item("shimei", "髙橋 花") == "髙橋 花"
    assert "山田太郎" not in masker.item("shimei", "山田太郎")


ADAPTERS = sorted((ROOT / "conformance" / "adapters").glob("*.py")) + [
    ROOT / "conformance" / "engine" / f"{name}.py" for name in ("driver", "handover", "screen", "staff")
]


def sentences(path: Path) -> list[str]:
    """The Japanese sentences with which this module says what went wrong at the product, a 5 for every value in them."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("AdapterProblem", "ProductUnreachable"):
            for argument in node.args[1:2]:
                parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
                found.append("".join(str(one.value) if isinstance(one, ast.Constant) else "5" for one in parts))
    return found


def test_what_we_say_ourselves_of_the_product_is_readable() -> None:
    masker = Masker([], [], words=our_words)
    ours = [one for path in ADAPTERS for one in sentences(path)]
    assert len(ours) > 30
    assert {one: masker.text(one) for one in ours if masker.text(one) != one} == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("120 秒待っても終わりません", "120 秒待っても終わりません"),
        ("取下げました", "取下げました"),
        ("大きい森 太郎", f"大きい{mask('森')} {mask('太郎')}"),
        ("山田答えました", f"{mask('山田答')}えました"),
        ("進め 進 太郎", f"進め {mask('進')} {mask('太郎')}"),
    ],
)
def test_words_with_their_endings_are_known_where_no_kanji_goes_before(text: str, shown: str) -> None:
    assert Masker([], [], words=our_words).text(text) == shown
