"""The generated specification: up to date, complete, its links and references resolve, and it follows an overlay."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from interface_spec.procedures import load_procedures
from interface_spec.profile import load_profile
from testbed.specgen import build
from testbed.specgen.model import Cell, Table
from testbed.specgen.sequence import Actor, Call, draw
from testbed.specgen.tables import without_empty_columns
from tests.interface_spec.overlays import ODD

FILES = build.generate(load_profile())
HTML = {name: text for name, text in FILES.items() if name.endswith(".html")}


class Reader(HTMLParser):
    """Anchors, links and the balance of a page."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        named = dict(attrs)
        if named.get("id") and tag != "marker":
            self.ids.append(str(named["id"]))
        if tag == "a" and named.get("href"):
            self.links.append(str(named["href"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as in HTMLParser
        assert tag in {"line", "rect", "path"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


PAGES = {name: Reader(text) for name, text in HTML.items()}


def test_docs_are_up_to_date() -> None:
    assert build.made(load_profile()).stale(build.FOLDER) == []


def test_generation_is_repeatable() -> None:
    assert build.generate(load_profile()) == FILES


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_are_whole_and_their_links_lead_somewhere(name: str) -> None:
    page = PAGES[name]
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        file, _, anchor = link.partition("#")
        target = file or name
        assert target in FILES, link
        if anchor:
            assert anchor in PAGES[target].ids, link


def test_markdown_links_lead_somewhere() -> None:
    for name, text in FILES.items():
        if not name.endswith(".md"):
            continue
        anchors = re.findall(r'<a id="([^"]+)">', text)
        for link in re.findall(r"\]\(([^)]+)\)", text):
            file, _, anchor = link.partition("#")
            assert (file or name) in FILES, f"{name}: {link}"
            if anchor and not file:
                assert anchor in anchors, f"{name}: {link}"


def test_every_item_code_and_limit_of_the_profile_stands_in_the_pages() -> None:
    text = "".join(HTML.values())
    profile = load_profile()
    for place, item in profile.items():
        if not place.startswith("dialects."):
            assert f"<code>{item.wire}</code>" in text, place
    for _, field in profile.record_fields():
        assert field.ja in text
    for codes in profile.codes.values():
        assert all(f"<td>{one.ja}</td>" in text for one in codes.values.values())
    for limit in profile.limits.values():
        assert f"{limit.value:,}" in text


def test_every_core_system_gets_a_document_with_all_its_procedures() -> None:
    for one in load_procedures().values():
        if not one.core_system:
            continue
        page = HTML[f"kikan-{one.core_system.replace('_', '-')}.html"]
        assert f'<section id="{one.id}">' in page
        for item in one.items:
            assert f"<code>{item.id}</code>" in page
        for file in one.attachments:
            assert file.ja in page


def test_procedures_outside_the_configuration_are_listed_and_said_to_be() -> None:
    page = HTML["tetsuzuki.html"]
    for one in load_procedures().values():
        assert one.ja in page
        if one.outside:
            assert one.outside in page


@pytest.mark.parametrize("name", sorted(one for one in FILES if one.startswith("openapi/")))
def test_openapi_documents_hold_together(name: str) -> None:
    document = json.loads(FILES[name])
    assert document["openapi"] == "3.1.0"
    seen: set[str] = set()
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            assert method in {"get", "post", "put", "delete"}
            assert call["operationId"] not in seen
            seen.add(call["operationId"])
            placed = {one["name"] for one in call["parameters"] if one["in"] == "path"}
            assert placed == set(re.findall(r"\{([^}]+)\}", path))
            assert any(status.startswith("2") for status in call["responses"])
            for need in call["security"]:
                assert set(need) <= set(document["components"]["securitySchemes"])
    assert seen
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', FILES[name]):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_openapi_follows_an_overlay() -> None:
    document = json.loads(build.generate(load_profile("baseline", ODD))["openapi/download.json"])
    listed = document["paths"]["/shinsei/v9/ichiran/{TETSUZUKI}"]["post"]
    row = listed["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["KEN"]["items"]
    assert "UKETSUKE NO" in row["properties"]
    assert {one["name"]: one["in"] for one in listed["parameters"]} == {"TETSUZUKI": "path", "X-Kaishi": "header"}
    assert document["info"]["x-dialect"] == "cursor-paging"


def test_writing_and_checking(tmp_path: Path) -> None:
    other = tmp_path / "notes.md"
    other.write_text("# somebody's own\n", encoding="utf-8")
    made = build.made(load_profile())
    assert made.write(tmp_path) == len(FILES)
    assert made.write(tmp_path) == 0
    assert made.stale(tmp_path) == []
    (tmp_path / "index.html").write_text("edited by hand", encoding="utf-8")
    (tmp_path / "codes.md").unlink()
    (tmp_path / "openapi" / "gone.json").write_text('{"x-provenance": ""}', encoding="utf-8")
    assert [one.split(":")[0] for one in made.stale(tmp_path)] == [
        "codes.md",
        "index.html",
        "openapi/gone.json",
    ]
    assert made.write(tmp_path) == 3
    assert made.stale(tmp_path) == []
    assert other.read_text(encoding="utf-8") == "# somebody's own\n"


def test_text_from_a_profile_cannot_become_markup(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(
        '[profile]\nja = "<script>alert(1)</script>"\n[surfaces.link]\nja = "a|b](x) <b>"\n', encoding="utf-8"
    )
    files = build.generate(load_profile("baseline", overlay))
    assert not [name for name, text in files.items() if name.endswith(".html") and ("<script" in text or "<b>" in text)]
    assert "a\\|b\\](x) \\<b\\>" in files["index.md"]


def test_drawings_are_well_formed_and_escaped() -> None:
    actors = (Actor("a", "<甲>", "lgwan"), Actor("b", "乙 & 丙", "mynumber"))
    svg = draw("題 <1>", actors, (Call("a", "b", "送る <x>", "GET /a&b"), Call("b", "a", "返す", answer=True)))
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "送る <x>" in texts
    assert "GET /a&b" in texts


def test_columns_without_content_are_left_out() -> None:
    table = Table(("a", "b", "c"), (("1", "―", Cell("")), ("", "", Cell("", soft="x"))))
    assert without_empty_columns(table).head == ("a", "c")
