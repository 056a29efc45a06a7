"""③-5 図表22: the document that a core system's vendor gets, written from the profile that is installed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from interface_spec.procedures import Procedure
from interface_spec.profile import CodeList, Operation, Profile, Surface
from interface_spec.profile.drops import Drop
from interface_spec.profile.items import Item
from reference_impl.shinsei_kanri import VERSION, handover
from reference_impl.shinsei_kanri.pages.rendering import environment

SURFACE = "handover"
DROPS = ("handover", "core_results")


@dataclass(frozen=True)
class File:
    """One file of a drop with its columns."""

    ja: str
    name: str
    container: str
    items: Mapping[str, Item]


@dataclass(frozen=True)
class Folder:
    """One drop: its files, and the manifest that comes last."""

    drop: Drop
    path: str
    files: Sequence[File]


@dataclass(frozen=True)
class Document:
    """Everything that the page shows. ``calls`` is empty for a core system that is served by files, ``folders`` otherwise."""

    core_system: str
    dantai_code: str
    profile: Profile
    fingerprint: str
    version: str
    made_at: datetime
    surface: Surface
    calls: Mapping[str, Operation]
    folders: Sequence[Folder]
    procedures: Sequence[Procedure]
    codes: Mapping[str, CodeList]


def document(
    profile: Profile,
    procedures: Mapping[str, Procedure],
    core_system: str,
    dantai_code: str,
    made_at: datetime,
    *,
    by_files: bool,
) -> Document:
    """What ``core_system`` needs to take over applications here. LookupError when no procedure goes there."""
    own = [procedures[one] for one in sorted(handover.procedures_of(core_system, procedures))]
    if not own:
        raise LookupError(core_system)
    surface = profile.surfaces[SURFACE]
    calls = {} if by_files else {name: one for name, one in surface.operations.items() if one.declared}
    folders = [_folder(profile, profile.drops[name], core_system) for name in DROPS] if by_files else []
    items = [item for call in calls.values() for item in _items_of_call(call)]
    items += [item for folder in folders for item in _items_of_folder(folder)]
    used = {item.codes for item in items if item.codes}
    return Document(
        core_system,
        dantai_code,
        profile,
        fingerprint(profile),
        VERSION,
        made_at,
        surface,
        calls,
        folders,
        own,
        {name: one for name, one in profile.codes.items() if name in used},
    )


def fingerprint(profile: Profile) -> str:
    """The first 16 digits of a SHA-256 over the whole profile: equal for equal agreements only."""
    text = json.dumps(profile.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def html(content: Document) -> str:
    """The document as one HTML file that needs nothing else."""
    return environment().get_template("interface.html").render(one=content)


def _folder(profile: Profile, drop: Drop, core_system: str) -> Folder:
    files = []
    for file in drop.files.values():
        surface, _, operation = file.like.partition(".")
        items = profile.surfaces[surface].operations[operation].row if file.like else file.row
        files.append(File(file.ja, _named(file.name, core_system), file.container, items))
    return Folder(drop, drop.folder.replace("{core_system}", core_system), files)


def _named(template: str, core_system: str) -> str:
    return template.replace("{core_system}", core_system)


def _items_of_call(call: Operation) -> Iterable[Item]:
    for part in (call.request, call.request_row, call.response, call.row):
        yield from part.values()


def _items_of_folder(folder: Folder) -> Iterable[Item]:
    for file in folder.files:
        yield from file.items.values()
    yield from folder.drop.manifest.items.values()
