"""What staff do on the pages (③-3, ③-4, quarantine): forms that change one application, then back to its page."""

from __future__ import annotations

import hmac
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException
from fastapi.responses import RedirectResponse

from interface_spec.control import IdentifyPerson, Review, ReviewChange, Role
from reference_impl.shinsei_kanri.desk import Desk, RefusedError
from reference_impl.shinsei_kanri.intake import Intake
from reference_impl.shinsei_kanri.pages.staff import Staff

Text = Annotated[str, Form(max_length=1000)]


def router(staff: Staff, desk: Desk, intake: Intake) -> APIRouter:
    """The forms' targets. A refusal (409) leaves everything as it was."""
    api = APIRouter(prefix="/staff/applications/{receipt_no}", include_in_schema=False)

    def checked(name: str, token: str) -> None:
        """The form was shown by us: another site's page cannot know the token."""
        if not hmac.compare_digest(token.encode(), staff.token(name).encode()):
            raise HTTPException(403, "画面を開き直してください / reload the page")

    def back(receipt_no: str) -> RedirectResponse:
        return RedirectResponse(f"/staff/applications/{quote(receipt_no, safe='')}", 303)

    @api.post("/review")
    def change_review(
        receipt_no: str,
        token: Text,
        to: Annotated[Review, Form()],
        version: Annotated[int, Form()],
        reason: Text = "",
        name: str = Depends(staff.name),
    ) -> RedirectResponse:
        checked(name, token)
        desk.change_review(receipt_no, ReviewChange(to=to, reason=reason, version=version, actor=name))
        return back(receipt_no)

    @api.post("/identify")
    def identify(
        receipt_no: str,
        token: Text,
        role: Annotated[Role, Form()],
        version: Annotated[int, Form()],
        atena_no: Text = "",
        none: Text = "",
        reason: Text = "",
        name: str = Depends(staff.name),
    ) -> RedirectResponse:
        checked(name, token)
        if not reason.strip():
            raise RefusedError("理由を書いてください / write the reason")
        if bool(atena_no.strip()) == bool(none):
            raise RefusedError("宛名番号か「番号なし」のどちらか一方を選んでください / choose a number or none")
        wanted = IdentifyPerson(role=role, atena_no=atena_no.strip() or None, reason=reason, actor=name)
        desk.identify(receipt_no, wanted, version)
        return back(receipt_no)

    @api.post("/resident")
    def resident_told(
        receipt_no: str, token: Text, reason: Text = "", name: str = Depends(staff.name)
    ) -> RedirectResponse:
        checked(name, token)
        desk.resident_told(receipt_no, name, reason)
        return back(receipt_no)

    @api.post("/quarantine")
    def again(
        receipt_no: str, token: Text, reason: Text = "", release: Text = "", name: str = Depends(staff.name)
    ) -> RedirectResponse:
        checked(name, token)
        intake.again(receipt_no, name, reason, release=bool(release))
        return back(receipt_no)

    return api
