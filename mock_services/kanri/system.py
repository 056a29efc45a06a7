"""The staff's screen as one system of the simulated world: it works while the API is disturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_services.faults import FaultBox
from mock_services.screens import screen_app, screen_box
from mock_services.systems import Quiet, Site, Zone

if TYPE_CHECKING:
    from fastapi import FastAPI


class KanriSystem(Quiet):
    """Door: ``kanri-screen``. It has no data of its own."""

    name = "kanri"
    zone: Zone = "lgwan-side"

    def __init__(self, site: Site) -> None:
        self._site = site
        self.boxes: dict[str, FaultBox] = {self.name: screen_box(self.name, hands_out_zips=True)}

    def doors(self) -> dict[str, Any]:
        from mock_services.kanri.routes import kanri_pages

        config = self._site.config.kanri
        names = config.town_names if config is not None else {}
        pages = kanri_pages(self._site.profile, self._site.world.applications, names)
        folder = self._site.config.run_dir / "packages"
        return {"kanri-screen": screen_app(self.name, pages, self.boxes[self.name], self._site.recorder, folder)}

    def reset(self) -> None:
        return

    def take_over(self, filled: KanriSystem) -> None:
        """Nothing of what a world is filled with lies here."""

    def control(self, app: FastAPI, base: str) -> None:  # noqa: ARG002 - the screen has no data of its own
        return


def build(site: Site) -> KanriSystem:
    return KanriSystem(site)
