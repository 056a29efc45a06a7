"""団体内統合宛名 as one system of the simulated world."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from interface_spec.errors import SpecError
from mock_services.asgi import ServiceApp
from mock_services.disturb import Disturbed
from mock_services.errors import RefusedError
from mock_services.faults import FaultBox, reach_of
from mock_services.models import TogoRecord
from mock_services.surface import check_row
from mock_services.systems import Quiet, Site, Zone
from mock_services.togo.models import TogoStore
from mock_services.togo.oauth import Client, TokenStore
from mock_services.togo.responses import refused
from mock_services.togo.routes import TOKEN, TogoService, bind_togo
from mock_services.wiring import WireError

if TYPE_CHECKING:
    from fastapi import FastAPI


class TogoSystem(Quiet):
    """Store, tokens and service; built by `build`."""

    name = "togo"
    zone: Zone = "mynumber"

    def __init__(self, site: Site) -> None:
        self._bound, self._oauth = bind_togo(site.profile)
        self._recorder = site.recorder
        self.store = TogoStore()
        key = hmac.new(b"shinsei-testbed-togo", site.config.seed.encode(), hashlib.sha256).digest()
        self.tokens = TokenStore(self._oauth, self._clients(site), site.clock, key)
        self.boxes = {self.name: FaultBox(reach_of(self.name, self._bound.surface, extra=(TOKEN,)))}

    def _clients(self, site: Site) -> list[Client]:
        config = site.config.togo
        if config is None:
            raise SpecError("world.json", "togo", "この節が要ります / needed")
        for number, one in enumerate(config.clients):
            place = f"togo.clients.{number}"
            if len(one.client_id) != self._oauth.client_id_length or not one.client_id.isalnum():
                raise SpecError(
                    "world.json",
                    f"{place}.client_id",
                    f"英数字 {self._oauth.client_id_length} 文字にします / wrong length",
                )
            if len(one.secret) < self._oauth.secret_least:
                raise SpecError(
                    "world.json", f"{place}.secret", f"{self._oauth.secret_least} 文字以上にします / too short"
                )
            if unknown := sorted(set(one.scopes) - set(self._oauth.scopes)):
                raise SpecError("world.json", f"{place}.scopes", f"{unknown[0]!r} はプロファイルにありません / unknown")
        return [Client(one.client_id, one.secret, one.scopes or self._oauth.scopes) for one in config.clients]

    def doors(self) -> dict[str, Any]:
        box = self.boxes[self.name]
        service = TogoService(self._bound, self._oauth, self.store, self.tokens, box)
        first = next(iter(self._bound.surface.operations.values()))
        disturbed = Disturbed(
            service,
            self._bound,
            box,
            other_calls={self._oauth.token_path: TOKEN},
            write_error=lambda name: refused(self._bound, first, name),
        )
        return {self.name: ServiceApp(disturbed, self._recorder)}

    def reset(self) -> None:
        self.store.replace(())
        self.tokens.reset()

    def take_over(self, filled: TogoSystem) -> None:
        self.store.replace(filled.store.full())

    def put(self, rows: list[TogoRecord]) -> None:
        """Replace everything. RefusedError for a row with no wire form, a number twice, or merging into nobody."""
        for number, row in enumerate(rows, start=1):
            wire = {
                "atena_no": row.atena_no,
                "togo_atena_no": row.togo_atena_no or row.atena_no,
                "merged_into": row.merged_into or None,
                "merged": bool(row.merged_into),
            }
            try:
                check_row(self._bound, self._bound.operation("lookup"), wire)
                check_row(
                    self._bound,
                    self._bound.operation("reverse"),
                    {"gyomu_id": row.gyomu_id, "atena_no": row.atena_no},
                )
            except WireError as error:
                raise RefusedError(f"togo {number} 件目: {error}") from None
        try:
            self.store.replace(rows)
        except ValueError as error:
            raise RefusedError(str(error)) from None

    def control(self, app: FastAPI, base: str) -> None:
        @app.put(
            f"{base}/togo",
            status_code=204,
            tags=["togo"],
            summary="団体内統合宛名を入れ替える / replace 団体内統合宛名",
        )
        async def put_togo(rows: list[TogoRecord]) -> None:
            """Replace the whole 団体内統合宛名."""
            self.put(rows)

        @app.get(f"{base}/togo", tags=["togo"], summary="団体内統合宛名を見る / read 団体内統合宛名")
        async def togo() -> list[TogoRecord]:
            return self.store.full()


def build(site: Site) -> TogoSystem:
    return TogoSystem(site)
