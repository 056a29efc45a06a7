"""Takes the secrets of a run out of its folder at the end: what stays is evidence and may be handed on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance.engine.secrets import Redactor

KEPT_AS_THEY_ARE = ("events.ndjson", "plan.json", "checks.ndjson")
"""Written by us from redacted values while the run goes on; the event log is still open."""


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
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        clean = redact.known(text) if path.parent == bodies else redact(text)
        if clean != text:
            if path.parent == bodies:
                path.unlink()
            else:
                path.write_bytes(clean.encode("utf-8", "surrogateescape"))
