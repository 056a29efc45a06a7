"""All generated files of a specification: making them, writing them, and finding those that are stale."""

from __future__ import annotations

import json
from pathlib import Path

from interface_spec.profile import Profile
from testbed.specgen import html, markdown
from testbed.specgen.openapi import control_document, surface_document
from testbed.specgen.pages import all_pages

MARK = "shinsei spec build"
FOLDER = Path(__file__).parents[2] / "docs" / "interface"


def generate(profile: Profile) -> dict[str, str]:
    """Path below the folder → text of every file of the specification of ``profile``."""
    pages = all_pages(profile)
    edition = f"{profile.profile.ja} {profile.profile.edition}"
    files: dict[str, str] = {}
    for page in pages:
        files[f"{page.name}.html"] = html.render(page, pages, edition)
        files[f"{page.name}.md"] = markdown.render(page, edition)
    for name in profile.surfaces:
        files[f"openapi/{name}.json"] = _json(surface_document(profile, name))
    files["openapi/control.json"] = _json(control_document())
    return files


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def stale(files: dict[str, str], folder: Path) -> list[str]:
    """What differs between ``files`` and ``folder``: one sentence per file (changed, missing, or no longer made)."""
    found = []
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: ありません / missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name}: 古くなっています / stale")
    made = {folder / name for name in files}
    kept = sorted(path for path in folder.rglob("*") if path.is_file() and path not in made)
    return found + [f"{path.relative_to(folder)}: もう作られません / no longer made" for path in kept]


def write(files: dict[str, str], folder: Path) -> int:
    """Writes every file that changed and removes generated ones that are no longer made; the number of changes."""
    changed = 0
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            changed += 1
    made = {folder / name for name in files}
    for path in sorted({*folder.glob("*"), *folder.glob("openapi/*")} - made):
        if path.is_file() and _is_ours(path):
            path.unlink()
            changed += 1
    return changed


def _is_ours(path: Path) -> bool:
    """Whether a file was made by this generator: a folder of somebody else's keeps its own files."""
    if path.suffix not in (".html", ".md", ".json"):
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return MARK in text or (path.parent.name == "openapi" and '"x-provenance"' in text)
