"""Adapter ``python``: a small class that the vendor writes, in a process of its own (`python_host`).

The class may have the methods of the control interface, with plain dictionaries in and out; one that it lacks cannot be
seen or done. It may hang, crash, flood or lie: every call is bounded in time and size, a process that broke a bound is
ended with all it started, and the next call begins with a new one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from conformance.adapters import python_host
from conformance.adapters.base import SEEABLE, AdapterProblem, Change, ProductUnreachable, Sighted, cannot
from conformance.adapters.bounded import end_group
from conformance.adapters.settings import PythonChoice
from conformance.engine.logs import keep_log
from conformance.engine.processes import die_with_parent
from conformance.visible import one_line
from interface_spec.control import (
    ApplicationDetail,
    ApplicationSummary,
    Health,
    IdentifyPerson,
    Job,
    JobState,
    ReviewChange,
)

LARGEST_ANSWER = 64 * 1024 * 1024
MOST_STARTS = 20
"""A class that makes its process end again and again is not started any more."""
ENDING_SECONDS = 2.0
"""A process that has closed its output is given this long to say how it ends."""
FIELD = "adapter.python"
Note = Callable[[list[str], bytes, int, bytes], int]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class _Refused(BaseModel):
    status: int = Field(default=409, ge=400, le=599)
    message: str = ""


class _Said(BaseModel):
    """One line of the vendor's process. It may have been written by code that is not ours."""

    id: int
    result: Any = None
    bytes: str | None = None
    refused: _Refused | None = None
    problem: str = ""
    unseen: str = ""


_SUMMARIES = TypeAdapter(list[ApplicationSummary])


class PythonAdapter(Sighted):
    """One product behind the vendor's class in ``choice.file`` (beside target.toml). ``log`` gets what its code prints."""

    def __init__(
        self,
        choice: PythonChoice,
        folder: Path,
        settings: Mapping[str, str],
        env: Mapping[str, str],
        note: Note,
        log: Path,
        *,
        call_timeout: float,
        job_timeout: float,
    ) -> None:
        self._choice, self._folder, self._settings, self._env = choice, folder, dict(settings), dict(env)
        self._note, self._log = note, log
        self._call_timeout, self._job_timeout = call_timeout, job_timeout
        self._process: _Host | None = None
        self._starts = 0
        self._unseen: frozenset[str] | None = None

    @property
    def unseen(self) -> frozenset[str]:
        if self._unseen is None:
            self._host()
        return self._unseen or frozenset()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    # -- the process -----------------------------------------------------------------------------------------------

    def _host(self) -> _Host:
        if self._process is None:
            self._starts += 1
            if self._starts > MOST_STARTS:
                raise ProductUnreachable(
                    FIELD, f"{MOST_STARTS} 回起動し直しても終わってしまいます", f"its process ended {MOST_STARTS} times"
                )
            file = self._folder / self._choice.file
            if not file.is_file():
                raise ProductUnreachable(f"{FIELD}.file", f"{file} がありません", f"{file}: no such file")
            interpreter = self._choice.interpreter or sys.executable
            words = [interpreter, "-I", "-u", "-X", "utf8", python_host.__file__, str(file), self._choice.name]
            self._process = _Host(words, self._folder, self._env, self._log)
            said = self._converse("begin", self._settings, self._call_timeout)
            if said.problem:
                self.close()
                cause = one_line(said.problem, 500)
                raise ProductUnreachable(f"{FIELD}.file", f"読み込めません（{cause}）", f"cannot be loaded ({cause})")
            given = said.result if isinstance(said.result, list) else []
            self._unseen = frozenset(one for one in SEEABLE if one in given)
        return self._process

    def _converse(self, call: str, args: Mapping[str, Any], seconds: float) -> _Said:
        host = self._process
        if host is None:
            raise RuntimeError("no process to converse with")
        said, why = host.ask(call, args, seconds)
        if said is None:
            self.close()
            raise AdapterProblem(f"{FIELD} {call}", *why)
        return said

    def _ask(self, call: str, args: Mapping[str, Any], seconds: float) -> tuple[_Said, int]:
        """The answer to one call and its number on the tape; problem and unseen are raised."""
        self._host()
        said = self._converse(call, args, seconds)
        status = said.refused.status if said.refused else 200
        shown = said.model_dump_json(exclude_defaults=True).encode("utf-8", "backslashreplace")
        number = self._note([self._choice.file, call], json.dumps(args, ensure_ascii=False).encode(), status, shown)
        if said.unseen:
            raise cannot(
                f"{FIELD} {call}",
                f"{self._choice.name} に {call} が無く、確かめられません",
                f"{self._choice.name} has no {call}: this cannot be done",
            )
        if said.problem:
            words = one_line(said.problem, 500)
            raise AdapterProblem(f"{FIELD} {call}", f"失敗しました（{words}）", f"failed ({words})")
        return said, number

    def _read(self, model: type[M], call: str, args: Mapping[str, Any], seconds: float) -> M | None:
        said, _ = self._ask(call, args, seconds)
        return None if said.result is None else _fits(TypeAdapter(model), said.result, call)

    # -- the control interface ---------------------------------------------------------------------------------------

    def health(self) -> Health:
        found = self._read(Health, "health", {}, self._call_timeout)
        if found is None:
            raise AdapterProblem(f"{FIELD} health", "何も返りません", "returned nothing")
        return found

    def sync(self) -> Job:
        return self._job("sync", "sync")

    def import_now(self) -> Job:
        return self._job("import_now", "import")

    def _job(self, call: str, kind: str) -> Job:
        """A method that returns nothing has done its work; one that is refused has failed, which is on record."""
        said, _ = self._ask(call, {}, self._job_timeout)
        if said.refused:
            message = one_line(said.refused.message, 500)
            return Job(job_id=call, kind=kind, state=JobState.FAILED, message=message)
        if said.result is None:
            return Job(job_id=call, kind=kind, state=JobState.DONE)
        return _fits(TypeAdapter(Job), said.result, call)

    def applications(self) -> list[ApplicationSummary]:
        said, _ = self._ask("applications", {}, self._call_timeout)
        return _fits(_SUMMARIES, said.result, "applications")

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        return self._read(ApplicationDetail, "application", {"receipt_no": receipt_no}, self._call_timeout)

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        said, _ = self._ask("attachment", {"receipt_no": receipt_no, "seq": seq}, self._call_timeout)
        if said.bytes is None:
            return 404, b""
        try:
            return 200, base64.b64decode(said.bytes, validate=True)
        except (binascii.Error, ValueError):
            raise AdapterProblem(f"{FIELD} attachment", "バイト列ではありません", "is no bytes") from None

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        return self._change("review", receipt_no, {"change": change.model_dump(mode="json")})

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        return self._change("identify", receipt_no, {"person": person.model_dump(mode="json")})

    def _change(self, call: str, receipt_no: str, args: dict[str, Any]) -> Change:
        said, number = self._ask(call, {"receipt_no": receipt_no, **args}, self._call_timeout)
        if said.refused:
            return Change(said.refused.status, one_line(said.refused.message, 500), None, number)
        if said.result is None:
            return Change(200, "", self.application(receipt_no), number)
        return Change(200, "", _fits(TypeAdapter(ApplicationDetail), said.result, call), number)


