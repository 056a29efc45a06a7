"""What staff do on the pages (③-3, ③-4, quarantine): forms that change one application, then back to its page."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from interface_spec.control import IdentifyPerson, Review, ReviewChange, Role
from reference_impl.shinsei_kanri.desk import Desk, RefusedError
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.pages.staff import PREFIX, Staff
from reference_impl.shinsei_kanri.web import Call, InvalidError, whole

LONGEST = 1000
S = TypeVar("S", bound=StrEnum)


class Filled:
    """The fields of a form that staff sent."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def text(self, name: str, default: str | None = None) -> str:
        """Raises InvalidError when it is missing without ``default``, or too long."""
        value = self._fields.get(name, default)
        if value is None or len(value) > LONGEST:
            raise InvalidError(f"body.{name}")
        return value

    def choice(self, name: str, kind: type[S]) -> S:
        try:
            return kind(self.text(name))
        except ValueError:
            raise InvalidError(f"body.{name}") from None

    def whole(self, name: str) -> int:
        return whole(f"body.{name}", self.text(name))


def routes(staff: Staff, desk: Desk, intake: Intake) -> list[Route]:
    """The forms' targets. A refusal (409) leaves everything as it was."""

    def action(path: str, work: Callable[[str, Filled, str], None]) -> Route:
        def done(call: Call, name: str) -> Response:
            receipt_no, filled = call.path["receipt_no"], Filled(call.form())
            if not hmac.compare_digest(filled.text("token").encode(), staff.token(name).encode()):
                # Another site's page cannot know it.
                raise HTTPException(403, "画面を開き直してください / reload the page")
            work(receipt_no, filled, name)
            return RedirectResponse(f"{PREFIX}/applications/{quote(receipt_no, safe='')}", 303)

        return staff.route("POST", f"/applications/{{receipt_no}}/{path}", done)

    def change_review(receipt_no: str, filled: Filled, name: str) -> None:
        to, version, reason = filled.choice("to", Review), filled.whole("version"), filled.text("reason", "")
        desk.change_review(receipt_no, ReviewChange(to=to, reason=reason, version=version, actor=name))

    def identify(receipt_no: str, filled: Filled, name: str) -> None:
        role, version = filled.choice("role", Role), filled.whole("version")
        atena_no, none, reason = filled.text("atena_no", "").strip(), filled.text("none", ""), filled.text("reason", "")
        if not reason.strip():
            raise RefusedError("理由を書いてください / write the reason")
        if bool(atena_no) == bool(none):
            raise RefusedError("宛名番号か「番号なし」のどちらか一方を選んでください / choose a number or none")
        wanted = IdentifyPerson(role=role, atena_no=atena_no or None, reason=reason, actor=name)
        desk.identify(receipt_no, wanted, version)

    def resident_told(receipt_no: str, filled: Filled, name: str) -> None:
        desk.resident_told(receipt_no, name, filled.text("reason", ""))

    def again(receipt_no: str, filled: Filled, name: str) -> None:
        intake.again(receipt_no, name, filled.text("reason", ""), release=bool(filled.text("release", "")))

    return [
        action("review", change_review),
        action("identify", identify),
        action("resident", resident_told),
        action("quarantine", again),
    ]
