"""手続の接続状況: per procedure the method, how far a run carried it, and the reason where it did not.

It counts and names; whether anything suffices for any purpose is not its business (手順書1.0 3.3(1), 3.3(4), 6.2(1)).
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.events import Stage
from conformance.messages import Lang, say
from conformance.plan import Plan
from conformance.reporters.papers.common import footer_of, run_facts
from conformance.reporters.papers.connection_file import Declared
from conformance.reporters.papers.model import Cell, Column, Paper, Table, Tone, both
from conformance.results import Results
from interface_spec.procedures import Procedure, load_procedures

NAME = "setsuzoku-jokyo"
GROUPS = (
    (
        ("K", "C"),
        "子育て関係・介護関係の26手続（手順書1.0 3.3(1)）",
        "The 26 procedures of child care and long-term care",
    ),
    (("M",), "転出届・転入予約（手順書1.0 3.3(4)）", "Moving out, and reserving to move in"),
    (("D",), "罹災証明書（手順書1.0 図表2）", "Disaster damage certificate"),
)
SCHOOL_MEALS = ("K08", "K09")
"""Received only where school meals are part of the public accounts (6.2(1))."""
STAGES: tuple[Stage, ...] = ("imported", "stored", "identified", "reviewed", "handed", "acknowledged")
LAST: dict[str, Stage] = {"i": "reviewed", "ii": "reviewed", "iii": "acknowledged", "iv": "acknowledged"}
"""Method → the stage at which the product's part ends: with i and ii, staff or a tool copies from the screen."""


def connection_paper(plan: Plan, results: Results, lang: Lang, declared: Mapping[str, Declared] | None = None) -> Paper:
    """The paper of one run. ``declared``: what the municipality adds, per procedure."""
    given = declared or {}
    procedures = load_procedures()
    groups = [
        (both(lang, ja, en), [one for letter in letters for one in procedures.values() if one.id.startswith(letter)])
        for letters, ja, en in GROUPS
    ]
    rows = {one.id: _Row(one, plan, results, lang, given.get(one.id)) for _, found in groups for one in found}
    child_and_care = [rows[one.id] for one in groups[0][1]]
    facts = [
        *run_facts(plan, results, lang),
        (
            both(lang, "26手続のうち", "Of the 26 procedures"),
            both(
                lang,
                f"方式の宣言あり {sum(bool(one.method) for one in child_and_care)}、この実施で最後まで運んだもの {sum(one.carried for one in child_and_care)}、"
                f"接続しない理由の申告あり {sum(one.refused for one in child_and_care)}",
                f"{sum(bool(one.method) for one in child_and_care)} with a declared method, {sum(one.carried for one in child_and_care)} carried to the end in this run, "
                f"{sum(one.refused for one in child_and_care)} with a stated reason not to connect",
            ),
        ),
    ]
    return Paper(
        name=NAME,
        title=both(lang, "手続の接続状況", "State of connection by procedure"),
        lang=lang,
        lead=both(
            lang,
            "手続ごとに、基幹システムの取込方式（手順書1.0 5章④ i〜iv）、この実施で申請をどこまで運べたか、運んでいなければその理由を示す。",
            "Per procedure: how the core system takes applications in (i to iv), how far this run carried one, and the reason where it did not.",
        ),
        facts=tuple(facts),
        notes=(
            both(
                lang,
                "この表は観測と申告を並べたものであり、補助金その他の要件を満たすかどうかを判定しない。接続しない理由を認めるのは、この道具ではない。",
                "This table sets out what was observed and declared. It does not judge whether any condition of a subsidy is met, nor whether a reason is accepted.",
            ),
        ),
        tables=tuple(
            Table(title, _columns(lang), tuple(rows[one.id].cells() for one in found)) for title, found in groups
        ),
        footer=footer_of(plan, lang),
    )


def _columns(lang: Lang) -> tuple[Column, ...]:
    return (
        Column("ID", 9),
        Column(both(lang, "手続", "Procedure"), 40),
        Column(both(lang, "方式", "Method"), 26),
        Column(both(lang, "どこまで運んだか", "How far carried"), 32),
        Column(both(lang, "状態", "State"), 26),
        Column(both(lang, "理由", "Reason"), 46),
        Column(both(lang, "理由を認めた者・日付", "Reason accepted by, date"), 22),
    )


