"""Reports against golden files: results.json, junit.xml, report.html and the terminal, for every kind of run.

After a wanted change: ``UPDATE_GOLDEN=1 python -m pytest tests/conformance/test_reporters.py``, then look at the diff.
"""

from __future__ import annotations

import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lxml import etree
from rich.console import Console

from conformance.events import Event
from conformance.messages import Lang
from conformance.reporters.html import TEMPLATES, write_html
from conformance.reporters.machine import as_dict, write_junit
from conformance.reporters.terminal import Progress, print_results
from conformance.reporters.write import write_reports
from conformance.results import fold
from tests.conformance.factory import write_events
from tests.conformance.sample_runs import RUNS, hostile, results_of

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


def compare(name: str, text: str) -> None:
    """``text`` is what stands in the golden file ``name``."""
    path = GOLDEN / name
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), (
        f"{path}: UPDATE_GOLDEN=1 で作り、内容を確かめる / make it with UPDATE_GOLDEN=1 and look at it"
    )
    assert text == path.read_text(encoding="utf-8")


def terminal(events: list[Event], lang: Lang = "ja", **how: object) -> str:
    """What a person sees: progress and results on a console 100 columns wide."""
    file = io.StringIO()
    console = Console(file=file, width=100, **how)  # type: ignore[arg-type]
    progress = Progress(console, lang)
    for event in events:
        progress(event)
    print_results(fold(events), console, lang, report=Path("out/x/report.html"), gate_waived=False)
    return file.getvalue()


def html(tmp_path: Path, events: list[Event], lang: Lang = "ja") -> str:
    path = tmp_path / "report.html"
    write_html(fold(events), path, lang=lang)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RUNS)
