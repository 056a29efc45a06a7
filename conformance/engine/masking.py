"""Masks what may be a real person's: values in a product's answers that match nobody of this run's synthetic town.

A vendor's system may hold real residents. In an application of this run, personal fields that match no synthetic value
are masked; an application that is not of this run is masked whole, and so is every long number that is not ours. What
the checks compare with (items of our own packages, states, the product's own sentences) stays readable.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PERSONAL = frozenset(
    {"name", "birth_date", "gender", "address", "atena_no", "juki_atena_no", "kana", "tel", "phone", "mail", "mynumber"}
)
"""Keys of the control interface (and near ones) whose values tell who somebody is."""
LABELS = frozenset(
    {"ingestion", "review", "handover", "state", "role", "method", "kind", "status", "code", "core_system", "procedure_id",
     "dantai_code", "media_type", "version", "item_id", "product", "job_id", "at", "now", "received_at", "arrived_at",
     "imported_at", "sha256"}
)  # fmt: skip
"""Keys whose values tell nothing of a person."""
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:\d{9,}|\d{4}[- ]\d{4}[- ]\d{4})(?![0-9A-Za-z])")
"""個人番号 (12 digits, also in three groups), 住民票コード (11), long 宛名番号 and telephone numbers."""
DEEPEST = 60
PULL = "pull:"
"""System of the exchanges in which a core system collects from the product."""


def mask(value: str) -> str:
    """How a masked value is shown: its length only."""
    return f"［伏字 {len(value)}字］"


class Masker:
    """Knows every value of the run's town. ``receipts`` are the applications of this run."""

    def __init__(self, known: Iterable[str], receipts: Iterable[str]) -> None:
        self._receipts = frozenset(receipts)
        self._known = frozenset(_plain(one) for one in (*known, *self._receipts) if one)
        self.masked = 0
        self.foreign = 0
        """Times an application was met that is not of this run."""

    def ours(self, receipt_no: str) -> bool:
        """Whether the application is one of this run."""
        if receipt_no in self._receipts:
            return True
        self.foreign += 1
        return False

    def value(self, value: str) -> str:
        """A personal value: as it is when it is one of the town's, masked otherwise."""
        if not value or _plain(value) in self._known:
            return value
        self.masked += 1
        return mask(value)

    def text(self, text: str) -> str:
        """Free text: long numbers that are not the town's are masked."""

        def one(found: re.Match[str]) -> str:
            return self.value(found[0])

        return _LONG_NUMBER.sub(one, text)

    def body(self, text: str) -> str:
        """A product's answer: JSON by its keys, anything else as free text."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        if not isinstance(document, (dict, list)):
            return self.text(text)
        return json.dumps(self._json(document, "", foreign=False, depth=0), ensure_ascii=False)

    def _json(self, node: Any, key: str, *, foreign: bool, depth: int) -> Any:
        if depth > DEEPEST:
            return mask("…")
        if isinstance(node, dict):
            receipt = node.get("receipt_no")
            foreign = foreign or (isinstance(receipt, str) and not self.ours(receipt))
            return {
                self.text(str(name)): self._json(one, str(name), foreign=foreign, depth=depth + 1)
                for name, one in node.items()
            }
        if isinstance(node, list):
            return [self._json(one, key, foreign=foreign, depth=depth + 1) for one in node]
        if isinstance(node, bool) or node is None or key in LABELS:
            return node
        if isinstance(node, str):
            return self.value(node) if foreign or key in PERSONAL else self.text(node)
        digits = str(node)
        return node if len(digits) < 9 or _plain(digits) in self._known else self.value(digits)


def _plain(value: str) -> str:
    """A value without the differences that writing makes: width, blanks, hyphens."""
    return re.sub(r"[\s\-‐－ー]", "", unicodedata.normalize("NFKC", value)).casefold()


def hide_screens(run_dir: Path) -> None:
    """Takes the text of the product's screens out of the records of a run that was judged: size and digest stay.

    A screen shows whatever the product shows beside our application; the findings hold what they quote of it.
    """
    for path in sorted((run_dir / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        for snapshot in record.get("snapshots", {}).values():
            for screen in snapshot.get("screens", {}).values():
                digest = hashlib.sha256(screen["text"].encode("utf-8", "replace")).hexdigest()
                screen["text"] = f"［画面の文字 {len(screen['text'])}字 SHA-256 {digest}］"
        path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def hide_pulls(run_dir: Path, masker: Masker) -> None:
    """Masks what the product handed to the core systems, in a run in which it held applications of somebody else."""
    path = run_dir / "exchanges.jsonl"
    if not masker.foreign or not path.is_file():
        return
    masked = path.with_suffix(".masked")
    with path.open(encoding="utf-8") as lines, masked.open("w", encoding="utf-8") as out:
        masked.chmod(0o600)
        for line in lines:
            exchange = json.loads(line)
            if exchange["system"].startswith(PULL):
                exchange["target"] = mask(exchange["target"])
                for name in ("request_body", "response_body"):
                    body = exchange[name]
                    if body["text"] is None:
                        (run_dir / "bodies" / body["sha256"]).unlink(missing_ok=True)
                    else:
                        body["text"] = masker.body(body["text"])
            out.write(json.dumps(exchange, ensure_ascii=False) + "\n")
    masked.replace(path)


def strings_of(node: Any) -> Iterable[str]:
    """Every string within plain data."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for one in node.values():
            yield from strings_of(one)
    elif isinstance(node, (list, tuple)):
        for one in node:
            yield from strings_of(one)
