"""Every simulated system is laid out alike: state and rules, surface, routes, errors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mock_services

ROOT = Path(mock_services.__file__).parent
SYSTEMS = ("download", "juki", "core", "togo", "juki_cs", "portal", "kanri", "lgwan")
SURFACE = ("fastapi", "starlette", "mock_services.asgi", "mock_services.http", "mock_services.pages")


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    return names | {alias.name for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_says_what_of_it_is_published_and_what_is_assumed(system: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / system / "models.py").read_text(encoding="utf-8"))) or ""
    assert "公開: " in said
    assert "仮定: " in said.replace("\n", " ")


def test_no_system_is_left_out() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == {*SYSTEMS, "dialects"}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_has_the_four_parts_and_its_rules_know_no_surface(system: str) -> None:
    folder = ROOT / system
    assert {path.name for path in folder.glob("*.py")} >= {"models.py", "responses.py", "routes.py", "errors.py"}
    for part in ("models.py", "errors.py"):
        known = imported(folder / part)
        assert not [name for name in known if name.split(".")[0] in SURFACE or name in SURFACE]
        assert not {f"mock_services.{system}.responses", f"mock_services.{system}.routes"} & known
