"""Children of a run: readiness, their last words, and that none of them is left, however they or their owner end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.engine.processes import Children, Guard, StartProblem, clean_environment
from conformance.engine.secrets import BLOT

ROOT = Path(__file__).resolve().parents[2]
STUBBORN = (
    "import signal,subprocess,sys,time,pathlib\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "code='import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
    "child=subprocess.Popen([sys.executable,'-I','-S','-c',code])\n"
    "pathlib.Path('pids').write_text(f'{__import__(\"os\").getpid()} {child.pid}')\n"
    "pathlib.Path('ready.json').write_text('{\"url\": \"x\"}')\n"
    "time.sleep(60)\n"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def pids(folder: Path) -> list[int]:
    return [int(one) for one in (folder / "pids").read_text(encoding="utf-8").split()]


def troubled(folder: Path, name: str, command: list[str], seconds: float = 20) -> StartProblem:
    """Starts a child that does not become ready; its trouble."""
    with Guard(folder) as guard, Children(folder, guard) as children:
        children.start(name, command)
        with pytest.raises(StartProblem) as caught:
            children.wait_ready(name, folder / "r.json", seconds)
    return caught.value


def test_ready_file_is_waited_for_and_read(tmp_path: Path) -> None:
    code = "import pathlib,time; p=pathlib.Path('r.json'); p.write_text('{'); time.sleep(.2); p.write_text('{\"url\": \"u\"}'); time.sleep(60)"
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        children.start("product", python(code))
        assert children.wait_ready("product", tmp_path / "r.json", 20) == {"url": "u"}
        assert children.ended("product") is None


@pytest.mark.parametrize(("name", "code", "configuration"), [
    ("product", 1, True), ("product", 2, True), ("product", 0, True), ("product", 3, False),
    ("world", 1, False), ("world", 2, True), ("world", 3, False),
])  # fmt: skip
def test_who_ends_at_start_says_whose_fault_it_is(tmp_path: Path, name: str, code: int, configuration: bool) -> None:
    words = f"import sys; print('noise'); print('ports.link: 使われています / in use'); sys.exit({code})"
    trouble = troubled(tmp_path, name, python(words))
    assert trouble.configuration is configuration
    assert trouble.ja == f"{name}: 起動直後に終了しました（終了コード {code}）: ports.link: 使われています / in use"
    assert trouble.en == f"{name}: ended at start (code {code}): ports.link: 使われています / in use"


def test_last_words_cannot_steer_the_terminal(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\x1b[31m' + b'x' * 9000 + b'\\xff\\n'); sys.exit(1)"
    trouble = troubled(tmp_path, "product", python(code))
    assert "\x1b" not in str(trouble)
    assert len(trouble.ja) < 700


def test_not_ready_in_time(tmp_path: Path) -> None:
    trouble = troubled(tmp_path, "product", python("import time; time.sleep(60)"), 0.2)
    assert trouble.configuration
    assert "product.log" in trouble.ja


def test_command_that_does_not_exist(tmp_path: Path) -> None:
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children, pytest.raises(StartProblem) as caught:
        children.start("product", ["/no/such/program"])
    assert caught.value.configuration
    assert "/no/such/program" in caught.value.en


def test_child_and_grandchild_that_ignore_sigterm_are_ended(tmp_path: Path) -> None:
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        children.start("product", python(STUBBORN))
        children.wait_ready("product", tmp_path / "ready.json", 20)
        assert all(map(alive, pids(tmp_path)))
        children.stop("product", grace=0.2)
        assert until(lambda: not any(map(alive, pids(tmp_path))))
        children.stop("product")  # once more does no harm


def test_grandchild_of_a_child_that_ended_by_itself_is_ended(tmp_path: Path) -> None:
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        children.start("product", python(STUBBORN.replace("time.sleep(60)\n", "", 1) + "\n"))
        children.wait_ready("product", tmp_path / "ready.json", 20)
    assert until(lambda: not any(map(alive, pids(tmp_path))))


ESCAPING = STUBBORN.replace("'-c',code]", "'-c',code],start_new_session=True")


def test_a_grandchild_in_a_session_of_its_own_is_ended(tmp_path: Path) -> None:
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        children.start("product", python(ESCAPING))
        children.wait_ready("product", tmp_path / "ready.json", 20)
        _, grandchild = pids(tmp_path)
        assert os.getsid(grandchild) == grandchild
    assert not any(map(alive, pids(tmp_path)))


def test_the_guard_of_one_run_spares_another_run(tmp_path: Path) -> None:
    with Guard(tmp_path) as guard, Children(tmp_path, guard) as children:
        children.start("product", python(ESCAPING))
        children.wait_ready("product", tmp_path / "ready.json", 20)
        with Guard(tmp_path):
            pass
        assert all(map(alive, pids(tmp_path)))


@pytest.mark.parametrize("product", [STUBBORN, ESCAPING], ids=["in its session", "in one of its own"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_nothing_outlives_an_owner_that_was_killed(tmp_path: Path, number: signal.Signals, product: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\nfrom conformance.engine.processes import Children, Guard\nimport time\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "guard = Guard(folder, ['very-secret-0'], [folder / 'world.json'])\n"
        "children = Children(folder, guard)\n"
        f"children.start('product', [sys.executable, '-I', '-S', '-c', {product!r}])\n"
        "children.wait_ready('product', folder / 'ready.json', 20)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    (tmp_path / "world.json").write_text("very-secret-0", encoding="utf-8")
    (tmp_path / "vendor.log").write_text("logged in with very-secret-0.", encoding="utf-8")
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    session = [int(one.name) for one in Path("/proc").glob("[0-9]*") if _parent(one) == owner.pid]
    assert len(session) == 2  # the product and the guard
    owner.send_signal(number)
    owner.wait()
    owner.stdout.close()
    assert until(lambda: not any(map(alive, [*pids(tmp_path), *session])))
    assert not (tmp_path / "world.json").exists()
    assert (tmp_path / "vendor.log").read_text(encoding="utf-8") == f"logged in with {BLOT}."


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_the_vendors_shell_does_not_reach_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTEST_ADDOPTS", "http_proxy", "HTTPS_PROXY", "SSL_CERT_FILE", "LD_PRELOAD_X"):
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    found = clean_environment({"OWN": "1"})
    assert "hostile" not in found.values()
    assert found["OWN"] == "1"
    assert found["TZ"] == "Asia/Tokyo"
    assert found["PATH"] == os.environ["PATH"]
