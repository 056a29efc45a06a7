"""The desk at the terminal: the open question, field by field. Stops asking the moment somebody else has answered."""

from __future__ import annotations

import os
import select
import threading
from datetime import datetime
from pathlib import Path
from typing import IO

from conformance.adapters.base import Sheet
from conformance.adapters.desk import LARGEST_FILE, Desk, Refusal
from conformance.adapters.questions import Field, Question
from conformance.visible import visible

LOOK = 0.2
"""Seconds between two looks whether the question is still open."""


class _Gone(Exception):
    """The question was answered elsewhere, or there is nobody at the terminal any more."""


class Terminal:
    """Reads lines from ``source`` (a terminal) and writes to ``out``; one thread a question."""

    def __init__(self, desk: Desk, source: int, out: IO[str], url: str) -> None:
        self._desk, self._source, self._out, self._url = desk, source, out, url
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._typed = b""
        self._ended = False
        self._say(f"操作の頁 / page: {url}")

    def announce(self, sheet: Sheet) -> None:
        receipts = "  ".join(one.receipt_no for one in sheet.expected)
        self._say(f"\n── ラウンド {sheet.number}/{sheet.of}: {sheet.ja} / {sheet.en}\n受付番号 / receipts: {receipts}")

    def open(self, question: Question, until: datetime) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._ask, args=(question, until), daemon=True)
        self._thread.start()

    def shut(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        self.shut()

    def _ask(self, question: Question, until: datetime) -> None:
        waiting = self._desk.open
        if waiting is None or self._ended:
            return
        self._say(f"\n■ {question.ja}\n  {question.en}")
        if question.hint_ja:
            self._say(f"  {question.hint_ja} / {question.hint_en}")
        self._say(f"  期限 / until {until.astimezone():%H:%M:%S}（頁でも答えられます / or on the page）")
        while not self._stop.is_set():
            try:
                values = {one.name: self._value(one) for one in question.fields if one.kind in ("choice", "text")}
                values |= {one.name: self._text(one) for one in question.fields if one.kind == "rows"}
                files = {one.name: self._file(one.ja, one.en, one.required) for one in question.fields if one.kind == "file"}  # fmt: skip
                picture = self._file("画面の写し（PNG・JPEG）", "picture of the screen", required=False)
                given = {name: file for name, file in files.items() if file is not None}
                self._desk.take(waiting.number, values, given, [picture] if picture else [], source="terminal")
                return
            except Refusal as error:
                self._say(f"  ✕ {error}")
            except _Gone:
                return

    def _value(self, one: Field) -> str:
        before = f"{one.row} " if one.row else ""
        self._say(f"  {before}{one.ja} / {one.en}" + ("" if one.required else "（無ければ Enter / Enter for none）"))
        for number, choice in enumerate(one.choices, 1):
            self._say(f"    {number}  {choice.ja} / {choice.en}")
        while True:
            word = self._line()
            if one.kind == "text" or not word:
                if word or not one.required:
                    return word
            elif word.isdigit() and 1 <= int(word) <= len(one.choices):
                return one.choices[int(word) - 1].value
            self._say("    もう一度 / again")

    def _text(self, one: Field) -> str:
        found = self._file(f"{one.ja}（表のファイル）", f"{one.en} (file with the table)", one.required)
        return found[1].decode("utf-8-sig", "replace") if found else ""

    def _file(self, ja: str, en: str, required: bool) -> tuple[str, bytes] | None:
        """A file by its path; none when it may be left out."""
        while True:
            self._say(f"  {ja} のパス / path of {en}" + ("" if required else "（無ければ Enter / Enter for none）"))
            word = self._line()
            if not word and not required:
                return None
            try:
                path = Path(word).expanduser()
                if path.stat().st_size > LARGEST_FILE:
                    self._say(f"    {LARGEST_FILE} バイトまでです / too large")
                    continue
                return path.name, path.read_bytes()
            except (OSError, ValueError) as error:
                self._say(f"    読めません / cannot be read: {getattr(error, 'strerror', error)}")

    def _line(self) -> str:
        """One line that the person typed. _Gone when the question is no longer open, or the terminal ended."""
        while b"\n" not in self._typed:
            if self._stop.is_set():
                raise _Gone
            if select.select([self._source], [], [], LOOK)[0]:
                piece = os.read(self._source, 4096)
                if not piece:
                    self._ended = True
                    raise _Gone
                self._typed += piece
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    def _say(self, text: str) -> None:
        self._out.write(visible(text) + "\n")
        self._out.flush()
