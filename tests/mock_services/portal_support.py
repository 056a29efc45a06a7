"""A world with a portal, and an API client that fills in any form."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from mock_services.portal.cms import sign
from mock_services.portal.system import PortalSystem
from tests.mock_services.support import DANTAI, OTHER_DANTAI, InProcess, asgi_client, in_process

KEY = "site-key"
NAMES = {DANTAI: "架空湊市", OTHER_DANTAI: "架空隣市"}
PDF = b"%PDF-1.4 test"


def with_portal(folder: Path, overlay: Path | None = None, **changes: Any) -> InProcess:
    config = {"api_keys": {"site": KEY, "other": "other-key"}, "town_names": NAMES} | changes
    return in_process(folder, overlay=overlay, portal=config)


def portal(world: InProcess) -> PortalSystem:
    found = world.world.systems["portal"]
    assert isinstance(found, PortalSystem)
    return found


def api(world: InProcess, key: str = KEY) -> httpx.Client:
    return asgi_client(portal(world).doors()["portal"], {"X-Api-Key": key})


_VALUES = {
    "kana": "テスト",
    "date": "2026-10-01",
    "integer": "3",
    "phone": "090-0000-0000",
    "postal": "000-0000",
    "flag": "1",
    "text": "記入",
}


def filled(form: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A right value for every item of a form definition, each group once."""
    items = []
    for one in form:
        value = one["choices"].split("\n")[0] if one["type"] == "choice" else _VALUES[one["type"]]
        row = {"id": one["id"], "occurrence": 1, "value": value}
        items.append(row | ({"group": one["group"]} if one.get("group") else {}))
    return items


def create(
    http: httpx.Client, procedure: str = "K06", dantai: str = DANTAI, key: str = "k1", **body: Any
) -> httpx.Response:
    form = http.get(f"/shinsei/v1/procedures/{procedure}/form", params={"dantaiCode": dantai}).json()
    values = {
        "procedureId": procedure,
        "dantaiCode": dantai,
        "applicantKind": "1",
        "formVersion": form["formVersion"],
        "items": filled(form["items"]),
    }
    return http.post("/shinsei/v1/applications", json=values | body, headers={"Idempotency-Key": key})


def attach(
    http: httpx.Client,
    draft: str,
    seq: int = 1,
    name: str = "書類.pdf",
    label: str = "その他",
    data: bytes = PDF,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    values = {
        "X-File-Name": quote(name),
        "X-Label": quote(label),
        "X-Content-SHA256": hashlib.sha256(data).hexdigest(),
    }
    return http.put(
        f"/shinsei/v1/applications/{draft}/attachments/{seq}", content=data, headers=values | (headers or {})
    )


def proofs(world: InProcess, target: str, number: int = 0, *, login: int | None = None) -> dict[str, str]:
    people = portal(world).store.people
    signer, person = people.persons[number], people.persons[number if login is None else login]
    signature = sign(people.signing_holder(signer), bytes.fromhex(target))
    certificate = people.login_holder(person).certificate.public_bytes(Encoding.DER)
    return {"signature": b64encode(signature).decode(), "authCertificate": b64encode(certificate).decode()}


def submit(http: httpx.Client, draft: str, body: dict[str, str]) -> httpx.Response:
    return http.post(f"/shinsei/v1/applications/{draft}/submission", json=body)
