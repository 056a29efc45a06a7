"""ぴったりサービス as one system of the simulated world: API, screens, test residents."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cryptography.hazmat.primitives.serialization import Encoding

from interface_spec.errors import SpecError
from interface_spec.procedures import load_procedures
from mock_services.asgi import MAX_REQUEST_BODY, ServiceApp
from mock_services.card_wire import SignedBy, SignOrder, TestPerson
from mock_services.disturb import Disturbed
from mock_services.download.shelf import Application
from mock_services.errors import UnknownError
from mock_services.faults import FaultBox, reach_of
from mock_services.portal import hikkoshi
from mock_services.portal.cms import sign
from mock_services.portal.models import Draft, PortalStore, Rules
from mock_services.portal.people import People, Person
from mock_services.portal.routes import PortalService, bind_portal
from mock_services.screens import screen_app, screen_box
from mock_services.systems import Quiet, Site, Zone
from mock_services.wiring import JST

if TYPE_CHECKING:
    from fastapi import FastAPI

_RECEIPT_LENGTH = 20
_SCREEN = "portal-screen"
_DONE = "completed"


@runtime_checkable
class Mover(Protocol):
    """What the portal's 転出届 sets off in the CS."""

    def move_out(self, juminhyo_codes: list[str], from_dantai: str, to_dantai: str, moved_on: date) -> int: ...


class PortalSystem(Quiet):
    """Doors: ``portal`` (API) and ``portal-screen``."""

    name = "portal"
    zone: Zone = "internet"

    def __init__(self, site: Site) -> None:
        config, profile = site.config.portal, site.profile
        if config is None:
            raise SpecError("world.json", "portal", "この節が要ります / needed")
        self._site, self._config = site, config
        self._bound = bind_portal(profile)
        length = profile.package.documents["application"].items["receipt_no"].length or _RECEIPT_LENGTH
        own = site.config
        rules = Rules(
            towns=(own.dantai_code, *(one.dantai_code for one in own.download.other_accounts)),
            package_bytes=profile.limit("package_bytes"),
            package_entries=profile.limit("package_entries"),
            receipt_length=min(length, _RECEIPT_LENGTH),
            arrival=timedelta(seconds=config.arrival_seconds),
        )
        people = People(config.people_seed, own.start_clock.astimezone(JST).date(), profile, own.dantai_code)
        key = hmac.new(b"shinsei-testbed-portal", own.seed.encode(), hashlib.sha256).digest()
        self.store = PortalStore(
            site.clock, people, load_procedures().values(), rules, site.world.load_application, key
        )
        self.boxes = {
            self.name: FaultBox(reach_of(self.name, self._bound.surface)),
            _SCREEN: screen_box(_SCREEN),
        }
        site.world.applications.on_status.append(self._finished)
        self.store.on_pair.append(self._paired)

    def _finished(self, application: Application) -> None:
        draft = self.store.sent(application.receipt_no)
        if draft is not None:
            self._move_out(draft, application)

    def _paired(self, draft: Draft) -> None:
        application = self._site.world.applications.peek(draft.receipt_no)
        if application is not None:
            self._move_out(draft, application)

    def _move_out(self, draft: Draft, application: Application) -> None:
        """The old town has finished a 転出届: its 転出証明書情報 goes CS → CS (図表5). A 予約 alone moves nobody."""
        cs: object = self._site.world.systems.get("juki_cs")
        if application.status != _DONE or application.procedure_id != hikkoshi.TENSHUTSU:
            return
        if draft.pair is None or draft.sender is None or not isinstance(cs, Mover):
            return
        codes = [one.juminhyo_code for one in hikkoshi.movers(draft.items, draft.sender) if one.juminhyo_code]
        cs.move_out(codes, draft.dantai_code, draft.pair.dantai_code, hikkoshi.moved_on(draft.items))

    def doors(self) -> dict[str, Any]:
        from mock_services.portal.pages import portal_pages

        service = PortalService(self._bound, self.store, self._site.world.applications, self._config.api_keys)
        disturbed = Disturbed(service, self._bound, self.boxes[self.name])
        most = self.store.rules.package_bytes
        pages = portal_pages(self.store, self._site.world.applications, self._config.town_names)
        recorder, folder = self._site.recorder, self._site.config.run_dir / "packages"
        return {
            self.name: ServiceApp(disturbed, recorder, most),
            _SCREEN: screen_app(_SCREEN, pages, self.boxes[_SCREEN], recorder, folder, most + MAX_REQUEST_BODY),
        }

    def reset(self) -> None:
        self.store.reset()

    def take_over(self, filled: PortalSystem) -> None:
        self.store.take_over(filled.store)

    def person(self, number: int) -> Person:
        persons = self.store.people.persons
        if not 0 <= number < len(persons):
            raise UnknownError(f"試験用の住民は 0 から {len(persons) - 1} までです / no such test resident")
        return persons[number]

    def _auth_certificate(self, person: Person) -> str:
        certificate = self.store.people.login_holder(person).certificate
        return b64encode(certificate.public_bytes(Encoding.DER)).decode()

    def control(self, app: FastAPI, base: str) -> None:
        @app.get(f"{base}/portal/people", tags=["portal"], summary="試験用の住民 / test residents")
        async def people() -> list[TestPerson]:
            """The test residents who can sign in (everybody is synthetic)."""
            return [
                TestPerson(
                    number=one.number,
                    name=one.resident.name,
                    kana=one.resident.kana,
                    birth_date=one.resident.birth_date,
                    address=one.resident.address,
                    household=[member.name for member in one.household],
                    auth_certificate=self._auth_certificate(one),
                )
                for one in self.store.people.persons
            ]

        @app.post(
            f"{base}/portal/people/{{number}}/sign",
            tags=["portal"],
            summary="試験用カードで署名する / sign with a test card",
        )
        async def sign_with_card(number: int, order: SignOrder) -> SignedBy:
            """Let a test resident's card sign, as the device of an API client's user would."""
            person = self.person(number)
            signature = sign(self.store.people.signing_holder(person), bytes.fromhex(order.sign_target))
            return SignedBy(signature=b64encode(signature).decode(), auth_certificate=self._auth_certificate(person))


def build(site: Site) -> PortalSystem:
    return PortalSystem(site)
