"""Pattern ii: against a small 団体内統合宛名 of our own that checks every claim of the assertion."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine

from interface_spec.control import Method, PersonState
from interface_spec.procedures import load_procedures
from reference_impl.shinsei_kanri import identification
from reference_impl.shinsei_kanri.clock import JST, Clock
from reference_impl.shinsei_kanri.judging import Judge, Question
from reference_impl.shinsei_kanri.records import Basic4, Decision, Verification
from reference_impl.shinsei_kanri.storage import database, people
from reference_impl.shinsei_kanri.togo import Resolved, TogoClient, TogoSettings, TogoTrouble
from tests.reference_impl.shinsei_kanri.packages import PROFILE
from tests.reference_impl.shinsei_kanri.people import CORE, HANAKO, TARO, link, signed

SECRET = "s" * 32
NOW = datetime(2026, 11, 23, 9, tzinfo=JST)


@dataclass
class Stub:
    url: str = ""
    numbers: dict[str, str] = field(default_factory=lambda: {"R1": "900", "R9": ""})
    merged: dict[str, list[tuple[str, str]]] = field(
        default_factory=lambda: {"900": [("001", "R1"), ("012", "J1"), ("099", "X1")]}
    )
    tokens: set[str] = field(default_factory=set)
    issued: int = 0
    used: set[str] = field(default_factory=set)
    broken: str = ""

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        head, claims, signature = form["client_assertion"][0].split(".")
        good = hmac.new(SECRET.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        assert base64.urlsafe_b64decode(signature + "==") == good
        assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
        told = json.loads(base64.urlsafe_b64decode(claims + "=="))
        assert told["iss"] == told["sub"] == "client"
        assert told["aud"] == f"{self.url}/oauth2/v1/token"
        assert 0 < told["exp"] - NOW.timestamp() <= 300
        assert told["jti"] not in self.used
        self.used.add(told["jti"])
        if self.broken == "token":
            return 401, {"error": "invalid_client"}
        self.issued += 1
        self.tokens.add(f"{form['scope'][0]}#{self.issued}")
        return 200, {"access_token": f"{form['scope'][0]}#{self.issued}", "token_type": "Bearer", "expires_in": 1800}

    def answer(self, path: str, token: str, asked: dict[str, str]) -> tuple[int, Any]:
        name = path.rpartition("/")[2]
        if token not in self.tokens or f":{'Read'}" not in token or name not in token:
            return 401, {}
        if self.broken == "call":
            return 503, None
        if name == "togoatenabango":
            number = self.numbers.get(asked["atenabango"], "")
            row = {"atenabango": asked["atenabango"], "dantainaitogoatenabango": number, "nayosemotoflag": "0"}
            return 200, framed([row] if number else [])
        pairs = self.merged[asked["dantainaitogoatenabango"]]
        return 200, framed([{"gyomuid": gyomu, "atenabango": number} for gyomu, number in pairs])


def framed(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {"metadata": {"title": "", "detail": ""}, "_links": {"self": {"href": "/"}}, "result": rows}


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/oauth2/v1/token":
                status, content = made.token(parse_qs(body))
            else:
                token = self.headers["Authorization"].removeprefix("Bearer ")
                status, content = made.answer(self.path, token, json.loads(body))
            answer = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def togo(stub: Stub) -> Iterator[TogoClient]:
    gyomu_ids = {"juki": "001", CORE: "012", "kaigo": "013"}
    numbers = itertools.count()
    client = TogoClient(
        TogoSettings(stub.url, "client", SECRET, gyomu_ids), PROFILE, Clock(NOW), lambda: f"id{next(numbers)}"
    )
    yield client
    client.close()


def test_resident_leads_to_the_number_of_the_core_system(stub: Stub, togo: TogoClient) -> None:
    assert togo.resolve(CORE, "R1") == Resolved("900", ("J1",))
    assert togo.resolve("kaigo", "R1") == Resolved("900", ())
    assert togo.resolve(CORE, "R9") == Resolved()
    assert stub.issued == 2  # one token for each scope, used again


def test_refused_token_is_renewed_once(stub: Stub, togo: TogoClient) -> None:
    togo.resolve(CORE, "R1")
    stub.tokens.clear()
    assert togo.resolve(CORE, "R1").atena_nos == ("J1",)
    assert stub.issued == 4


@pytest.mark.parametrize("broken", ["token", "call", "gone"])
def test_trouble_is_one_sentence(stub: Stub, togo: TogoClient, broken: str) -> None:
    stub.broken = broken
    if broken == "gone":
        stub.numbers["R1"] = "901"
        stub.merged["901"] = []
        assert togo.resolve(CORE, "R1") == Resolved("901", ())
        return
    with pytest.raises(TogoTrouble, match=" / "):
        togo.resolve(CORE, "R1")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.connect(database_url)
    database.create_schema(engine)
    with engine.begin() as connection:
        people.replace_links(connection, [link(1, "R1"), link(9, "R9")])
        people.replace_atena(connection, CORE, [HANAKO, TARO])
    yield engine
    engine.dispose()


def decide(engine: Engine, togo: TogoClient | None, verification: Verification, patterns: str) -> Decision:
    used = {"K01": frozenset(patterns.split("+"))}
    judge = Judge(engine, PROFILE, load_procedures(), used, togo)
    prepared = judge.prepare(verification, "K01")
    with engine.begin() as connection:
        identification.hold_registers(connection)
        return judge.decide(connection, [Question((), verification, "K01", prepared)])[0][0]


def test_pattern_ii_finds_its_person_and_says_how(engine: Engine, togo: TogoClient) -> None:
    found = decide(engine, togo, signed(1, HANAKO.basic4), "ii+iii")
    assert (found.state, found.method, found.atena_no) == (PersonState.IDENTIFIED, Method.SERIAL, "J1")
    assert any("900" in reason for reason in found.reasons)


def test_pattern_ii_never_takes_the_wrong_person(engine: Engine, togo: TogoClient, stub: Stub) -> None:
    other = decide(engine, togo, signed(1, TARO.basic4), "ii+iii")
    assert other.state is PersonState.STAFF
    stub.merged["900"] = [("012", "J1"), ("012", "J2")]
    assert decide(engine, togo, signed(1, HANAKO.basic4), "ii+iii").state is PersonState.STAFF


def test_nobody_is_identified_while_togo_is_down_or_knows_no_number(
    engine: Engine, togo: TogoClient, stub: Stub
) -> None:
    stub.broken = "call"
    down = decide(engine, togo, signed(1, HANAKO.basic4), "ii+iii")
    assert (down.state, len(down.candidates)) == (PersonState.STAFF, 2)
    assert any("503" in reason for reason in down.reasons)
    stub.broken = ""
    none_yet = decide(engine, togo, signed(9, TARO.basic4), "ii")
    assert none_yet.state is PersonState.STAFF
    assert any("団体内統合宛名に、この基幹の宛名番号がありません" in reason for reason in none_yet.reasons)


@pytest.mark.parametrize(
    ("patterns", "verification", "method"),
    [
        ("i", signed(1, HANAKO.basic4), Method.SERIAL),
        ("i", signed(None, HANAKO.basic4), None),
        ("iii", signed(1, HANAKO.basic4), Method.BASIC4),
        ("iii", signed(1, Basic4()), None),
        ("i+iii", signed(None, HANAKO.basic4), Method.BASIC4),
    ],
)
def test_patterns_are_kept_to(engine: Engine, patterns: str, verification: Verification, method: Method | None) -> None:
    assert decide(engine, None, verification, patterns).method is method
