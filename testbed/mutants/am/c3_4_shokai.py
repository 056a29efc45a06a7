"""③-4: mistakes in inquiry and status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed.mutants.model import Mutant


def _gives_what_is_asked_for(_: Callable[..., Any]) -> Callable[..., Any]:
    def offered(self: Any, status: Any, core_system: str) -> Any:
        from reference_impl.shinsei_kanri import handover

        own = status is not None and handover.own(status, handover.procedures_of(core_system, self._procedures))
        return status if own else None

    return offered


OFFERS = "reference_impl.shinsei_kanri.handover_api:HandoverApi.list_waiting"


def offering(more: Callable[[Any, Any], bool]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The list for the core system shows further applications for which ``more(row, history)`` holds."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def list_waiting(self: Any, asked: Any, core_system: str) -> Any:
            import json

            from reference_impl.shinsei_kanri import handover
            from reference_impl.shinsei_kanri.storage import applications

            answer = original(self, asked, core_system)
            own = handover.procedures_of(core_system, self._procedures)
            with self._engine.connect() as connection:
                _, rows = applications.headers(connection, 0, 1000)
                added = [
                    {
                        "receipt_no": row.receipt_no,
                        "procedure_id": row.procedure_id,
                        "completed_at": row.completed_at or row.imported_at,
                    }
                    for row in rows
                    if row.procedure_id in own
                    and row.ingestion == "stored"
                    and more(row, [one.what for one in applications.history(connection, row.receipt_no)])
                ]
            shown = json.loads(self._answer("list", {"total": len(added)}, added).body)
            document = json.loads(answer.body)
            name = self._surface.operations["list"].rows
            document[name] += [one for one in shown[name] if one not in document[name]]
            total = self._surface.operations["list"].response["total"].wire
            document[total] = len(document[name])
            return type(answer)(answer.status, json.dumps(document).encode(), answer.media_type, answer.headers)

        return list_waiting

    return wrap


def _rendered(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The detail page is rendered from values with ``change`` applied; nothing else sees them."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def templates() -> Any:
            environment = original()
            get = environment.get_template

            class Template:
                def __init__(self, name: str) -> None:
                    self._inner = get(name)

                def render(self, **values: Any) -> Any:
                    changed = change(values) if "one" in values else {}
                    return self._inner.render(**values | changed)

            class Environment:
                get_template = staticmethod(Template)

            return Environment()

        return templates

    return wrap


def _per_person(original: Callable[..., Any]) -> Callable[..., Any]:
    def change_review(self: Any, receipt_no: str, wanted: Any) -> None:
        from reference_impl.shinsei_kanri.storage import applications

        original(self, receipt_no, wanted)
        with self._engine.begin() as connection:
            for other in applications.same_person(connection, [receipt_no]).get(receipt_no, ()):
                applications.change(connection, other, review=wanted.to)

    return change_review


def _rejected_looks_completed(original: Callable[..., Any]) -> Callable[..., Any]:
    def summary(row: Any) -> Any:
        from interface_spec.control import Review

        found = original(row)
        return found | {"review": Review.COMPLETED} if found["review"] is Review.REJECTED else found

    return summary


def _forgets_correction(original: Callable[..., Any]) -> Callable[..., Any]:
    def change_review(self: Any, receipt_no: str, wanted: Any) -> None:
        from interface_spec.control import Review
        from reference_impl.shinsei_kanri.storage import applications

        original(self, receipt_no, wanted)
        if wanted.to is Review.CORRECTION:
            with self._engine.begin() as connection:
                applications.change(connection, receipt_no, review=Review.REVIEWING)

    return change_review


def _anything_goes(_: Callable[..., Any]) -> Callable[..., Any]:
    def transition_allowed(before: Any, after: Any) -> bool:
        return before is not None and after is not None

    return transition_allowed


def _reasons_are_optional(original: Callable[..., Any]) -> Callable[..., Any]:
    def rejection_refusal(reason: str, procedure: Any) -> str:
        return str(original(reason or "-", procedure))

    return rejection_refusal


def _any_version_will_do(_: Callable[..., Any]) -> Callable[..., Any]:
    def version_matches(status: Any, version: int | None) -> bool:
        return status is not None or version is None

    return version_matches


MUTANTS = (
    Mutant(
        "offers-unreviewed",
        "取り込んだだけの申請を連携対象に出す",
        "offers applications that nobody has reviewed",
        ("AM-3.4-01a",),
        OFFERS,
        offering(lambda row, history: row.review == "unreviewed" and bool(history)),
    ),
    Mutant(
        "screen-cuts-the-list",
        "照会画面に最初の五項目しか出さない",
        "shows only the first five items on the screen",
        ("AM-3.4-02a",),
        "reference_impl.shinsei_kanri.pages.routes:templates",
        _rendered(lambda values: {"rows": values["rows"][:5]}),
    ),
    Mutant(
        "screen-without-attachments",
        "照会画面から添付を開けない",
        "the screen does not lead to the attachments",
        ("AM-3.4-03a",),
        "reference_impl.shinsei_kanri.pages.routes:templates",
        _rendered(
            lambda values: {"one": values["one"].model_copy(update={"attachments": values["one"].attachments[:1]})}
        ),
    ),
    Mutant(
        "status-per-person",
        "審査状況を人ごとに持つ",
        "keeps one status per person",
        ("AM-3.4-04a",),
        "reference_impl.shinsei_kanri.desk:Desk.change_review",
        _per_person,
    ),
    Mutant(
        "rejected-looks-completed",
        "却下を審査完了と同じに見せる",
        "shows a rejection like a completion",
        ("AM-3.4-05a",),
        "reference_impl.shinsei_kanri.views:_summary",
        _rejected_looks_completed,
    ),
    Mutant(
        "forgets-correction",
        "補正待ちにした申請が審査中に戻る",
        "an application awaiting correction falls back to review",
        ("AM-3.4-06a",),
        "reference_impl.shinsei_kanri.desk:Desk.change_review",
        _forgets_correction,
    ),
    Mutant(
        "anything-goes",
        "どの状態からどの状態へも変えられる",
        "allows every change of status",
        ("AM-3.4-06b",),
        "reference_impl.shinsei_kanri.review:transition_allowed",
        _anything_goes,
    ),
    Mutant(
        "rejects-without-a-reason",
        "理由のない却下を受け付ける",
        "accepts a rejection without a reason",
        ("AM-3.4-81a",),
        "reference_impl.shinsei_kanri.review:rejection_refusal",
        _reasons_are_optional,
    ),
    Mutant(
        "last-writer-wins",
        "古い版を見て行われた変更を受け付ける",
        "accepts a change decided on an old version",
        ("AM-3.4-83a",),
        "reference_impl.shinsei_kanri.review:version_matches",
        _any_version_will_do,
    ),
    Mutant(
        "offers-rejected",
        "却下した申請も連携対象に出す",
        "offers rejected applications too",
        ("AM-3.4-07a",),
        OFFERS,
        offering(lambda row, history: row.review == "rejected" and bool(history)),
    ),
    Mutant(
        "offers-reopened",
        "審査完了から審査中へ戻した申請を連携対象に残す",
        "still offers an application that was taken back",
        ("AM-3.4-07b",),
        OFFERS,
        offering(lambda row, history: row.review == "reviewing" and "審査完了 → 審査中" in history),
    ),
    Mutant(
        "gives-what-is-asked-for",
        "一覧には出さない申請も、受付番号で求められれば渡す",
        "hands over whatever a core system asks for by number",
        ("AM-3.4-07c",),
        "reference_impl.shinsei_kanri.handover_api:HandoverApi._offered",
        _gives_what_is_asked_for,
    ),
)
