"""Whatever is typed into a screen or asked of the LGWAN site, the answer is a page: never a 5xx, and no data are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_services.asgi import ServiceApp
from mock_services.http import Answer, Request
from tests.mock_services.portal_support import NAMES, portal
from tests.mock_services.support import DANTAI, InProcess, asgi_client, in_process, meta
from tests.mock_services.test_portal_screens import fill, sign_in

NAMES_OF_FIELDS = [
    "number", "next", "applicant_kind", "action", "label", "file", "sign", "new_town", "visit_date", "visit_time",
    "status", "message", "dantai_code", "account", "secret", "claimant_name", "member_name-1", "movers", "more", "q",
    "procedure", "town", "also", "remove",
]  # fmt: skip
VALUES = st.sampled_from(
    ["", "0", "1", "-1", "99999999999999999999", "M01", DANTAI, "completed", "self", "check", "２", "\x00"]
)
FIELDS = st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), VALUES | st.text(max_size=12), max_size=5)
KINDS = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    found = in_process(
        tmp_path_factory.mktemp("screens"),
        portal={"api_keys": {"site": "key"}, "town_names": NAMES},
        kanri={"town_names": NAMES},
        lgwan={},
    )
    found.world.load_application(meta(1), b"PK")
    yield found
    found.world.recorder.close()


@pytest.fixture(scope="module")
def paths(world: InProcess) -> dict[str, tuple[ServiceApp, str, list[str]]]:
    """Door → (application, cookies of somebody signed in, paths)."""
    resident = asgi_client(portal(world).doors()["portal-screen"])
    resident.follow_redirects = True
    sign_in(resident)
    draft = fill(resident, "M01").url.path
    staff = asgi_client(world.world.systems["kanri"].doors()["kanri-screen"])
    staff.post("/sign-in", data={"dantai_code": DANTAI, "account": "city", "secret": "open sesame"})
    apply = [f"/apply/{DANTAI}/{one}" for one in ("M01", "K01", "K06", "none")]
    common = ["/", "/sign-in", "/sign-out", "/nowhere"]
    one = [
        "/applications/R0001",
        "/applications/R0001/status",
        "/applications/R0001/package",
        "/applications/none/status",
    ]
    mine = [*apply, draft, f"{draft}/files", f"{draft}/submit", "/receipts", "/receipts/none", "/drafts/none/submit"]
    doors: dict[str, tuple[ServiceApp, str, list[str]]] = {}
    for system, door, client, own in (
        ("portal", "portal-screen", resident, mine),
        ("kanri", "kanri-screen", staff, one),
        ("lgwan", "lgwan-site", None, []),
    ):
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items()) if client else ""
        doors[door] = (world.world.systems[system].doors()[door], cookies, common + own)
    return doors


@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    door=st.sampled_from(["portal-screen", "kanri-screen", "lgwan-site"]),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE"]),
    place=st.integers(0, 30) | st.text(max_size=8),
    query=FIELDS,
    fields=FIELDS,
    raw=st.none() | st.binary(max_size=80),
    kind=st.sampled_from(KINDS),
    signed_in=st.booleans(),
)
def test_every_answer_is_a_page(
    world: InProcess,
    paths: dict[str, tuple[ServiceApp, str, list[str]]],
    door: str,
    method: str,
    place: int | str,
    query: dict[str, str],
    fields: dict[str, str],
    raw: bytes | None,
    kind: str,
    signed_in: bool,
) -> None:
    app, cookies, known = paths[door]
    path = known[place % len(known)] if isinstance(place, int) else "/" + quote(place, errors="replace")
    body = raw if raw is not None else urlencode(fields, errors="replace").encode()
    headers = [("host", "mock"), ("content-type", kind), *([("cookie", cookies)] if signed_in and cookies else [])]
    target = f"{path}?{urlencode(query, errors='replace')}"
    answer: Answer = asyncio.run(app._service.handle(Request(method, target, tuple(headers), body, "127.0.0.9:1")))
    assert 200 <= answer.status < 500, f"{method} {target}: {answer.status}"
    assert world.world.applications.get(DANTAI, "R0001").package.read() == b"PK"
