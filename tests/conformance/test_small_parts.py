"""Small parts of the engine: secrets, the screen reader, words for readers, placeholders, sentences."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.adapters.base import ProductUnreachable
from conformance.engine import screen as screen_module
from conformance.engine import scrub as scrubbing
from conformance.engine.screen import ScreenReader
from conformance.engine.scrub import scrub
from conformance.engine.secrets import BLOT, Redactor
from conformance.engine.settings import address, expand
from conformance.kit import shown
from conformance.record import Screen
from conformance.sentence import both
from conformance.target import TargetError
from conformance.visible import one_line, visible
from interface_spec.errors import SpecError
from tests.conformance.scripted import Reply, scripted

SECRET = 's3cret/"値"&x'


class TestRedactor:
    @pytest.mark.parametrize("text", [SECRET, json.dumps(SECRET), json.dumps(SECRET, ensure_ascii=False), "q=s3cret%2F%22%E5%80%A4%22%26x"])  # fmt: skip
    def test_a_secret_in_each_of_its_forms(self, text: str) -> None:
        clean = Redactor([SECRET])(f"前 {text} 後")
        assert "s3cret" not in clean
        assert clean.startswith("前 ")
        assert BLOT in clean

    def test_tokens_of_headers_whatever_they_are(self) -> None:
        clean = Redactor([]).headers({"Authorization": "Bearer eyJ.abc-_~+/=", "authorization": "basic dTpw", "X": "y"})
        assert clean == {"Authorization": f"Bearer {BLOT}", "authorization": f"basic {BLOT}", "X": "y"}

    def test_the_longer_of_two_secrets_goes_first(self) -> None:
        assert Redactor(["abcdef", "abcdefgh"])("xabcdefghx") == f"x{BLOT}x"

    def test_empty_and_short_ones_do_not_blot_the_text(self) -> None:
        assert Redactor(["", "a", "12345"])("a 12345 abc") == "a 12345 abc"

    def test_secrets_are_no_patterns(self) -> None:
        assert Redactor([".......+("])("harmless text") == "harmless text"


def test_scrub_takes_tokens_out_of_the_exchanges(tmp_path: Path) -> None:
    (tmp_path / "exchanges.jsonl").write_text('[["authorization", "Bearer abcdefgh.ijk"]]\n', encoding="utf-8")
    scrub(tmp_path, [], remove=[])
    assert (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8") == f'[["authorization", "Bearer {BLOT}"]]\n'


def test_a_long_log_is_scrubbed_line_by_line_and_stays_the_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "LARGE", 100)
    log = tmp_path / "exchanges.jsonl"
    log.touch(mode=0o600)
    log.write_bytes(b'{"a": "topsecret"}\n' * 20 + b'{"h": "Bearer abc.def", "b": "\xff"}\nno end')
    scrub(tmp_path, ["topsecret"], remove=[])
    data = log.read_bytes()
    assert b"topsecret" not in data
    assert b"abc.def" not in data
    assert data.count(b"\n") == 21
    assert data.endswith(b'"b": "\xff"}\nno end')
    assert log.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["exchanges.jsonl"]


def test_scrub_leaves_no_secret_and_no_world_file(tmp_path: Path) -> None:
    (tmp_path / "bodies").mkdir()
    (tmp_path / "records").mkdir()
    holding = [
        tmp_path / "product.log",
        tmp_path / "records" / "none.json",
        tmp_path / "world.json",
        tmp_path / "bodies" / "ab",
    ]
    for path in holding:
        path.write_bytes(b"\xff before topsecret after")
    (tmp_path / "bodies" / "cd").write_bytes(b"\xff\x00")
    outside = tmp_path.parent / "outside"
    outside.write_text("topsecret", encoding="utf-8")
    (tmp_path / "link").symlink_to(outside)
    scrub(tmp_path, ["topsecret"], remove=[tmp_path / "world.json", tmp_path / "absent"])
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"product.log", "records/none.json", "bodies/cd", "link"}
    assert (tmp_path / "product.log").read_bytes() == b"\xff before " + BLOT.encode() + b" after"
    assert (tmp_path / "bodies" / "cd").read_bytes() == b"\xff\x00"
    assert outside.read_text(encoding="utf-8") == "topsecret"


PAGE = """<html><head><title>題</title><style>見えない</style><script>alert("見えない")</script></head><body>
<p>申請者 &lt;山田&gt;&#x1F600;</p><template>見えない</template>
<input type="hidden" value="見えない"><input value="髙橋"><input type="text" value="口座 123">
<a href="/screen/R1/a1">一</a> <a href="a2">二</a> <a href="/screen/R1/a1#x">重複</a> <a href="/logout">外</a>
<a href="http://example.invalid/screen/R1/x">よそ</a> <a href="http://[">壊れ</a> <a href="javascript:x">js</a> <a>なし</a></body>"""


class TestScreen:
    @pytest.fixture
    def asked(self) -> list[str]:
        return []

    @pytest.fixture
    def url(self, asked: list[str]) -> Iterator[str]:
        def script(_method: str, path: str) -> Reply:
            asked.append(path)
            if path == "/screen/loop":
                return Reply(302, b"", {"Location": "/screen/loop"})
            if path == "/screen/huge":
                return Reply(200, b"x" * 3_000_000)
            if path == "/screen/marked":
                return Reply(200, "前<![foo[ 後".encode())
            if path == "/screen/broken":
                return Reply(200, b"no gzip", {"Content-Encoding": "gzip"})
            if path == "/screen/gone":
                return Reply(404, b"none")
            if path == "/screen/dropped":
                return Reply(drop=True)
            return Reply(200, PAGE.encode() if path.count("/") == 2 else b"file")

        with scripted(script) as base:
            yield base

    def look(self, url: str, receipt_no: str) -> Screen:
        reader = ScreenReader(url + "/screen/{receipt_no}", "user:pass word", 2)
        try:
            return reader.look(receipt_no)
        finally:
            reader.close()

    def test_visible_text_and_links_below(self, url: str, asked: list[str]) -> None:
        seen = self.look(url, "R1")
        assert seen.status == 200
        assert "申請者 <山田>😀" in seen.text
        assert "髙橋" in seen.text
        assert "口座 123" in seen.text
        assert "見えない" not in seen.text
        assert asked == ["/screen/R1", "/screen/R1/a1"]  # a2 is relative to /screen/, not below this application
        assert [(one.status, one.size) for one in seen.links] == [(200, 4)]

    @pytest.mark.parametrize(("receipt_no", "status"), [("loop", 0), ("broken", 0), ("gone", 404)])
    def test_pages_that_no_browser_would_show(self, url: str, receipt_no: str, status: int) -> None:
        assert self.look(url, receipt_no) == Screen(status=status, text="")

    def test_malformed_markup_does_not_break_the_run(self, url: str) -> None:
        assert self.look(url, "marked").text.startswith("前")

    def test_a_huge_page_is_cut(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(screen_module, "LARGEST_PAGE", 1_000_000)
        assert len(self.look(url, "huge").text) == 400_000

    def test_no_answer_at_all(self, url: str) -> None:
        with pytest.raises(ProductUnreachable, match="127"):
            self.look(url, "dropped")


class TestWords:
    def test_shown_makes_invisible_characters_visible(self) -> None:
        assert shown("渡邉\u200b\x1b\u3000\ufe0f") == "渡邉⟨U+200B⟩⟨U+001B⟩\u3000⟨U+FE0F⟩"
        assert shown(["a", 1]) == "['a', 1]"
        assert shown("x" * 601) == "x" * 600 + "…（全601字）"

    @pytest.mark.parametrize("code", [0x1B, 0x00, 0x0D, 0x9B, 0x202E, 0x2066, 0x200F, 0x2028, 0xD800, 0xFFFE, 0xFDD0, 0xE000, 0xFEFF])  # fmt: skip
    def test_what_steers_is_shown(self, code: int) -> None:
        assert visible(f"前{chr(code)}後") == f"前⟨U+{code:04X}⟩後"

    @pytest.mark.parametrize("text", ["髙橋\n𠮷\t﨑", "葛\U000e0100", "e\u0301", "👩\u200d👩", "ｶﾅ　全角"])
    def test_what_is_text_stays(self, text: str) -> None:
        assert visible(text) == text

    def test_one_line(self) -> None:
        assert one_line("a\n\x1b[31m b\t c") == "a ⟨U+001B⟩[31m b c"
        assert one_line("あ" * 1_000_000, 10) == "あ" * 10 + "…（全1000000字）"


class TestSettings:
    def test_placeholders(self) -> None:
        assert expand("{ready.url}/x{{}", {"ready.url": "http://h"}, "f") == "http://h/x{{}"

    def test_unknown_placeholder_names_field_and_the_known_ones(self) -> None:
        with pytest.raises(TargetError) as caught:
            expand("{proxy}", {"proxy_url": "x", "run_dir": "y"}, "start.env.P")
        assert caught.value.ja.startswith("start.env.P: {proxy} という値はありません")
        assert "proxy_url, run_dir" in caught.value.en

    @pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://h", "http://", "http://h:99999", "http://h:0", "http://[::1", "/x"])  # fmt: skip
    def test_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(TargetError, match=r"^endpoints\.control: "):
            address(url, {}, "endpoints.control")

    @pytest.mark.parametrize("url", ["http://h", "https://h:8443/base", "http://[::1]:80", "http://日本.example"])
    def test_an_address(self, url: str) -> None:
        assert address(url, {}, "endpoints.control") == url


@pytest.mark.parametrize(("error", "ja", "en"), [
    (TargetError("run.seed", "整数", "integer"), "run.seed: 整数", "run.seed: integer"),
    (TargetError("", "整数", "integer"), "整数", "integer"),
    (SpecError("a.toml", "x.y", "誤り / wrong"), "a.toml: x.y: 誤り", "a.toml: x.y: wrong"),
    (SpecError("a.toml", "", "誤り"), "a.toml: 誤り", "a.toml: 誤り"),
    (ValueError("plain"), "plain", "plain"),
])  # fmt: skip
def test_both_languages_name_the_place(error: Exception, ja: str, en: str) -> None:
    assert both(error) == (ja, en)


def test_the_guard_needs_nothing_of_ours() -> None:
    source = (Path(screen_module.__file__).parent / "guard.py").read_text(encoding="utf-8")
    needed = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert needed == {"__future__", "collections", "json", "os", "pathlib", "signal", "sys", "typing"}


def test_basic_credentials_are_blotted_in_base64_too() -> None:
    header = "Basic " + base64.b64encode(b"shokuin:topsecret").decode()
    assert Redactor(["topsecret"])(header) == f"Basic {BLOT}"
