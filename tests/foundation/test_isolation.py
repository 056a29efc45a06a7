"""A hostile folder changes nothing: our packages are loaded, from the checkout and from the wheel."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import shinsei_testbed
from tests.foundation.wheels import FLAT, ROOT, Environment, build_wheel

# Stands in for the real command: says what it sees, itself and in a child process; ends with the given status.
PROBE = """
import importlib, json, subprocess, sys
import shinsei_testbed

FLAT = {flat}

def seen():
    modules = [importlib.import_module(name) for name in (*FLAT, "json", "pathlib", "httpx", "typing")]
    return {{
        "argv": sys.argv,
        "flags": [sys.flags.isolated, sys.flags.utf8_mode],
        "first": sys.path[0],
        "files": {{module.__name__: module.__file__ for module in modules}},
        # a system's own sitecustomize (Debian has one) may well be there
        "sitecustomize": str(getattr(sys.modules.get("sitecustomize"), "__file__", "")),
        "hostile": [entry for entry in sys.path if "ENEMY" in entry],
        "lib_dir": str(shinsei_testbed.lib_dir()),
        "name": __name__,
    }}

def main():
    child = subprocess.run(shinsei_testbed.module_command("testbed.cli", "子", "--x"), stdout=subprocess.PIPE, check=True)
    print(json.dumps({{"self": seen(), "child": json.loads(child.stdout)}}, ensure_ascii=False))
    sys.exit(7 if "seven" in sys.argv else 0)

if __name__ == "__main__":
    print(json.dumps(seen()))
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "ENEMY"
    for package in (*FLAT, "tests", "httpx"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(f"raise SystemExit('hostile {package}')\n")
    for module in ("conftest", "json", "pathlib", "typing", "subprocess", "usercustomize"):
        (folder / f"{module}.py").write_text(f"raise SystemExit('hostile {module}')\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.path.insert(0, {str(folder)!r})\n")
    (folder / "pyvenv.cfg").write_text("home = /nonexistent\n")
    return folder


def make_checkout(target: Path) -> Path:
    """Copy what an import of ours needs, with the probe as the command."""
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    shutil.copytree(ROOT / "shinsei_testbed", target / "shinsei_testbed")
    for name in FLAT:
        (target / name).mkdir()
        (target / name / "__init__.py").touch()
    (target / "testbed" / "cli.py").write_text(PROBE.format(flat=FLAT), encoding="utf-8")
    return target


@pytest.fixture(params=["checkout", "wheel"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Environment, Path]:
    """Return an environment with us in it, and the folder that our packages must come from."""
    checkout = make_checkout(tmp_path / "checkout")
    environment = Environment(tmp_path / "venv")
    if request.param == "checkout":
        environment.install_editable(checkout)
        return environment, checkout
    environment.install(build_wheel(checkout, tmp_path / "wheels"))
    shutil.rmtree(checkout)
    return environment, environment.site / "shinsei_testbed" / "_lib"


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    hostile = {"PYTHONPATH": ".", "PYTHONSTARTUP": "conftest.py", "PYTHONWARNINGS": "error", "PYTHONSAFEPATH": ""}
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **hostile, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def assert_ours(seen: dict[str, Any], root: Path) -> None:
    assert seen["flags"] == [1, 1]
    assert seen["first"] == seen["lib_dir"] == str(root)
    assert {name: seen["files"][name] for name in FLAT} == {name: str(root / name / "__init__.py") for name in FLAT}
    assert not [path for path in seen["files"].values() if "ENEMY" in path]
    assert seen["hostile"] == []
    assert "ENEMY" not in seen["sitecustomize"]


def test_command_in_a_hostile_folder(installed: tuple[Environment, Path], hostile: Path) -> None:
    environment, root = installed
    done = run([str(environment.shinsei), "check", "受付", "seven"], hostile)
    assert done.stderr == ""
    assert done.returncode == 7
    seen = json.loads(done.stdout)
    assert_ours(seen["self"], root)
    assert_ours(seen["child"], root)
    assert seen["self"]["argv"] == ["shinsei", "check", "受付", "seven"]
    assert seen["child"]["argv"] == [str(root / "testbed" / "cli.py"), "子", "--x"]
    assert seen["child"]["name"] == "__main__"


def test_where_exec_is_missing_a_child_is_waited_for(installed: tuple[Environment, Path], hostile: Path) -> None:
    environment, root = installed
    code = "import os, sys; os.name = 'nt'; sys.argv = ['shinsei', 'seven']; import shinsei_testbed as s; s.main()"
    done = run([str(environment.python), "-c", code], hostile)
    assert (done.returncode, done.stderr) == (7, "")
    assert_ours(json.loads(done.stdout)["self"], root)


def test_module_run_without_isolation_starts_over(installed: tuple[Environment, Path], hostile: Path) -> None:
    environment, root = installed
    done = run([str(environment.python), "-m", "shinsei_testbed", "run", "testbed.cli", "a b"], hostile, PYTHONPATH="")
    assert (done.returncode, done.stderr) == (0, "")
    assert_ours(json.loads(done.stdout), root)


@pytest.mark.parametrize("arguments", [[], ["run"], ["serve"]])
def test_wrong_use_is_told(arguments: list[str], tmp_path: Path) -> None:
    command = shinsei_testbed.module_command("x")
    done = run([*command[: command.index("run")], *arguments], tmp_path)
    assert done.returncode == 2
    assert "使い方" in done.stderr
    assert "usage" in done.stderr


def test_this_very_checkout_in_a_hostile_folder(hostile: Path) -> None:
    for module, origin in (("fixtures", "fixtures/__init__.py"), ("testbed.postgres", "testbed/postgres.py")):
        done = run(shinsei_testbed.module_command("inspect", "--details", module), hostile)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"Origin: {ROOT / origin}" in done.stdout
    assert shinsei_testbed.lib_dir() == ROOT
