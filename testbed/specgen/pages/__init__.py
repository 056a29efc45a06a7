"""The pages of the specification, in reading order."""

from __future__ import annotations

from interface_spec.profile import Profile
from testbed.specgen.model import Page
from testbed.specgen.pages import codes, communication, core, drops, index, package, procedures, records, surfaces


def all_pages(profile: Profile) -> tuple[Page, ...]:
    """Every page; the first is the entrance, which names all others."""
    pages = (
        communication.page(profile),
        *surfaces.pages(profile),
        package.page(profile),
        *records.pages(profile),
        drops.page(profile),
        codes.page(profile),
        procedures.page(),
        *core.pages(profile),
    )
    return (index.page(profile, pages), *pages)