def _fits(model: TypeAdapter[T], value: object, call: str) -> T:
    try:
        return model.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AdapterProblem(
            f"{FIELD} {call}",
            f"返り値が制御インターフェースと違います（{place or '全体'}: {first['msg']}）",
            f"the result does not fit the control interface ({place or 'all'}: {first['msg']})",
        ) from None


class _Host:
    """One process with the vendor's class. Nothing of it is left after `close`."""

    def __init__(self, words: list[str], folder: Path, env: Mapping[str, str], log: Path) -> None:
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=dict(env),
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            raise ProductUnreachable(
                f"{FIELD}.interpreter",
                f"{words[0]} を起動できません（{error.strerror}）",
                f"{words[0]} cannot be started ({error.strerror})",
            ) from None
        self._lines: Queue[bytes] = Queue(maxsize=4)
        self._number = 0
        if self._process.stdout is None or self._process.stderr is None:
            raise RuntimeError("pipes were asked for")
        self._threads = [
            threading.Thread(target=_read_lines, args=(self._process.stdout, self._lines), daemon=True),
            threading.Thread(target=keep_log, args=(self._process.stderr, log), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, call: str, args: Mapping[str, Any], seconds: float) -> tuple[_Said | None, tuple[str, str]]:
        """The answer, or None and why there is none."""
        self._number += 1
        line = json.dumps({"id": self._number, "call": call, "args": args}, ensure_ascii=True) + "\n"
        pipe = self._process.stdin
        try:
            if pipe is not None:
                pipe.write(line.encode())
                pipe.flush()
        except BrokenPipeError:
            return None, self._ended()
        deadline = time.monotonic() + seconds
        while True:
            try:
                said = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:
                return None, (f"{seconds:g} 秒待っても答えません", f"no answer within {seconds:g} s")
            if not said:
                return None, self._ended()
            if len(said) > LARGEST_ANSWER:
                return None, (f"答えが {LARGEST_ANSWER} バイトを超えた", f"the answer exceeds {LARGEST_ANSWER} bytes")
            try:
                found = _Said.model_validate_json(said)
            except ValidationError:
                return None, ("答えの形式が違います", "the answer has another form")
            if found.id != self._number:
                return None, ("答えが別の呼出しのものです", "the answer belongs to another call")
            return found, ("", "")

    def _ended(self) -> tuple[str, str]:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)
        end_group(self._process)
        code = self._process.returncode
        return f"プロセスが終了しました（終了コード {code}）", f"its process ended (code {code})"

    def close(self) -> None:
        end_group(self._process)
        while self._threads[0].is_alive():  # a full queue would keep the reader waiting
            try:
                self._lines.get(timeout=0.05)
            except Empty:
                continue
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return


def _read_lines(pipe: IO[bytes], lines: Queue[bytes]) -> None:
    """Lines of a bounded length, then an empty one: the process has ended, or said too much."""
    while True:
        line = pipe.readline(LARGEST_ANSWER + 1)
        lines.put(line)
        if not line or len(line) > LARGEST_ANSWER:
            break
