"""③-5: mistakes in handing over to the core systems."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from testbed.mutants.am.c3_4_shokai import OFFERS, offering
from testbed.mutants.model import Mutant

API = "reference_impl.shinsei_kanri.handover_api"


def _fetched(change: Callable[[Any, dict[str, Any]], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Changes the document that the core system fetches."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def fetch(self: Any, asked: Any, core_system: str) -> Any:
            answer = original(self, asked, core_system)
            if answer.status != 200:
                return answer
            document = json.loads(answer.body)
            change(self._surface.operations["fetch"], document)
            return type(answer)(answer.status, json.dumps(document).encode(), answer.media_type, answer.headers)

        return fetch

    return wrap


def _other_time_format(operation: Any, document: dict[str, Any]) -> None:
    document[operation.response["imported_at"].wire] = "令和8年11月23日"


def _always_basic4(original: Callable[..., Any]) -> Callable[..., Any]:
    def numbers(status: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(status)
        return {**found, "signer_method": "basic4"} if found["signer_method"] else found

    return numbers


def _first_occurrence(operation: Any, document: dict[str, Any]) -> None:
    wire = operation.row["occurrence"].wire
    document[operation.rows] = [one for one in document[operation.rows] if one[wire] == 1]


def _ack_fails(original: Callable[..., Any]) -> Callable[..., Any]:
    def acknowledge(self: Any, asked: Any, core_system: str) -> Any:
        answer = original(self, asked, core_system)
        if core_system == "kaigo":
            return type(answer)(503, b"{}", answer.media_type, answer.headers)
        return answer

    return acknowledge


def _any_core(_: Callable[..., Any]) -> Callable[..., Any]:
    def own(status: Any, own_procedures: Any) -> bool:
        return status is not None and own_procedures is not None

    return own


def _any_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def caller(self: Any, headers: Any) -> Any:
        return original(self, headers) or next(iter(self._keys), None)

    return caller


def _offers_once(original: Callable[..., Any]) -> Callable[..., Any]:
    shown: set[str] = set()

    def list_waiting(self: Any, asked: Any, core_system: str) -> Any:
        answer = original(self, asked, core_system)
        operation = self._surface.operations["list"]
        document = json.loads(answer.body)
        wire = operation.row["receipt_no"].wire
        fresh = [one for one in document[operation.rows] if one[wire] not in shown]
        shown.update(one[wire] for one in fresh)
        document[operation.rows], document[operation.response["total"].wire] = fresh, len(fresh)
        return type(answer)(answer.status, json.dumps(document).encode(), answer.media_type, answer.headers)

    return list_waiting


def _error_is_lost(_: Callable[..., Any]) -> Callable[..., Any]:
    def state_after(answer: Any) -> Any:
        from interface_spec.control import Handover

        return Handover.DELIVERED if answer is not None else Handover.NONE

    return state_after


MUTANTS = (
    Mutant(
        "acknowledgement-fails",
        "介護の受領確認に異常終了で答える",
        "answers the acknowledgement of one core system with a failure",
        ("AM-3.5-02a",),
        f"{API}:HandoverApi.acknowledge",
        _ack_fails,
    ),
    Mutant(
        "writes-its-own-dates",
        "取込日時をインターフェースと違う形（和暦）で渡す",
        "writes a time in another form than the interface says",
        ("AM-3.5-05a",),
        f"{API}:HandoverApi.fetch",
        _fetched(_other_time_format),
    ),
    Mutant(
        "tells-another-method",
        "どの署名者も基本4情報で特定したと基幹に伝える",
        "tells the core that every signer was identified by the four items",
        ("AM-3.5-05c",),
        "reference_impl.shinsei_kanri.handover:numbers",
        _always_basic4,
    ),
    Mutant(
        "hands-over-the-first-child-only",
        "繰り返す項目の一つ目だけを基幹に渡す",
        "hands over only the first of repeated items",
        ("AM-3.2-83a", "AM-3.5-05b"),
        f"{API}:HandoverApi.fetch",
        _fetched(_first_occurrence),
    ),
    Mutant(
        "offers-delivered-again",
        "受領確認された申請をもう一度連携対象に出す",
        "offers acknowledged applications again",
        ("AM-3.5-81a",),
        OFFERS,
        offering(lambda row, history: row.handover == "delivered" and bool(history)),
    ),
    Mutant(
        "offers-once",
        "一度一覧に出した申請は、受領確認がなくても二度と出さない",
        "offers an application once, acknowledged or not",
        ("AM-3.5-81b",),
        OFFERS,
        _offers_once,
    ),
    Mutant(
        "error-is-lost",
        "基幹がエラーと答えても連携済にする",
        "marks delivered although the core answered an error",
        ("AM-3.5-82a",),
        "reference_impl.shinsei_kanri.handover:state_after",
        _error_is_lost,
    ),
    Mutant(
        "gives-to-any-core",
        "別の業務の基幹にも、受付番号で求められれば渡す",
        "hands an application to the core system of another business",
        ("AM-3.5-83a",),
        "reference_impl.shinsei_kanri.handover:own",
        _any_core,
    ),
    Mutant(
        "accepts-any-key",
        "基幹の鍵を確かめない",
        "does not look at the core system's key",
        ("AM-3.5-83a",),
        f"{API}:HandoverApi.caller",
        _any_key,
    ),
)
