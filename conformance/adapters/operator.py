"""Adapter ``operator``: a person acts on the product's screen and says what is there.

The harness says who must do what, counts down, and takes the answer with a picture of the screen as evidence. What the
person is not asked (``asks`` in target.toml) is not seen: the checks that need it are 未検証.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from conformance.adapters.base import AdapterProblem, Change, ProductUnreachable, Sheet
from conformance.adapters.desk import Desk
from conformance.adapters.questions import Answer, Choice, Field, Question
from conformance.adapters.settings import OperatorChoice
from interface_spec.control import (
    ApplicationDetail,
    ApplicationSummary,
    Attachment,
    Candidate,
    FormItem,
    Handover,
    Health,
    IdentifyPerson,
    Ingestion,
    Job,
    JobState,
    Method,
    Person,
    PersonState,
    Review,
    ReviewChange,
    Role,
)

NO_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for moments that the person is not asked for; no check reads them from here."""
Note = Callable[[list[str], bytes, int, bytes], int]

REVIEWS = {
    Review.UNREVIEWED: "未審査", Review.REVIEWING: "審査中", Review.CORRECTION: "補正待ち",
    Review.COMPLETED: "審査完了", Review.REJECTED: "却下", Review.WITHDRAWN: "取下げ",
}  # fmt: skip
HANDOVERS = {
    Handover.NONE: "なし", Handover.WAITING: "連携待ち", Handover.DELIVERED: "連携済", Handover.ERROR: "連携エラー",
}  # fmt: skip
LISTED = (
    Choice("none", "無い", "not there"),
    Choice("stored", "ある", "there"),
    Choice("quarantined", "隔離・エラーとしてある", "there, quarantined"),
    Choice("twice", "二重にある", "there twice"),
)
STATES = (
    Choice("unknown", "表示が無い", "not shown"),
    Choice("serial", "シリアル番号で特定", "identified by serial"),
    Choice("basic4", "基本4情報で特定", "identified by the four items"),
    Choice("manual", "職員が特定", "identified by staff"),
    Choice("staff", "職員の確認待ち", "waits for staff"),
    Choice("none", "番号なしと決めた", "decided: no number"),
)
ROLES = {Role.SIGNER: ("申請者", "signer"), Role.SUBJECT: ("対象者", "subject")}
DONE = (Choice("done", "終わった", "done"), Choice("failed", "失敗した", "failed"))
CHANGED = (
    Choice("done", "変えられた", "changed"),
    Choice("refused", "製品が断った", "refused"),
    Choice("broken", "製品が異常になった", "the product failed"),
)