def test_results_json(name: str) -> None:
    compare(f"{name}.json", json.dumps(as_dict(results_of(name)), ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("name", RUNS)
def test_junit(name: str, tmp_path: Path) -> None:
    write_junit(results_of(name), tmp_path / "junit.xml")
    compare(f"{name}.xml", (tmp_path / "junit.xml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", RUNS)
def test_html(name: str, lang: Lang, tmp_path: Path) -> None:
    """The body of the page; its style sheet may change without a golden file changing."""
    page = html(tmp_path, RUNS[name](), lang)
    compare(f"{name}.{lang}.html", re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL))


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", RUNS)
def test_terminal(name: str, lang: Lang) -> None:
    compare(f"{name}.{lang}.txt", terminal(RUNS[name](), lang))


def test_no_colours_when_not_a_terminal_or_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b[" not in terminal(RUNS["all-verdicts"]())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal(RUNS["all-verdicts"](), force_terminal=True))
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[" in terminal(RUNS["all-verdicts"](), force_terminal=True, color_system="standard")


@pytest.mark.parametrize(("name", "failures", "errors", "skipped"), [
    ("all-verdicts", 2, 4, 1), ("conformant", 0, 0, 0), ("interrupted", 0, 2, 0), ("trouble", 0, 1, 0),
])  # fmt: skip
def test_a_ci_server_never_sees_an_incomplete_run_as_green(
    name: str, failures: int, errors: int, skipped: int, tmp_path: Path
) -> None:
    write_junit(results_of(name), tmp_path / "junit.xml")
    root = etree.parse(str(tmp_path / "junit.xml")).getroot()
    sums = {key: sum(int(suite.get(key, "0")) for suite in root) for key in ("failures", "errors", "skipped")}
    assert sums == {"failures": failures, "errors": errors, "skipped": skipped}
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert len(list(root.iter(tag))) == sums[kind]


class Tags(HTMLParser):
    """Elements and attributes of a page, as a browser takes them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values += [value or "" for _, value in attrs]


STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufffe\ud800-\udfff]")


class TestHostileProduct:
    def test_html_is_text_only(self, tmp_path: Path) -> None:
        page, calm = html(tmp_path, hostile()), html(tmp_path, hostile("穏やか"))
        tags, expected = Tags(), Tags()
        tags.feed(page)
        expected.feed(calm)
        assert (tags.tags, tags.attributes) == (expected.tags, expected.attributes)
        assert "script" not in tags.tags
        assert not [value for value in tags.values if value.lower().startswith(("javascript:", "http"))]
        assert not STEERING.search(page)
        assert "⟨U+202E⟩逆転" in page
        assert "{{ 7*7 }}" in page
        assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page

    def test_junit_is_well_formed_and_of_the_same_shape(self, tmp_path: Path) -> None:
        shapes = []
        for text in (None, "穏やか"):
            write_junit(fold(hostile() if text is None else hostile(text)), tmp_path / "junit.xml")
            root = etree.parse(str(tmp_path / "junit.xml")).getroot()
            shapes.append([(one.tag, sorted(one.attrib)) for one in root.iter()])
            assert not STEERING.search((tmp_path / "junit.xml").read_text(encoding="utf-8"))
        assert shapes[0] == shapes[1]

    def test_results_json_carries_it_as_data(self, tmp_path: Path) -> None:
        write_events(tmp_path / "events.ndjson", hostile())
        reports = write_reports(tmp_path)
        data = json.loads(reports.json.read_text(encoding="utf-8"))
        assert data["exit_code"] == 3
        assert "<script>" in data["checks"][0]["findings"][0]["actual"]

    @pytest.mark.parametrize("lang", ["ja", "en"])
    def test_terminal_obeys_nothing(self, lang: Lang) -> None:
        seen = terminal(hostile(), lang)
        assert not STEERING.search(seen)
        assert "⟨U+001B⟩[2J" in seen
        assert "[bold red]" in seen

    @pytest.mark.parametrize("huge", ["あ" * 1_000_000, "<" * 1_000_000, "\x1b" * 1_000_000])
    def test_a_megabyte_does_not_flood_the_terminal(self, huge: str) -> None:
        assert len(terminal(hostile(huge)[:-1])) < 30_000

    def test_a_lone_surrogate_is_refused_at_the_door(self, tmp_path: Path) -> None:
        write_events(tmp_path / "events.ndjson", hostile())
        with (tmp_path / "events.ndjson").open("a", encoding="utf-8") as file:
            file.write('{"v":1,"at":"2026-01-15T00:00:00Z","type":"run-interrupted","signal":"\\ud800"}\n')
        with pytest.raises(ValueError, match="not an event"):
            write_reports(tmp_path)


def test_reports_are_made_from_the_events_alone(tmp_path: Path) -> None:
    write_events(tmp_path / "events.ndjson", RUNS["all-verdicts"]())
    first = write_reports(tmp_path)
    texts = [path.read_bytes() for path in (first.html, first.json, first.junit)]
    again = write_reports(tmp_path)
    assert [path.read_bytes() for path in (again.html, again.json, again.junit)] == texts


def test_a_failure_shows_clause_sent_expected_actual_why_and_how_to_repeat(tmp_path: Path) -> None:
    page = html(tmp_path, RUNS["all-verdicts"]())
    article = page.partition('id="f-AM-9.1-02a"')[2].partition("</article>")[0]
    for words in ("手順書1.0 5章③-1", "中央区１－２", "k01-plain", "住民の申請が失われるため", "-k AM-9.1-02a", "--seed 7", "--date 2026-01-15", "authorization: Bearer ［秘匿］"):  # fmt: skip
        assert words in article, words


def test_only_short_words_of_a_table_are_kept_on_one_line() -> None:
    """A remark beside a check may be long: kept on one line it would push the verdicts off the page."""
    template = (TEMPLATES / "report.html.j2").read_text(encoding="utf-8")
    assert "td .short, td.short { white-space:nowrap; }" in template
    assert '<span class="soft">{{ one.reason_ja' in template
    assert "td .soft {" not in template
