"""A vendor's working folder and shell that would break, or quietly change, any test tool that lets them."""

from __future__ import annotations

from pathlib import Path

HOSTILE = "raise SystemExit('hostile {name}')\n"
PACKAGES = ("fixtures", "conformance", "tests", "mock_services", "reference_impl", "interface_spec", "testbed", "httpx")
MODULES = ("conftest", "pytest", "typing", "json", "check_process")
CUSTOMIZE = "import sys\nsys.path.insert(0, {folder!r})\n"
"""What an interpreter loads before anything of ours can be asked; it must not stop, or no program would ever start."""
PASS_EVERYTHING = """\
[pytest]
addopts = --no-such-option -p no:shinsei
python_files = *.py
filterwarnings = error
"""


def make_vendor_folder(folder: Path) -> Path:
    """Writes such a folder."""
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(HOSTILE.format(name=name), encoding="utf-8")
    for name in MODULES:
        (folder / f"{name}.py").write_text(HOSTILE.format(name=name), encoding="utf-8")
    for name in ("sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(CUSTOMIZE.format(folder=str(folder)), encoding="utf-8")
    (folder / "pytest.ini").write_text(PASS_EVERYTHING, encoding="utf-8")
    (folder / "tox.ini").write_text(PASS_EVERYTHING, encoding="utf-8")
    (folder / "setup.cfg").write_text(PASS_EVERYTHING.replace("[pytest]", "[tool:pytest]"), encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = '--no-such-option'\n", encoding="utf-8"
    )
    (folder / ".env").write_text("PYTHONPATH=.\n", encoding="utf-8")
    return folder


def hostile_shell(folder: Path) -> dict[str, str]:
    """Variables of a shell that point every tool at ``folder`` or at nothing."""
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), nowhere
    )
    return {
        **proxies,
        "PYTHONPATH": str(folder),
        "PYTHONSTARTUP": str(folder / "conftest.py"),
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "PYTHONHASHSEED": "12345",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "--no-such-option",
        "PYTEST_PLUGINS": "no_such_plugin",
        "PYTEST_XDIST_WORKER": "gw7",
        "SSL_CERT_FILE": "/nonexistent",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
        "PGHOST": "nowhere.invalid",
        "PGPASSWORD": "vendors-own",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "COLUMNS": "40",
        "SHINSEI_RUN_DIR": str(folder),
    }
