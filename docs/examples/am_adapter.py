"""adapter "python" の例: 製品の管理用APIを、標準ライブラリだけで呼ぶ。 / Example: calls the product's own API.

辞書の形は制御インターフェース（docs/interface/openapi/control.json）と同じ。書かなかったメソッドは「見えない」ものとなり、
その検査は未検証になる。製品が断ったときは Refused を送出する。
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

BASE = "/control/v1"
PAGE = 200


class Refused(Exception):
    """The product refused a change; the harness looks for this name."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Product:
    """What the harness may ask. ``settings`` is [adapter.python.settings] of target.toml."""

    unseen = ()
    """Words for what the product cannot show, e.g. ("history", "candidates")."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.url = settings["url"]
        self.token = os.environ.get("SHINSEI_CONTROL_TOKEN", "")

    def health(self) -> dict[str, Any]:
        return self._json("GET", "/health")

    def sync(self) -> dict[str, Any]:
        return self._finished(self._json("POST", "/sync"))

    def import_now(self) -> dict[str, Any]:
        return self._finished(self._json("POST", "/imports"))

    def applications(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._json("GET", f"/applications?offset={len(found)}&limit={PAGE}")
            found += page["items"]
            if not page["items"] or len(found) >= page["total"]:
                return found

    def application(self, receipt_no: str) -> dict[str, Any] | None:
        status, data = self._call("GET", f"/applications/{receipt_no}")
        return json.loads(data) if status == 200 else None

    def attachment(self, receipt_no: str, seq: int) -> bytes | None:
        status, data = self._call("GET", f"/applications/{receipt_no}/attachments/{seq}")
        return data if status == 200 else None

    def review(self, receipt_no: str, change: dict[str, Any]) -> dict[str, Any]:
        return self._json("POST", f"/applications/{receipt_no}/review", change)

    def identify(self, receipt_no: str, person: dict[str, Any]) -> dict[str, Any]:
        return self._json("POST", f"/applications/{receipt_no}/identify", person)

    def _finished(self, job: dict[str, Any]) -> dict[str, Any]:
        while job["state"] == "running":
            time.sleep(0.05)
            job = self._json("GET", f"/jobs/{job['job_id']}")
        return job

    def _json(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, data = self._call(method, path, body)
        if status >= 400:
            raise Refused(status, data.decode("utf-8", "replace")[:500])
        return json.loads(data)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - target.toml names the address
            f"{self.url}{BASE}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
