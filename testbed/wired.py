"""Whether a profile that is valid in itself also fits what our simulated systems can do."""

from __future__ import annotations

from fixtures.wiring import DocumentWriter
from interface_spec.profile import Profile
from mock_services.core.handover import bind_handover
from mock_services.core.routes import bind_atena
from mock_services.dialects import check_dialects
from mock_services.download.routes import bind_download
from mock_services.juki.routes import bind_link


def check_wiring(profile: Profile) -> None:
    """SpecError or FixtureError, one sentence, when the simulated systems could not work under this profile."""
    DocumentWriter(profile)
    bind_download(profile)
    bind_link(profile)
    bind_atena(profile)
    bind_handover(profile)
    check_dialects(profile)