class _Row:
    """One procedure."""

    def __init__(
        self, procedure: Procedure, plan: Plan, results: Results, lang: Lang, declared: Declared | None
    ) -> None:
        self._procedure, self._plan, self._lang, self._declared = procedure, plan, lang, declared
        self._given = any(one.procedure == procedure.id for one in results.given)
        self._seen = [one for one in results.seen if one.procedure == procedure.id and one.acceptable]
        self.method = plan.methods.get(procedure.id, "") or (declared.method if declared else "")
        reached = [one.stages[-1] for one in self._seen if one.stages]
        self.furthest = max(reached, key=STAGES.index, default=None)
        last = LAST.get(self.method, "acknowledged")
        self.carried = self.furthest is not None and STAGES.index(self.furthest) >= STAGES.index(last)

    @property
    def refused(self) -> bool:
        """The municipality says that it does not connect it, and why."""
        return self._declared is not None and self._declared.status == "しない"

    def cells(self) -> tuple[str | Cell, ...]:
        one, lang = self._procedure, self._lang
        method = f"{self.method}) {say('method', self.method, lang)}" if self.method else "―"
        accepted = ""
        if self._declared is not None:
            accepted = " ".join(
                part
                for part in (self._declared.approved_by, self._declared.date.isoformat() if self._declared.date else "")
                if part
            )
        return (
            one.id,
            one.ja if lang == "ja" else one.en,
            method,
            self._far(),
            self._state(),
            self._reason(),
            accepted,
        )

    def _far(self) -> str:
        if self.furthest is None:
            return "―"
        there = sum(self.furthest in one.stages for one in self._seen)
        words = say("stage", self.furthest, self._lang)
        return both(
            self._lang,
            f"{words}まで（{len(self._seen)} 件のうち {there} 件）",
            f"{words} ({there} of {len(self._seen)})",
        )

    def _state(self) -> Cell:
        key, tone = self._standing()
        return Cell(say("connection", key, self._lang), tone)

    def _standing(self) -> tuple[str, Tone]:
        if self.refused:
            return "declined", "na"
        if self.carried:
            return ("carried", "ok") if self.method else ("undeclared", "open")
        if self.furthest is not None:
            return "partly", "warn"
        if self._declared is not None and self._declared.status == "予定":
            return "planned", "na"
        return ("unverified", "open") if self.method else ("undeclared", "open")

    def _reason(self) -> str:
        if self._declared is not None and self._declared.reason:
            return self._declared.reason
        ja, en = self._why()
        return both(self._lang, ja, en)

    def _why(self) -> tuple[str, str]:
        if self.carried and self.method:
            return "", ""
        if self._plan.role != "am":
            return f"役割 {self._plan.role} の試験では申請を運ばない", f"role {self._plan.role} carries no application"
        if not self.method and self._procedure.id in SCHOOL_MEALS:
            return (
                "取込方式の宣言がない。公会計制度を採らず手続自体を受け付けない団体もある（手順書1.0 6.2(1)）。そのときは setsuzoku.toml に理由を書く",
                "no method is declared; a municipality may not receive this procedure at all (6.2(1)): then state the reason",
            )
        if not self.method:
            return (
                "取込方式の宣言がない（target.toml の declare.methods）",
                "no method is declared (declare.methods in target.toml)",
            )
        if self.furthest is not None:
            return "途中で止まった（報告書の指摘を参照）", "stopped on the way (see the findings of the report)"
        if beyond := self._plan.not_carried.get(self._procedure.id):
            ja, _, en = beyond.partition(" / ")
            return (
                f"このプロファイルでは申請を表せないため、運んでいない: {ja}",
                f"no application can be expressed under this profile: {en or ja}",
            )
        mine = [one for one in self._plan.checks if self._procedure.id in one.procedures]
        if not self._given and mine and all(one.status != "run" for one in mine):
            return mine[0].reason_ja, mine[0].reason_en
        if not self._given and not mine:
            return (
                "宣言だけで、この要件集の検査にはこの手続の事例が無い",
                "declared only: the suite has no case of this procedure",
            )
        return "この実施では申請を運んでいない", "no application was carried in this run"
