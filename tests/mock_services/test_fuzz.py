"""Whatever is sent to a simulated system, it answers by its own table, never by a crash, and its data stay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_services.asgi import Service
from mock_services.download.routes import DownloadService
from mock_services.http import Answer, Request
from mock_services.juki.routes import JukiService
from tests.mock_services.support import InProcess, in_process, link, meta, window

PATHS = [
    "/api/v1/login", "/api/v1/applications", "/api/v1/applications/R0001/package", "/api/v1/statuses",
    "/himozuke/v1/zenken", "/himozuke/v1/sabun", "/himozuke/v1/shokai",
]  # fmt: skip
NAMES = ["receivedFrom", "receivedTo", "offset", "limit", "procedureId", "since", "serial", "x"]
VALUES = [
    *window().values(), "0001-01-01T00:00:00+0900", "9999-12-31T23:59:59-1200", "2026-10-10T09:00:00+2460", "9" * 5000,
    "-1", "0", "A1", "%ff", "%00", "K01", "",
]  # fmt: skip
QUERIES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=8)), max_size=4)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [b'{"dantaiCode":"999997","account":"city","secret":"\\ud800"}', b'{"secret":' + b"9" * 5000 + b"}", b'{"a":NaN}']
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    inside = in_process(folder)
    inside.world.load_application(meta(1), b"ZIP")
    inside.world.put_links([link("A1")])
    yield inside
    inside.world.recorder.close()


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    path=st.sampled_from(PATHS) | st.text(max_size=12).map(lambda text: "/" + text),
    query=QUERIES,
    body=BODIES,
    with_token=st.booleans(),
)
def test_every_request_has_an_answer_of_the_table(
    fuzzed: InProcess, method: str, path: str, query: list[tuple[str, str]], body: bytes, with_token: bool
) -> None:
    world = fuzzed.world
    headers = [("X-Api-Key", "link-key")]
    if with_token:
        token = world.applications.login("999997", "city", "open sesame")
        headers.append(("Authorization", f"Bearer {token.value}"))
    target = path + "?" + "&".join(f"{name}={value}" for name, value in query)
    request = Request(method, target, tuple(headers), body)
    services: list[tuple[Service, set[int]]] = [
        (
            DownloadService(
                world._download,
                world.applications,
                world.boxes["download"],
                world.door,
                world.config.run_dir,
                lambda _seq, _receipt, _peer: None,
            ),
            {200, 400, 401, 403, 404},
        ),
        (JukiService(world._link, world.links, "link-key"), {200, 400, 401, 404}),
    ]
    for service, allowed in services:
        answer: Answer = asyncio.run(service.handle(request))
        assert answer.status in allowed
    assert len(world.links.full()) == 1
    assert world.applications.get("999997", "R0001").package.read() == b"ZIP"
