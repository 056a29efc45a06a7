"""Child processes of a run: started together, watched, and gone when the run is gone, however it ends.

Each child runs in a session of its own, writes to its own log file, and asks the kernel to be ended when the thread
that started it dies (PR_SET_PDEATHSIG); what a child has started in its turn is ended by the guard, in whatever session
it is. So a killed run leaves nothing behind. Start children from the main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import IO, Self

from conformance.engine import guard
from conformance.engine.logs import keep_log
from conformance.sentence import Sentence
from conformance.visible import one_line

PR_SET_PDEATHSIG = 1
PRODUCT = "product"
LAST_WORDS_SECONDS = 2.0
CONFIGURATION, HARNESS = 2, 3
"""Exit codes by which our own processes say whose fault it is; a product that ends at start is the vendor's matter,
except with HARNESS: so ends the bundled product when a mutant cannot be applied to it."""

KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")


class StartProblem(Sentence):
    """A child did not become ready; ``configuration`` tells whose fault it is."""

    def __init__(self, place: str, ja: str, en: str, *, configuration: bool = False) -> None:
        self.configuration = configuration
        super().__init__(place, ja, en)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: a short list of variables, never PYTHON*, PYTEST_* or proxies of the vendor's shell."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}


def die_with_parent() -> None:
    """For ``preexec_fn``: the kernel ends the child when the thread that starts it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Guard:
    """A process that ends what is left of a run when its owner is gone, and blots the run's secrets out of its folder.

    Leaving the context tells it that the owner ends in order; it then only ends processes that have escaped.
    """

    def __init__(self, folder: Path, secrets: Iterable[str] = (), remove: Iterable[Path] = ()) -> None:
        self.mark = token_hex(12)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        told = {"mark": self.mark, "folder": str(folder), "secrets": [*secrets], "remove": [str(one) for one in remove]}
        self.tell(json.dumps(told))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tell(".")
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._process.wait()

    def tell(self, line: str) -> None:
        """Writes one line to the guard. One that somebody has killed hears nothing."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()


class Children:
    """The children of one run; leaving the context stops them, last started first."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: dict[str, threading.Thread] = {}
        self._guard = guard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def adopt(self, name: str, process: subprocess.Popen[bytes] | None) -> bool:
        """Takes over a process of ours that is under way, as if it had been started here; False when there is none."""
        if process is None:
            return False
        self._running[name] = process
        self._guard.tell(f"+{process.pid}")
        return True

    def start(self, name: str, command: list[str], *, env: Mapping[str, str] | None = None) -> None:
        """Starts ``command`` under ``name``; its output goes to ``<name>.log``. StartProblem when it cannot be started."""
        marked = {**(env if env is not None else clean_environment()), guard.MARK: self._guard.mark}
        path = self._folder / f"{name}.log"
        log = path.open("ab")
        try:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if name == PRODUCT else log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=marked,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            raise StartProblem(
                name,
                f"{command[0]} を起動できません（{error.strerror}）",
                f"{command[0]} cannot be started ({error.strerror})",
                configuration=True,
            ) from None
        finally:
            log.close()
        if (pipe := self._running[name].stdout) is not None:
            self._readers[name] = threading.Thread(target=_keep, args=(pipe, path), daemon=True)
            self._readers[name].start()
        self._guard.tell(f"+{self._running[name].pid}")

    def wait_ready(self, name: str, ready_file: Path, seconds: float) -> dict[str, object]:
        """The JSON object that the child writes when it is ready. StartProblem when it ends or does not write it in time.

        A child that ends with 2 says by that: the configuration is wrong; its last log line is passed on.
        """
        deadline = time.monotonic() + seconds
        process = self._running[name]
        while time.monotonic() < deadline:
            if ready_file.is_file():
                try:
                    ready = json.loads(ready_file.read_text(encoding="utf-8"))
                except json.JSONDecodeError:
                    ready = None
                if isinstance(ready, dict):
                    return ready
            code = process.poll()
            if code is not None:
                raise self._ended_early(name, code)
            time.sleep(0.02)
        raise StartProblem(
            name,
            f"{seconds:g} 秒待っても準備ができません（{name}.log を見てください）",
            f"not ready after {seconds:g} s (see {name}.log)",
            configuration=name == PRODUCT,
        )

    def _read_to_its_end(self, name: str) -> None:
        """Its log is whole, unless a process that left its session still holds the pipe."""
        if (reader := self._readers.get(name)) is not None:
            reader.join(LAST_WORDS_SECONDS)

    def _ended_early(self, name: str, code: int) -> StartProblem:
        self._read_to_its_end(name)
        lines = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        words = one_line(lines[-1], 500) if lines else "出力なし / no output"
        return StartProblem(
            name,
            f"起動直後に終了しました（終了コード {code}）: {words}",
            f"ended at start (code {code}): {words}",
            configuration=code == CONFIGURATION or (name == PRODUCT and code != HARNESS),
        )

    def ended(self, name: str) -> int | None:
        """Exit code of the child, None while it runs."""
        return self._running[name].poll()

    def stop_all(self) -> None:
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGTERM)
        for name in reversed(list(self._running)):
            self.stop(name)

    def stop(self, name: str, *, grace: float = 5.0) -> None:
        """Ends the child and whatever it started: SIGTERM to its session, SIGKILL after ``grace`` seconds."""
        process = self._running.get(name)
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        del self._running[name]
        self._read_to_its_end(name)
        self._guard.tell(f"-{process.pid}")


def _keep(pipe: IO[bytes], path: Path) -> None:
    with pipe:
        keep_log(pipe, path)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
