"""Check README.md, CONTRIBUTING.md, docs/ and changelog.d/: links and anchors resolve, ADRs and fragments are in form.

usage: python tools/docs_check.py — exit status 1 with one line per finding.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"(?<!\\)\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
ADR_NAME = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
FRAGMENT_NAME = re.compile(r"[a-z0-9-]+\.(added|changed|fixed)\.md")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def findings(root: Path) -> Iterator[str]:
    """Yield one sentence per mistake in the documents below `root`."""
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    for page in pages:
        yield from broken_links(root, page)
    yield from misshapen_adrs(root / "docs" / "adr")
    yield from misshapen_fragments(root / "changelog.d")


def broken_links(root: Path, page: Path) -> Iterator[str]:
    """Yield the links of `page` that lead to no file or heading of this repository."""
    for target in LINK.findall(CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or not linked.is_relative_to(root):
            yield f"{page.relative_to(root)}: リンク切れ / broken link: {target}"
        elif anchor and linked.suffix == ".md" and anchor not in anchors(linked):
            yield f"{page.relative_to(root)}: 見出しがありません / no such heading: {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made the way GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    found = set(EXPLICIT_ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        base = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchor, number = base, 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def misshapen_adrs(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the decision records: names, doubled numbers, no English summary."""
    seen: dict[str, str] = {}
    for page in sorted(folder.glob("*.md")):
        name = ADR_NAME.fullmatch(page.name)
        if name is None:
            yield f"{page.name}: ADR の名前は NNNN-slug.md / an ADR is named NNNN-slug.md"
            continue
        if name[1] in seen:
            yield f"{page.name}: 番号が {seen[name[1]]} と重複 / number used twice"
        seen[name[1]] = page.name
        if "\n## English summary\n" not in page.read_text(encoding="utf-8"):
            yield f"{page.name}: 英語の要約がありません / no “## English summary”"


def misshapen_fragments(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the changelog fragments: names, or not one Japanese and one English line."""
    for fragment in sorted(folder.iterdir()):
        if fragment.name == "README.md":
            continue
        lines = fragment.read_text(encoding="utf-8").strip().splitlines()
        if not FRAGMENT_NAME.fullmatch(fragment.name):
            yield f"{fragment.name}: 名前は slug.(added|changed|fixed).md / misnamed fragment"
            continue
        parts = lines if len(lines) == 2 else "".join(lines).split(" / ")
        if len(lines) not in (1, 2) or len(parts) < 2 or not JAPANESE.search(parts[0]) or JAPANESE.search(parts[-1]):
            yield f"{fragment.name}: 日本語、次に英語を各1行 / one line in Japanese, then one in English"


def main() -> None:
    """Entry point."""
    found = list(findings(Path(__file__).resolve().parents[1]))
    for finding in found:
        print(finding)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    main()
