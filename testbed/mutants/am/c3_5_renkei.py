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


def _without_completion(operation: Any, document: dict[str, Any]) -> None:
    del document[operation.response["completed_at"].wire]


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


def _fetch_delivers(original: Callable[..., Any]) -> Callable[..., Any]:
    def acknowledge(self: Any, asked: Any, core_system: str) -> Any:
        from interface_spec.control import Handover
        from reference_impl.shinsei_kanri.storage import applications

        answer = original(self, asked, core_system)
        if answer.status == 200:
            with self._engine.begin() as connection:
                applications.change(connection, asked.text("receipt_no"), handover=Handover.DELIVERED)
        return answer

    return acknowledge


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
        "omits-an-item",
        "インターフェースにある項目（審査完了日時）を渡さない",
        "leaves out an item of the interface",
        ("AM-3.5-05a",),
        f"{API}:HandoverApi.fetch",
        _fetched(_without_completion),
    ),
    Mutant(
        "hands-over-the-first-child-only",
        "繰り返す項目の一つ目だけを基幹に渡す",
        "hands over only the first of repeated items",
        ("AM-3.5-05b",),
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
        "reading-is-delivery",
        "添付を読まれただけで連携済にする",
        "counts reading as delivery, without acknowledgement",
        ("AM-3.5-81b",),
        f"{API}:HandoverApi.list_attachments",
        _fetch_delivers,
    ),
    Mutant(
        "error-is-lost",
        "基幹がエラーと答えても連携済にする",
        "marks delivered although the core answered an error",
        ("AM-3.5-82a",),
        "reference_impl.shinsei_kanri.handover:state_after",
        _error_is_lost,
    ),
)
