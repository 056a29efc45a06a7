"""Where a run meets the person who acts on the product: one question at a time, answered at the terminal or on a page.

Everything that was asked, answered and attached is kept in the run's folder (``operator.ndjson``, ``attached/``).
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from conformance.adapters.base import OperatorAway, Sheet
from conformance.adapters.questions import Answer, Attached, Question, complaint
from conformance.visible import one_line

LARGEST_FILE = 32 * 1024 * 1024
MOST_ATTACHED = 512 * 1024 * 1024
"""Bytes of everything that is handed over in one run."""
PICTURES = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}
JOURNAL = "operator.ndjson"
FOLDER = "attached"


class Refusal(ValueError):
    """An answer that cannot be taken: (Japanese, English)."""

    def __init__(self, ja: str, en: str) -> None:
        self.ja, self.en = ja, en
        super().__init__(f"{ja} / {en}")


class Window(Protocol):
    """A place where a person sees questions: the terminal, the page."""

    def announce(self, sheet: Sheet) -> None: ...
    def open(self, question: Question, until: datetime) -> None: ...
    def shut(self) -> None: ...
    def close(self) -> None: ...


@dataclass
class Open:
    """The question that waits for an answer now."""

    number: int
    question: Question
    until: datetime


class Desk:
    """One run's desk. Windows hand in answers by `take`; the first that can be taken counts."""

    def __init__(self, run_dir: Path) -> None:
        self._dir = run_dir
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._open: Open | None = None
        self._answer: Answer | None = None
        self._number = 0
        self._attached = 0
        self.sheet: Sheet | None = None
        self.windows: list[Window] = []

    @property
    def open(self) -> Open | None:
        """The question that waits, if any."""
        with self._lock:
            return self._open

    def begin(self, sheet: Sheet) -> None:
        """A round begins: its sheet is shown."""
        self.sheet = sheet
        self._keep({"sheet": asdict(sheet)})
        for window in self.windows:
            window.announce(sheet)

    def ask(self, question: Question, seconds: float) -> Answer:
        """The answer to ``question``. OperatorAway when none comes within ``seconds``."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        deadline = time.monotonic() + seconds
        with self._lock:
            self._number += 1
            self._open, self._answer = Open(self._number, question, until), None
        for window in self.windows:
            window.open(question, until)
        with self._answered:
            self._answered.wait_for(lambda: self._answer is not None, deadline - time.monotonic())
            found, self._open = self._given(), None
        for window in self.windows:
            window.shut()
        self._keep({"question": question.key, "ja": question.ja, "answer": asdict(found) if found else None})
        if found is None:
            minutes = seconds / 60
            raise OperatorAway(
                question.ja, f"{minutes:g} 分待っても答えがありません", f"no answer within {minutes:g} minutes"
            )
        return found

    def _given(self) -> Answer | None:
        return self._answer

    def take(
        self,
        number: int,
        values: Mapping[str, str],
        files: Mapping[str, tuple[str, bytes]],
        pictures: list[tuple[str, bytes]],
        *,
        source: str,
        note: str = "",
    ) -> None:
        """Takes an answer to question ``number``. Refusal when it is another's turn, or the answer does not fit."""
        with self._answered:
            now = self._open
            if now is None or now.number != number:
                raise Refusal("この質問はもう答えられています", "this question has been answered")
            wrong = complaint(now.question, values, files)
            if wrong is not None:
                raise Refusal(*wrong)
            for name, data in pictures:
                if not any(data.startswith(magic) for magic in PICTURES):
                    raise Refusal(
                        f"{one_line(name, 80)}: 画面の写しは PNG か JPEG にしてください",
                        "a picture must be PNG or JPEG",
                    )
            kept = {name: self._store(*given) for name, given in files.items()}
            evidence = tuple(self._store(*given) for given in pictures)
            known = {one.name for one in now.question.fields}
            self._answer = Answer(
                values={name: value for name, value in values.items() if name in known},
                source=source,
                files=kept,
                evidence=evidence,
                note=note[:2000],
            )
            self._open = None
            self._answered.notify_all()

    def content(self, attached: Attached) -> bytes:
        """The bytes of a file that was handed over."""
        return (self._dir / attached.path).read_bytes()

    def close(self) -> None:
        for window in self.windows:
            window.close()

    def _store(self, name: str, data: bytes) -> Attached:
        if len(data) > LARGEST_FILE:
            raise Refusal(f"{one_line(name, 80)}: {LARGEST_FILE} バイトまでです", f"at most {LARGEST_FILE} bytes")
        if self._attached + len(data) > MOST_ATTACHED:
            raise Refusal("この実施で添付できる量を超えました", "this run holds no more files")
        self._attached += len(data)
        digest = hashlib.sha256(data).hexdigest()
        suffix = next((ending for magic, ending in PICTURES.items() if data.startswith(magic)), "")
        path = Path(FOLDER) / f"{digest}{suffix}"
        (self._dir / FOLDER).mkdir(mode=0o700, exist_ok=True)
        (self._dir / path).write_bytes(data)
        return Attached(name=one_line(name, 200), sha256=digest, size=len(data), path=str(path))

    def _keep(self, line: dict[str, object]) -> None:
        with (self._dir / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"at": datetime.now(UTC).isoformat(), **line}, ensure_ascii=False) + "\n")
