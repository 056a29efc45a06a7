"""The staff's screen: pages and files out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, HTMLResponse, Response

from mock_services.download.packages import Package, ready
from mock_services.kanri.models import MESSAGE_MOST, SEARCHED, Listing, Staff
from mock_services.pages import HEADERS, Pages

_FOLDER = Path(__file__).with_name("templates")
_SHARED = Path(__file__).parents[1] / "portal" / "templates"
SAID_SIGN_IN = "団体コード・アカウント・パスワードのどれかが違います"
SAID_STATUS = f"処理状況を選び、連絡は {MESSAGE_MOST} 文字までで入力してください"
SAID_NOT_OURS = "この団体に、その受付番号の申請はありません"


class StaffPages:
    """The pages of one screen."""

    def __init__(self, staff: Staff) -> None:
        self._staff, self._pages = staff, Pages(_FOLDER, _SHARED, time_form="%Y-%m-%d %H:%M")

    def _page(self, name: str, status: int, town: str, **values: Any) -> HTMLResponse:
        shared = {
            "town": town,
            "town_name": self._staff.town_name(town),
            "statuses": self._staff.statuses,
            "procedures": self._staff.procedures,
        }
        return self._pages.page(name, status, shared | values)

    def sign_in(self, said: str = "") -> Response:
        return self._page("sign_in_staff", 401 if said else 200, "", said=said)

    def listing(self, town: str, found: Listing, status: str, words: str) -> Response:
        values = {"rows": found.rows, "total": found.total, "chosen": status, "q": words, "searched": SEARCHED}
        return self._page("list", 200, town, **values)

    def one(self, town: str, receipt_no: str, said: str = "") -> Response:
        return self._page("one", 400 if said else 200, town, one=self._staff.application(town, receipt_no), said=said)

    def not_ours(self) -> Response:
        return self._page("refused", 404, "", said=SAID_NOT_OURS)


async def package_file(package: Package) -> Response:
    """The ZIP as a file to keep; a big one from where it lies."""
    await ready([package])
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{package.sha256[:12]}.zip"'}
    if package.path is not None:
        return FileResponse(package.path, media_type="application/zip", headers=headers)
    return Response(package.read(), media_type="application/zip", headers=headers)
