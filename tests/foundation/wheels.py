"""Build our wheel and install it offline, for the tests of this folder."""

from __future__ import annotations

import configparser
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAT = ("interface_spec", "fixtures", "mock_services", "reference_impl", "conformance", "testbed")


def build_wheel(source: Path, target: Path) -> Path:
    """Build the wheel of the checkout `source` with the locked hatchling and return its path."""
    command = [sys.executable, "-I", "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return wheel


class Environment:
    """A virtual environment with our dependencies, but without us."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.shinsei = folder / "bin" / "shinsei"
        (self.site,) = folder.glob("lib/python*/site-packages")
        (self.site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, wheel: Path) -> None:
        """Install `wheel` the way installers do: unpack it and write its command."""
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)
        (metadata,) = self.site.glob("shinsei_testbed-*.dist-info")
        entry_points = configparser.ConfigParser()
        entry_points.read(metadata / "entry_points.txt")
        self.write_command(*entry_points["console_scripts"]["shinsei"].split(":"))

    def install_editable(self, root: Path) -> None:
        """Put the checkout `root` on the path, as an editable install does."""
        (self.site / "_shinsei_testbed.pth").write_text(f"{root}\n")
        self.write_command("shinsei_testbed", "main")

    def write_command(self, module: str, function: str) -> None:
        """Write bin/shinsei as installers do."""
        lines = [f"#!{self.python}", "import sys", f"from {module} import {function}", f"sys.exit({function}())"]
        self.shinsei.write_text("\n".join(lines) + "\n")
        self.shinsei.chmod(0o755)