class OperatorAdapter:
    """One product behind one person. ``core_of`` says which core system's number is asked for, by 手続."""

    def __init__(
        self, desk: Desk, choice: OperatorChoice, product: tuple[str, str], core_of: Callable[[str], str], note: Note
    ) -> None:
        self._desk, self._choice, self._product, self._core_of, self._note = desk, choice, product, core_of, note
        self._sheet: Sheet | None = None
        self._list: dict[str, ApplicationSummary] = {}
        self._details: dict[str, ApplicationDetail] = {}
        self._files: dict[tuple[str, int], bytes] = {}

    @property
    def unseen(self) -> frozenset[str]:
        asked = set(self._choice.asks)
        return frozenset({"clock", "history", *({"persons", "items", "attachments", "quarantine_reason", "core_errors"} - asked)})  # fmt: skip

    def begin(self, sheet: Sheet, /) -> None:
        self._sheet = sheet
        self._forget()
        self._list.clear()
        self._desk.begin(sheet)

    def close(self) -> None:
        self._desk.close()

    def _forget(self) -> None:
        self._details.clear()

    def _ask(self, key: str, ja: str, en: str, *fields: Field, hint: tuple[str, str] = ("", "")) -> tuple[Answer, int]:
        """The answer, and its number on the tape. OperatorAway when nobody answers in time."""
        place = self._sheet.round if self._sheet else "start"
        question = Question(f"{place}:{key}", ja, en, fields, *hint)
        answer = self._desk.ask(question, self._choice.answer_minutes * 60)
        said = json.dumps(asdict(answer), ensure_ascii=False).encode()
        return answer, self._note(["operator", question.key, ja], b"", 200, said)

    # -- seeing ------------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        answer, _ = self._ask(
            "health", "製品の画面を開き、動いていることを確かめてください。", "Open the product's screen: does it work?",
            Field("works", "動いているか", "works", choices=(Choice("yes", "動いている", "yes"), Choice("no", "動かない", "no"))),
        )  # fmt: skip
        if answer.values["works"] != "yes":
            raise ProductUnreachable(
                "operator", "製品が動かないと、操作者が答えました", "the operator says that the product does not work"
            )
        name, version = self._product
        return Health(status="ok", product=name, version=version, now=datetime.now(UTC))

    def applications(self) -> list[ApplicationSummary]:
        """The applications of this round, as the person finds them in the product's list."""
        self._forget()
        self._files.clear()
        if self._sheet is None or not self._sheet.expected:
            return []
        fields: list[Field] = []
        for one in self._sheet.expected:
            row = one.receipt_no
            fields += [
                Field(f"{row}.listed", "一覧に", "in the list", choices=LISTED, row=row),
                Field(f"{row}.review", "審査状況", "review", choices=_choices(REVIEWS), row=row, required=False),
                Field(f"{row}.handover", "連携状態", "hand-over", choices=_choices(HANDOVERS), row=row, required=False),
            ]
        answer, _ = self._ask(
            "list", "申請の一覧を見て、それぞれの申請の状態を写してください。", "Copy the state of each application from the list.",
            *fields, hint=("一覧に無い申請は「無い」を選びます。", "Choose 'not there' for one that is not listed."),
        )  # fmt: skip
        found: list[ApplicationSummary] = []
        self._list.clear()
        for one in self._sheet.expected:
            listed = answer.values[f"{one.receipt_no}.listed"]
            if listed == "none":
                continue
            summary = ApplicationSummary(
                receipt_no=one.receipt_no,
                procedure_id=one.procedure_id,
                ingestion=Ingestion.QUARANTINED if listed == "quarantined" else Ingestion.STORED,
                review=Review(answer.values.get(f"{one.receipt_no}.review") or Review.UNREVIEWED),
                handover=Handover(answer.values.get(f"{one.receipt_no}.handover") or Handover.NONE),
                received_at=NO_MOMENT,
                arrived_at=NO_MOMENT,
                imported_at=NO_MOMENT,
                version=0,
            )
            self._list[one.receipt_no] = summary
            found += [summary] * (2 if listed == "twice" else 1)
        return found

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        summary = self._list.get(receipt_no)
        if summary is None:
            return None
        if receipt_no not in self._details:
            self._details[receipt_no] = self._detail(summary)
        return self._details[receipt_no]

    def _detail(self, summary: ApplicationSummary) -> ApplicationDetail:
        fields = self._fields(summary)
        base = ApplicationDetail.model_validate(summary.model_dump())
        if not fields:
            return base
        answer, _ = self._ask(
            f"show:{summary.receipt_no}", f"受付番号 {summary.receipt_no} を開き、画面のとおりに写してください。",
            f"Open {summary.receipt_no} and copy what the screen shows.", *fields,
            hint=("項目の表は、項目ID・値（・繰返し・番号）をタブ区切りで貼ります。", "Items: item id, value (, group, number), separated by tabs."),
        )  # fmt: skip
        values = answer.values
        return base.model_copy(
            update={
                "quarantine_reason": values.get("quarantine_reason", ""),
                "core_errors": [values["core_errors"]] if values.get("core_errors") else [],
                "persons": [one for role in ROLES if (one := self._person(role, summary, answer)) is not None],
                "items": _items(values.get("items", "")),
                "attachments": self._attachments(summary.receipt_no, values.get("attachments", "")),
            }
        )

    def _fields(self, summary: ApplicationSummary) -> list[Field]:
        asks, stored = self._choice.asks, summary.ingestion is Ingestion.STORED
        fields: list[Field] = []
        if "quarantine_reason" in asks and not stored:
            fields.append(Field("quarantine_reason", "隔離の理由", "reason of the quarantine", "text", required=False))
        if "core_errors" in asks and summary.handover is Handover.ERROR:
            fields.append(Field("core_errors", "基幹のエラーの内容", "the core's error", "text", required=False))
        if "persons" in asks and stored:
            core = self._core_of(summary.procedure_id)
            for role, (ja, en) in ROLES.items():
                fields += [
                    Field(f"{role}.state", f"{ja}の特定", f"{en}: identification", choices=STATES),
                    Field(f"{role}.atena_no", f"{ja}の業務宛名番号（{core}）", f"{en}: 宛名番号 ({core})", "text", required=False),
                    Field(f"{role}.reasons", f"{ja}について示された理由", f"{en}: reasons shown", "text", required=False),
                    Field(f"{role}.candidates", f"{ja}の候補の業務宛名番号（空白区切り）", f"{en}: candidates' numbers", "text", required=False),
                ]  # fmt: skip
        if "items" in asks and stored:
            fields.append(Field("items", "申請の項目", "the items", "rows", required=False))
        if "attachments" in asks and stored:
            fields.append(
                Field(
                    "attachments",
                    "添付ファイルの名前（一行に一つ）",
                    "names of the attachments",
                    "rows",
                    required=False,
                )
            )
        return fields

    def _person(self, role: Role, summary: ApplicationSummary, answer: Answer) -> Person | None:
        said = answer.values.get(f"{role}.state", "unknown")
        if said == "unknown":
            return None
        method = Method(said) if said in set(Method) else None
        numbers = answer.values.get(f"{role}.candidates", "").split()
        reasons = answer.values.get(f"{role}.reasons", "")
        return Person(
            role=role,
            state=PersonState.IDENTIFIED if method else PersonState(said),
            method=method,
            core_system=self._core_of(summary.procedure_id),
            atena_no=answer.values.get(f"{role}.atena_no", "").strip(),
            candidates=[Candidate(atena_no=one, name="", birth_date="", gender="", address="") for one in numbers],
            reasons=[reasons] if reasons else [],
        )

    def _attachments(self, receipt_no: str, names: str) -> list[Attachment]:
        """Each attachment is opened in the product, saved, and handed over: what is compared are its bytes."""
        found = []
        for seq, name in enumerate((one.strip() for one in names.splitlines() if one.strip()), 1):
            answer, _ = self._ask(
                f"attachment:{receipt_no}:{seq}", f"受付番号 {receipt_no} の添付「{name}」を開いて保存し、そのファイルを渡してください。",
                f"Save attachment '{name}' of {receipt_no} and hand it over.",
                Field("file", "保存したファイル", "the saved file", "file", required=False),
                hint=("開けないときは、ファイルを渡さずに答えます。", "Answer without a file when it cannot be opened."),
            )  # fmt: skip
            if "file" in answer.files:
                data = self._desk.content(answer.files["file"])
                self._files[receipt_no, seq] = data
                digest = hashlib.sha256(data).hexdigest()
                found.append(Attachment(seq=seq, file_name=name, media_type="", size=len(data), sha256=digest))
        return found

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        data = self._files.get((receipt_no, seq))
        return (404, b"") if data is None else (200, data)

    # -- acting ------------------------------------------------------------------------------------------------------

    def sync(self) -> Job:
        return self._job(
            "sync", "製品で番号紐付情報と宛名情報を最新にしてください。", "Bring links and person data up to date."
        )

    def import_now(self) -> Job:
        return self._job("import", "製品で申請データを取り込んでください。", "Import the applications.")

    def _job(self, kind: str, ja: str, en: str) -> Job:
        answer, _ = self._ask(
            kind, ja, en,
            Field("result", "結果", "result", choices=DONE),
            Field("message", "画面に出た文", "words on the screen", "text", required=False),
            hint=("終わってから（失敗したときは失敗を見てから）答えます。", "Answer when it has ended or failed."),
        )  # fmt: skip
        self._forget()
        state = JobState.DONE if answer.values["result"] == "done" else JobState.FAILED
        return Job(job_id=kind, kind=kind, state=state, message=answer.values.get("message", ""))

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        to = REVIEWS[change.to]
        reason = f"理由には「{change.reason}」と入れてください。" if change.reason else ""
        return self._change(
            receipt_no,
            f"review:{receipt_no}:{change.to}",
            f"受付番号 {receipt_no} の審査状況を「{to}」に変えてください。{reason}",
            f"Change the review of {receipt_no} to {change.to.value}.",
        )

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        ja, en = ROLES[person.role]
        number = person.atena_no or "番号なし"
        done = self._change(
            receipt_no,
            f"identify:{receipt_no}:{person.role}:{person.atena_no or ''}",
            f"受付番号 {receipt_no} の{ja}を「{number}」と決めてください。理由には「{person.reason}」と入れてください。",
            f"Decide the {en} of {receipt_no}: {person.atena_no or 'no number'}.",
        )
        if done.detail is None:
            return done
        state = PersonState.IDENTIFIED if person.atena_no else PersonState.NONE
        persons = [
            one.model_copy(update={"state": state, "atena_no": person.atena_no or ""})
            if one.role is person.role
            else one
            for one in done.detail.persons
        ]
        self._details[receipt_no] = done.detail.model_copy(update={"persons": persons})
        return Change(done.status, done.message, self._details[receipt_no], done.exchange)

    def _change(self, receipt_no: str, key: str, ja: str, en: str) -> Change:
        answer, number = self._ask(
            key, ja, en,
            Field("result", "結果", "result", choices=CHANGED),
            Field("review", "いまの審査状況", "review now", choices=_choices(REVIEWS)),
            Field("message", "画面に出た文", "words on the screen", "text", required=False),
        )  # fmt: skip
        summary = self._list.get(receipt_no)
        if summary is None:
            raise AdapterProblem(f"operator {receipt_no}", "一覧に無い申請です", "an application that is not listed")
        review = Review(answer.values["review"])
        self._list[receipt_no] = summary.model_copy(update={"review": review})
        known = self._details.get(receipt_no) or ApplicationDetail.model_validate(summary.model_dump())
        self._details[receipt_no] = known.model_copy(update={"review": review})
        status = {"done": 200, "refused": 409, "broken": 500}[answer.values["result"]]
        return Change(
            status, answer.values.get("message", ""), self._details[receipt_no] if status == 200 else None, number
        )


def _choices(words: dict[Review, str] | dict[Handover, str]) -> tuple[Choice, ...]:
    return tuple(Choice(one.value, ja, one.value) for one, ja in words.items())


def _items(text: str) -> list[FormItem]:
    """Items as they were pasted: id, value, group, number, separated by tabs; a cell may hold line breaks in quotes."""
    found = []
    for row in csv.reader(io.StringIO(text, newline=""), dialect="excel-tab"):
        if len(row) >= 2:
            item_id, value, group, number = (*row, "", "")[:4]
            found.append(
                FormItem(
                    item_id=item_id,
                    label="",
                    group=group,
                    occurrence=int(number) if number.isdigit() else 1,
                    value=value,
                )
            )
    return found
