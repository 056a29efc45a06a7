"""How a check's body ends when it does not simply return: three typed exceptions, nothing else.

Only `Nonconformity` becomes 不適合/注意, only `Unverified` becomes 未検証, only `ReviewNeeded` becomes 要確認.
Any other exception, a bare assert, a skip: 試験側エラー.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """What was found, for a reader who was not there.

    ``exchanges`` are sequence numbers of recorded exchanges that prove it; the runner attaches their contents.
    """

    ja: str
    en: str
    sent: str = ""
    expected: str = ""
    actual: str = ""
    case: str = ""
    exchanges: tuple[int, ...] = field(default=())


class Outcome(Exception):
    """Base of the typed ends; carries its finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.ja)


class Nonconformity(Outcome):
    """The product did not do what the requirement says."""


class Unverified(Outcome):
    """A prerequisite is missing: nothing can be said about the product, and that counts against the run."""


class ReviewNeeded(Outcome):
    """A person has to judge."""


def unverified(ja: str, en: str, *, case: str = "", actual: str = "") -> Unverified:
    return Unverified(Finding(ja=ja, en=en, case=case, actual=actual))
