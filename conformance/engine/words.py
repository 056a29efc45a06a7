"""Words that tell of nobody: what our own catalogue, contract and messages are written in, and common words of the trade.

A product's sentence may name a real resident in any form. So not names are looked for, but everything is hidden that is not
one of these words: every run of kanji or katakana that is not put together from them. Hiragana, digits and Latin letters
stay; they are the grammar, the numbers and the English of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from conformance.catalogue import load_catalogue, roles_with_suite
from conformance.messages import every_word
from interface_spec.procedures import load_procedures
from interface_spec.profile import load_profile
from interface_spec.requirements import FEATURES, load_requirements

COMMON = Path(__file__).with_name("common-words.txt")
KANJI = "一-龥㐀-䶿豈-﫿々〆ヶ𠀀-𪛟"
RUN = re.compile(rf"[{KANJI}]+|[ァ-ヺーｦ-ﾟ]{{2,}}")
_HIRAGANA = re.compile("[ぁ-ん]")
AFFIXES = frozenset("者済可不未各全再上下前後内外時分件人番号第約等的化先元別数型書欄値名側用回")
"""Single characters that may stand before, between or behind words."""
LONGEST = 40
"""Characters of a run that is looked at; a longer one is nobody's sentence and is hidden."""


def runs(texts: Iterable[str]) -> Iterator[str]:
    """Every run of kanji, or of katakana, in ``texts``."""
    for text in texts:
        yield from RUN.findall(text)


class Vocabulary:
    """Which runs are put together from known words."""

    def __init__(self, words: Iterable[str]) -> None:
        """Words with hiragana in them ("答え") are known as they stand, where no kanji goes before."""
        self._words = frozenset(words)
        inflected = sorted((re.escape(one) for one in self._words if _HIRAGANA.search(one)), key=len, reverse=True)
        self.inflected = re.compile(rf"((?<![{KANJI}])(?:{'|'.join(inflected)}))") if inflected else None
        self._longest = max(map(len, self._words), default=0)
        self._seen: dict[str, bool] = {}

    def has(self, run: str) -> bool:
        """Whether ``run`` tells of nobody: known words, and affixes between them."""
        if run not in self._seen:
            self._seen[run] = run in self._words or (len(run) <= LONGEST and self._made_of_words(run))
        return self._seen[run]

    def _made_of_words(self, run: str) -> bool:
        """A row of words of two characters and more, each with at most one affix before and one behind."""
        ends = [True] + [False] * len(run)
        for start in (at for at in range(len(run)) if ends[at]):
            for first in (start, start + 1) if run[start] in AFFIXES else (start,):
                for end in range(first + 2, min(len(run), first + self._longest) + 1):
                    if run[first:end] in self._words:
                        ends[end] = True
                        if end < len(run) and run[end] in AFFIXES:
                            ends[end + 1] = True
        return ends[-1]


@lru_cache(maxsize=1)
def our_words() -> Vocabulary:
    """The words of this suite. About 30 ms once."""
    texts = [*every_word(), *FEATURES.values()]
    for requirement in load_requirements().values():
        texts += [requirement.ja, requirement.clause, requirement.source]
    for role in roles_with_suite():
        catalogue = load_catalogue(role)
        texts += [one.ja for one in catalogue.checks.values()]
        texts += [one.ja for one in catalogue.disturbances.values()]
    for procedure in load_procedures().values():
        texts += [procedure.ja, *(item.ja for item in procedure.items)]
    for document in load_profile().package.documents.values():
        texts += [document.ja, *(item.ja for item in (*document.items.values(), *document.row.values()))]
    ours = (one for one in runs(texts) if len(one) > 1)  # a single character of our sentences may be a surname
    return Vocabulary((*ours, *COMMON.read_text(encoding="utf-8").split()))
