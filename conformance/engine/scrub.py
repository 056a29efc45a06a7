"""Takes the secrets of a run out of its folder at the end: what stays is evidence and may be handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from conformance.engine.secrets import Redactor

KEPT_AS_THEY_ARE = ("events.ndjson", "plan.json", "checks.ndjson")
"""Written by us from redacted values while the run goes on; the event log is still open."""

LARGE = 8 * 1024 * 1024


def scrub(run_dir: Path, secrets: Iterable[str], *, remove: Iterable[Path]) -> None:
    """Removes ``remove``; blots every secret and bearer token out of the other files; a recorded body with one goes whole.

    A body file is named by its SHA-256, so a changed one would no longer be what its name says.
    """
    for path in remove:
        path.unlink(missing_ok=True)
    redact = Redactor(secrets)
    bodies = run_dir / "bodies"
    for path in sorted(run_dir.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.name in KEPT_AS_THEY_ARE:
            continue
        if path.parent == bodies:
            if _blotted(path.read_bytes(), redact.known) is not None:
                path.unlink()
        elif path.stat().st_size > LARGE:
            _line_by_line(path, redact)
        elif (clean := _blotted(path.read_bytes(), redact)) is not None:
            path.write_bytes(clean)


def _line_by_line(path: Path, redact: Redactor) -> None:
    """A file of `LARGE` size is a log of ours with an entry a line: it is not held in memory as a whole."""
    part = path.with_suffix(".part")
    part.touch(mode=path.stat().st_mode & 0o777)
    with path.open("rb") as old, part.open("wb") as new:
        for line in old:
            clean = _blotted(line, redact)
            new.write(line if clean is None else clean)
    part.replace(path)


def _blotted(data: bytes, redact: Callable[[str], str]) -> bytes | None:
    """``data`` without secrets; None when it holds none."""
    text = data.decode("utf-8", "surrogateescape")
    clean = redact(text)
    return clean.encode("utf-8", "surrogateescape") if clean != text else None
