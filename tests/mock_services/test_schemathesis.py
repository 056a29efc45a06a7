"""Schemathesis on every HTTP surface and on the control API: no call, right or wrong, is answered by a 5xx."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from interface_spec.profile import load_profile
from mock_services.models import TogoRecord
from testbed.specgen.openapi import surface_document
from tests.mock_services.support import DANTAI, START, Process, link, meta, process
from tests.mock_services.test_togo import CLIENT, JWT, SECRET, assertion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]
SURFACES = ("download", "link", "atena", "togo", "portal")
EXAMPLES = 12


@schemathesis.serializer("application/zip")
def any_bytes(_context: Any, value: Any) -> bytes:
    """A body that is a file: whatever was drawn, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    sections = {
        "togo": {"clients": [{"client_id": CLIENT, "secret": SECRET}]},
        "portal": {"api_keys": {"site": "portal-key"}},
        "juki_cs": {},
        "lgwan": {},
    }
    with process(tmp_path_factory.mktemp("fuzzed"), **sections) as world:
        world.client.load_application(meta(1), b"PK")
        world.client.put_links([link("A1")])
        world.client.put_togo([TogoRecord(gyomu_id="001", atena_no="1", togo_atena_no="9")])
        yield world


def where(running: Process, surface: str) -> tuple[str, dict[str, str]]:
    """(base URL, headers that open the door) of a surface."""
    ends = running.endpoints
    match surface:
        case "download":
            url = f"https://{ends.download_address}"
            body = {"dantaiCode": DANTAI, "account": "city", "secret": "open sesame"}
            answer = httpx.post(f"{url}/api/v1/login", json=body, verify=False, trust_env=False)  # noqa: S501 - by address
            return url, {"Authorization": f"Bearer {answer.json()['accessToken']}"}
        case "togo":
            url = ends.systems["togo"]
            stated = assertion(aud=f"{url}/oauth2/v1/token", exp=START.timestamp() + 290)
            form = {"grant_type": "client_credentials", "client_assertion_type": JWT, "client_assertion": stated}
            answer = httpx.post(f"{url}/oauth2/v1/token", data=form, trust_env=False)
            return url, {"Authorization": f"Bearer {answer.json()['access_token']}"}
        case "portal":
            return ends.systems["portal"], {"X-Api-Key": "portal-key"}
        case "link":
            return ends.link_url, {"X-Api-Key": "link-key"}
    return ends.atena_urls["kaigo"], {"X-Api-Key": "kaigo-key"}


def attack(
    document: dict[str, Any], url: str, headers: dict[str, str], worded: frozenset[int] = frozenset()
) -> dict[int, int]:
    """Call every operation with right and wrong values. Returns how often each status came.

    ``worded``: statuses that come with a sentence in both languages.
    """
    with requests.Session() as session:
        return _attack(document, url, headers, worded, session)


def _attack(
    document: dict[str, Any],
    url: str,
    headers: dict[str, str],
    worded: frozenset[int],
    session: requests.Session,
) -> dict[int, int]:
    seen: dict[int, int] = {}
    schema = schemathesis.openapi.from_dict(document)
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an invalid schema is an error here
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Any) -> None:
                answer = case.call(base_url=url, session=session, headers=headers, verify=False)
                seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
                assert answer.status_code < 500, f"{case.method} {case.path}: {answer.status_code}"
                if answer.status_code in worded:
                    assert re.search("[ぁ-ヶ一-龠].* / .*[a-z]", answer.json()["message"], re.DOTALL), answer.text

            with suppress(Unsatisfiable):  # a call without any parameter has nothing to get wrong
                call()
    return seen


@pytest.mark.parametrize("surface", SURFACES)
def test_no_call_is_answered_by_a_5xx(running: Process, surface: str) -> None:
    url, headers = where(running, surface)
    seen = attack(surface_document(load_profile(), surface), url, headers)
    assert sum(seen.values()) >= EXAMPLES
    assert {200, 400} & set(seen)
    assert running.client.health().status == "ok"


def test_the_control_api_refuses_and_never_breaks(running: Process) -> None:
    url = running.endpoints.control_url
    document = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    # A fault of a minute would only make the test slow, and the clock may be set to any year.
    paths = {
        path: one for path, one in document["paths"].items() if not path.endswith(("/faults", "/pull/{core_system}"))
    }
    seen = attack(json.loads(json.dumps(document | {"paths": paths})), url, {}, frozenset({404, 405, 422}))
    assert {200, 422} <= set(seen)
    assert running.client.health().status == "ok"
