"""Masks what may be a real person's: values in a product's answers that match nobody of this run's synthetic town.

A vendor's system may hold real residents. In an application of this run, personal fields that match no synthetic value
are masked; an application that is not of this run is masked whole, and so is every long number that is not ours. An item's
value that is neither ours nor like ours is masked too. In free text (the product's own sentences) go: whoever was masked
elsewhere in the run, who is called by a title (様, さん …), what stands behind a label (氏名:, 住所: …), and every run of
kanji or katakana that is neither the town's nor put together from known words (`words`). What the checks compare with
stays readable: values of our own packages and what a product made of them, states.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from conformance.engine.words import RUN, Vocabulary, our_words, runs
from conformance.record import CaseTruth

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
_KANJI = "一-龥々ヶ髙﨑"
_TITLED = re.compile(
    rf"[{_KANJI}]{{2,6}}(?:[ \u3000][{_KANJI}ぁ-んァ-ヶー]{{1,6}})?(?<![仕同多一有模異各皆])(?=さん|様(?![式々子態])|氏(?!名)|殿)"
)
"""A Japanese name before a title."""
_KANA = re.compile(r"(?<![ァ-ヶー])[ァ-ヶー]{2,8}[ \u3000][ァ-ヶー]{2,8}(?![ァ-ヶー])")
"""A name in katakana: surname, blank, given name."""
_LABELLED = re.compile(
    r"(?P<label>(?:氏名|名前|フリガナ|カナ氏名|住所|生年月日|電話番号|電話|メールアドレス)\s*[:：=「『（(]\s*)"
    r"(?!フリガナ|カナ|漢字|必須|任意|全角|半角)(?P<value>[^\s、。，,;；:：」』）)\"\\]{2,60}(?:[ \u3000][^\s、。，,;；:：」』）)\"\\]{1,20})?)"
)
SHOWN_AS = "［伏字 "
_MASKS = re.compile(r"(［伏字 [^］]*］)")
_IN_A_ROW = re.compile(rf"(?:{RUN.pattern})(?:[ \u3000](?:{RUN.pattern}))*")
"""Runs with one blank between: a full name may be the town's when its parts are not."""
_DIGIT = re.compile(r"[0-9]")
"""In what holds digits, an address of the town, every part may be read by itself; of a name only the whole."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SHORTEST_LEARNED = 3
"""Anything shorter would take innocent text with it (男性, 済)."""
MOST_LEARNED = 2000
SHORTEST_TOLD, LONGEST_KEPT, MOST_TEXTS = 9, 500, 20_000
"""Shorter ASCII says of nobody who he is; so many texts are remembered, as a product tells the same again and again."""
SHOWN_SHORT, SHOWN_ASCII = 2, 4
"""Values of an item that tell nobody apart: up to so many characters, or so many ASCII ones (codes)."""
ALIKE = 0.5
"""From this likeness on, a value counts as what the product made of ours."""
DEEPEST = 60
PULL = "pull:"
"""System of the exchanges in which a core system collects from the product."""


def mask(value: str) -> str:
    """How a masked value is shown: its length only."""
    return f"［伏字 {len(value)}字］"


class Masker:
    """Knows every value of the run's town. ``receipts`` are the applications of this run, ``items`` their values by item.

    ``words`` (asked when the first text comes): what may be read in free text; None: words are not hidden.
    """

    def __init__(
        self,
        known: Iterable[str],
        receipts: Iterable[str],
        items: Mapping[str, Collection[str]] | None = None,
        words: Callable[[], Vocabulary] | None = None,
    ) -> None:
        self._receipts = frozenset(receipts)
        self._known = frozenset(_plain(one) for one in (*known, *self._receipts) if one)
        self._items = {name: frozenset(values) for name, values in (items or {}).items()}
        self._learned: dict[str, None] = {}
        self._names: re.Pattern[str] | None = None
        self._salt = secrets.token_bytes(16)
        self._texts: dict[str, str] = {}
        self._words = words
        self._places: frozenset[str] | None = None
        self.masked = 0
        self.hidden = 0
        """Words of free text that are neither known nor the town's."""
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

    def personal(self, value: str) -> str:
        """A value that says who somebody is: as `value`; a masked one is known from now on wherever it stands."""
        shown = self.value(value)
        if shown != value and len(self._learned) < MOST_LEARNED:
            self._learn(value)
        return shown

    def item(self, item_id: str, value: str) -> str:
        """The value of an item of one of our applications: ours, or what the product made of it; masked otherwise.

        Masked values of one run differ when the values do: a check may compare what it saw twice.
        """
        ours = self._items.get(item_id, frozenset())
        if value in ours or len(value) <= SHOWN_SHORT or (value.isascii() and len(value) <= SHOWN_ASCII):
            return value
        plain = _plain(value)
        if plain in self._known or any(_alike(plain, _plain(one)) for one in ours if one):
            return self.again(self._without_names(value))
        self.masked += 1
        tag = hmac.new(self._salt, value.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:6]
        return f"［伏字 {len(value)}字 {tag}］"

    def text(self, text: str) -> str:
        """Free text: long numbers that are not the town's are masked, and names that can be told from the words around."""
        if len(text) < SHORTEST_TOLD and text.isascii():
            return text
        shown = self._texts.get(text)
        if shown is None:
            shown = self._known_words(self._without_names(text))
            if len(self._texts) < MOST_TEXTS and len(text) < LONGEST_KEPT:
                self._texts[text] = shown
        return self.again(shown)

    def _without_names(self, text: str) -> str:
        if _plain(text) in self._known:
            return text
        text = _LONG_NUMBER.sub(lambda found: self.value(found[0]), text)
        text = _TITLED.sub(lambda found: self.value(found[0]), text)
        text = _KANA.sub(lambda found: self.value(found[0]), text)
        return _LABELLED.sub(lambda found: found["label"] + self.value(found["value"]), text)

    def _known_words(self, text: str) -> str:
        """``text`` with every run of kanji or katakana hidden that is no known word and nothing of the town."""
        if self._words is None or _plain(text) in self._known:
            return text
        vocabulary = self._words()
        if self._places is None:
            self._places = frozenset(runs(one for one in self._known if _DIGIT.search(one)))
        places = self._places

        def one(found: re.Match[str]) -> str:
            run = found[0]
            if vocabulary.has(run) or _plain(run) in self._known or _plain(run) in places:
                return run
            self.hidden += 1
            return mask(run)

        def whole(found: re.Match[str]) -> str:
            return found[0] if _plain(found[0]) in self._known else RUN.sub(one, found[0])

        def readable(part: str) -> str:
            pieces = vocabulary.inflected.split(part) if vocabulary.inflected else [part]
            return "".join(piece if at % 2 else _IN_A_ROW.sub(whole, piece) for at, piece in enumerate(pieces))

        return "".join(part if part.startswith(SHOWN_AS) else readable(part) for part in _MASKS.split(text))

    def again(self, text: str) -> str:
        """``text`` without the people who were masked elsewhere in the run, also later than it was written."""
        if not self._learned:
            return text
        if self._names is None:
            longest = sorted(self._learned, key=len, reverse=True)
            self._names = re.compile("|".join(r"[ \u3000]*".join(map(re.escape, one)) for one in longest))
        return self._names.sub(lambda found: mask(found[0]), text)

    def _learn(self, value: str) -> None:
        """Keeps a masked value when it can be looked for without harm: a name, an address, a date of birth."""
        bare = re.sub(r"[ \u3000]", "", value)
        telling = not bare.isascii() or "@" in bare or _DATE.fullmatch(bare)
        plain = _plain(bare)
        if len(bare) >= SHORTEST_LEARNED and telling and not any(plain in one for one in self._known):
            self._learned[bare] = None
            self._names = None

    def body(self, text: str) -> str:
        """A product's answer: JSON by its keys, anything else as free text."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        if not isinstance(document, (dict, list)):
            return self.text(text)
        return json.dumps(self._json(document, "", foreign=False, depth=0), ensure_ascii=False)

    def data(self, document: dict[str, Any]) -> dict[str, Any]:
        """The same of an object that has been read already, of one of our applications."""
        masked: dict[str, Any] = self._json(document, "", foreign=False, depth=0)
        return masked

    def _json(self, node: Any, key: str, *, foreign: bool, depth: int) -> Any:
        if depth > DEEPEST:
            return mask("…")
        if isinstance(node, dict):
            receipt = node.get("receipt_no")
            foreign = foreign or (isinstance(receipt, str) and not self.ours(receipt))
            item = node.get("item_id", node.get("id"))
            if isinstance(item, str) and isinstance(node.get("value"), str) and not foreign:
                stated = "item_id" in node or item in self._items
                node = node | {"value": self.item(item, node["value"]) if stated else node["value"]}
            return {
                self.text(str(name)): self._json(one, str(name), foreign=foreign, depth=depth + 1)
                for name, one in node.items()
            }
        if isinstance(node, list):
            return [self._json(one, key, foreign=foreign, depth=depth + 1) for one in node]
        if isinstance(node, bool) or node is None or key in LABELS:
            return node
        if isinstance(node, str):
            if key in PERSONAL:
                return self.personal(node)
            return self.value(node) if foreign else self.text(node)
        digits = str(node)
        return node if len(digits) < 9 or _plain(digits) in self._known else self.value(digits)


def _plain(value: str) -> str:
    """A value without the differences that writing makes: width, blanks, hyphens."""
    return re.sub(r"[\s\-‐－ー]", "", unicodedata.normalize("NFKC", value)).casefold()


def _alike(value: str, ours: str) -> bool:
    """Whether a value may be what a product made of ours: cut, lengthened, converted."""
    if not value or value in ours or ours in value:
        return True
    return SequenceMatcher(None, value, ours, autojunk=False).ratio() >= ALIKE


def hide_late(run_dir: Path, masker: Masker) -> None:
    """Masks in the records of earlier steps whom a later answer showed to be nobody of ours."""
    for path in sorted((run_dir / "records").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        if (clean := masker.again(text)) != text:
            path.write_text(clean, encoding="utf-8")


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
    """Masks what the product handed to the core systems, in a run in which it held something of somebody else."""
    path = run_dir / "exchanges.jsonl"
    if not (masker.foreign or masker.masked) or not path.is_file():
        return
    masked = path.with_suffix(".masked")
    with path.open(encoding="utf-8") as lines, masked.open("w", encoding="utf-8") as out:
        masked.chmod(0o600)
        for line in lines:
            exchange = json.loads(line)
            if exchange["system"].startswith(PULL):
                exchange["target"] = mask(exchange["target"]) if masker.foreign else masker.text(exchange["target"])
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


def masker_of(truths: Collection[CaseTruth], people: Iterable[str], *, show: bool = False) -> Masker:
    """Knows ``people`` and everything that the applications of a run say; ``show``: unknown words stay in free text."""
    items: dict[str, set[str]] = {}
    for item in (item for truth in truths for item in truth.items):
        items.setdefault(item.item_id, set()).add(item.value)
    ours = strings_of([truth.model_dump(mode="json") for truth in truths])
    return Masker((*people, *ours), (truth.receipt_no for truth in truths), items, None if show else our_words)
