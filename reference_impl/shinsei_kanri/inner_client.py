"""HTTP to the systems inside マイナンバー利用事務系 (既存住基, 基幹): direct, with an API key, no proxy."""

from __future__ import annotations

import hashlib
import json
import ssl

import httpx

from interface_spec.profile import Profile
from reference_impl.shinsei_kanri import VERSION
from reference_impl.shinsei_kanri.dialects import dialect_of
from reference_impl.shinsei_kanri.wiring import calls
from reference_impl.shinsei_kanri.wiring.calls import AnswerError
from reference_impl.shinsei_kanri.wiring.fields import Fields
from reference_impl.shinsei_kanri.wiring.formats import Value


class InnerTrouble(Exception):
    """The other system does not answer as agreed; ``str()`` is one sentence naming it."""


class InnerClient:
    """Calls one surface of the profile at ``url``."""

    def __init__(self, surface: str, url: str, api_key: str, profile: Profile) -> None:
        self._name, self._profile = surface, profile
        self._surface = profile.surfaces[surface]
        self._dialect = dialect_of(profile, surface)
        headers = {self._surface.auth_header: api_key} if self._surface.auth == "api-key" else {}
        self._http = httpx.Client(
            verify=tls_for(url),
            base_url=url,
            headers=headers,
            trust_env=False,
            timeout=httpx.Timeout(float(profile.limit("no_answer"))),
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self, operation_name: str, values: dict[str, Value], lenient: tuple[str, ...] = ()
    ) -> tuple[Fields, list[Fields]]:
        """Items and rows of the answer. Raises InnerTrouble, also when there are not as many rows as it says."""
        return self._read(operation_name, self._ask(operation_name, values), lenient)

    def call_unless(
        self, operation_name: str, values: dict[str, Value], known: str, lenient: tuple[str, ...] = ()
    ) -> tuple[str, list[Fields] | None]:
        """(digest of the answer, its rows; None when the digest is ``known``). Raises InnerTrouble as `call`.

        The digest is that of everything the rows depend on: the answer, how the profile has it read, this version.
        """
        response, surface = self._ask(operation_name, values), self._surface
        stated = [
            response.headers.get(item.wire, "")
            for item in surface.operations[operation_name].response.values()
            if item.place == "header"
        ]
        codes = {name: one.model_dump() for name, one in self._profile.codes.items()}
        digest = hashlib.sha256(json.dumps([VERSION, stated, codes, surface.model_dump_json()]).encode())
        digest.update(response.content)
        found = digest.hexdigest()
        return found, None if found == known else self._read(operation_name, response, lenient)[1]

    def _ask(self, operation_name: str, values: dict[str, Value]) -> httpx.Response:
        operation = self._surface.operations[operation_name]
        plain = calls.build(operation, values, self._profile.codes)
        call = self._dialect.from_plain(operation_name, plain)
        try:
            response = self._http.request(
                call.method, call.path, params=call.query or None, headers=call.headers, json=call.body
            )
        except httpx.HTTPError as error:
            raise InnerTrouble(
                f"{self._surface.ja}に接続できません / cannot reach it ({type(error).__name__})"
            ) from None
        response = self._dialect.to_plain(operation_name, plain, response)
        if response.status_code != operation.status:
            raise InnerTrouble(f"{operation.ja}が状態 {response.status_code} で終わりました / ended with that status")
        return response

    def _read(
        self, operation_name: str, response: httpx.Response, lenient: tuple[str, ...]
    ) -> tuple[Fields, list[Fields]]:
        operation = self._surface.operations[operation_name]
        try:
            answer, rows = calls.read_table(
                self._surface, operation, response.headers, response.content, self._profile.codes, lenient
            )
        except AnswerError as error:
            raise InnerTrouble(f"{operation.ja}の応答を読めません / unreadable answer: {error}") from None
        stated = answer.whole_or_none("total")
        if stated not in (None, len(rows)):
            raise InnerTrouble(
                f"{operation.ja}の件数は {stated} ですが、届いたのは {len(rows)} 行です。取り込みません / rows do not match the count"
            )
        return answer, rows


def tls_for(url: str) -> ssl.SSLContext:
    """The system's authorities for https. Plain http inside the zone needs none, and loading them takes long."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
