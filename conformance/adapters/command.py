"""Adapter ``command``: drives a product by commands, for products that run as batch jobs.

Each command is a list of words in target.toml; ``{receipt_no}`` and ``{seq}`` are filled in, no shell is involved. It reads
JSON on standard input where the control interface has a body, and writes the interface's JSON on standard output (the
bytes of the file for ``attachment``). Exit codes: 0 done, 3 refused, 4 no such application; any other is a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from conformance.adapters import answers
from conformance.adapters.base import AdapterProblem, Change, ProductUnreachable, Sighted
from conformance.adapters.bounded import run_bounded
from interface_spec.control import (
    ApplicationDetail,
    ApplicationPage,
    ApplicationSummary,
    Health,
    IdentifyPerson,
    Job,
    JobState,
    ReviewChange,
)

REFUSED, UNKNOWN = 3, 4
LARGEST_ANSWER = 64 * 1024 * 1024

Note = Callable[[list[str], bytes, int, bytes], int]
"""Keeps one command (words, standard input, exit code, standard output); returns its number."""


class CommandAdapter(Sighted):
    """One product behind a set of commands, run in ``folder`` (that of target.toml)."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        folder: Path,
        env: Mapping[str, str],
        note: Note,
        *,
        call_timeout: float,
        job_timeout: float,
    ) -> None:
        self._commands, self._folder, self._env, self._note = commands, folder, dict(env), note
        self._call_timeout, self._job_timeout = call_timeout, job_timeout

    def close(self) -> None:
        """Commands leave nothing open."""

    def _run(self, name: str, body: BaseModel | None = None, **values: object) -> tuple[int, bytes, str, int]:
        """(exit code, standard output, last line of standard error, number of the record)."""
        words = [word.format(**values) for word in self._commands[name]]
        given = body.model_dump_json().encode() if body is not None else b""
        limit = self._job_timeout if name in ("sync", "import") else self._call_timeout
        field = f"adapter.commands.{name}"
        try:
            done = run_bounded(words, given, cwd=self._folder, env=self._env, seconds=limit, most=LARGEST_ANSWER)
        except OSError as error:
            raise ProductUnreachable(
                field,
                f"{words[0]} を実行できません（{error.strerror}）",
                f"{words[0]} cannot be run ({error.strerror})",
            ) from None
        if done.code is None:
            raise AdapterProblem(
                field,
                *(
                    (f"{limit:g} 秒待っても終わりません", f"not finished in {limit:g} seconds")
                    if done.why == "time"
                    else (f"出力が {LARGEST_ANSWER} バイトを超えた", f"the output exceeds {LARGEST_ANSWER} bytes")
                ),
            )
        said = done.err.decode("utf-8", "replace").strip().splitlines()
        number = self._note(words, given, done.code, done.out)
        return done.code, done.out, said[-1][:500] if said else "", number

    def _job(self, kind: str) -> Job:
        """A command that did its work at once; one that ends with another code has failed, which is on record."""
        code, out, said, _ = self._run(kind)
        if code == 0 and out.strip():
            return answers.parse(Job, out, f"adapter.commands.{kind}")
        state = JobState.DONE if code == 0 else JobState.FAILED
        return Job(job_id=kind, kind=kind, state=state, message=said or ("" if code == 0 else f"終了コード {code}"))

    def _wanted(self, name: str) -> bytes:
        code, out, said, _ = self._run(name)
        if code != 0:
            raise AdapterProblem(
                f"adapter.commands.{name}", f"終了コード {code} で終わりました（{said}）", f"ended with {code} ({said})"
            )
        return out

    def health(self) -> Health:
        return answers.parse(Health, self._wanted("health"), "adapter.commands.health")

    def sync(self) -> Job:
        return self._job("sync")

    def import_now(self) -> Job:
        return self._job("import")

    def applications(self) -> list[ApplicationSummary]:
        return answers.parse(ApplicationPage, self._wanted("list"), "adapter.commands.list").items

    def application(self, receipt_no: str) -> ApplicationDetail | None:
        code, out, said, _ = self._run("show", receipt_no=receipt_no)
        if code == UNKNOWN:
            return None
        if code != 0:
            raise AdapterProblem(
                "adapter.commands.show", f"終了コード {code} で終わりました（{said}）", f"ended with {code} ({said})"
            )
        return answers.parse(ApplicationDetail, out, "adapter.commands.show")

    def attachment(self, receipt_no: str, seq: int) -> tuple[int, bytes]:
        code, out, _, _ = self._run("attachment", receipt_no=receipt_no, seq=seq)
        return {0: 200, UNKNOWN: 404}.get(code, 500), out if code == 0 else b""

    def review(self, receipt_no: str, change: ReviewChange) -> Change:
        return self._change("review", receipt_no, change)

    def identify(self, receipt_no: str, person: IdentifyPerson) -> Change:
        return self._change("identify", receipt_no, person)

    def _change(self, name: str, receipt_no: str, body: BaseModel) -> Change:
        code, out, said, number = self._run(name, body, receipt_no=receipt_no)
        if code != 0:
            status = {REFUSED: 409, UNKNOWN: 404}.get(code, 500)
            return Change(status, said or f"終了コード {code}", None, number)
        detail = answers.parse(ApplicationDetail, out, f"adapter.commands.{name}") if out.strip() else None
        return Change(200, "", detail or self.application(receipt_no), number)
