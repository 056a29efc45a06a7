"""Generated files in a folder: writing them, finding stale ones, removing those that are no longer made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Generated:
    """``files``: path below a folder → text; ``is_ours``: whether a file was made by this generator."""

    files: Mapping[str, str]
    is_ours: Callable[[Path], bool]

    def write(self, folder: Path) -> int:
        """Writes what changed and removes ours that are no longer made; the number of changes. OSError."""
        changed = 0
        for name, text in self.files.items():
            path = folder / name
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
                changed += 1
        for path in self._left(folder):
            path.unlink()
            changed += 1
        return changed

    def stale(self, folder: Path) -> list[str]:
        """What differs in ``folder``, one sentence a file (changed, missing, or no longer made)."""
        found = []
        for name, text in sorted(self.files.items()):
            path = folder / name
            if not path.is_file():
                found.append(f"{name}: ありません / missing")
            elif path.read_text(encoding="utf-8") != text:
                found.append(f"{name}: 古くなっています / stale")
        left = [path.relative_to(folder).as_posix() for path in self._left(folder)]
        return found + [f"{name}: もう作られません / no longer made" for name in left]

    def _left(self, folder: Path) -> list[Path]:
        """Ours below ``folder`` that are no longer made; files of others are not ours to remove."""
        made = {folder / name for name in self.files}
        return sorted(path for path in folder.rglob("*") if path.is_file() and path not in made and self.is_ours(path))
