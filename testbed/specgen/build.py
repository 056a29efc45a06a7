"""All generated files of a specification: making them, writing them, and finding those that are stale."""

from __future__ import annotations

import json
from pathlib import Path

from interface_spec.profile import Profile
from testbed.generated import Generated
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


def made(profile: Profile) -> Generated:
    """The specification of ``profile``."""
    return Generated(generate(profile), _is_ours)


def _is_ours(path: Path) -> bool:
    """Whether a file was made by this generator: a folder of somebody else's keeps its own files."""
    if path.suffix not in (".html", ".md", ".json"):
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return MARK in text or (path.parent.name == "openapi" and '"x-provenance"' in text)
