"""Pages of verdicts and exit codes."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.messages import say
from conformance.verdicts import Exit, RunVerdict, Verdict
from testbed.docgen.model import Entry, facts, link, plain, table
from testbed.docgen.words import words

KIND, EXIT_KIND = "verdicts", "exit-codes"


def pages() -> Iterator[Entry]:
    """Verdicts of a check, then of a run."""
    for verdict in Verdict:
        yield _page("check", verdict.value, say("verdict", verdict.value), words()["verdict"][verdict.value])
    for run in RunVerdict:
        yield _page("run", run.value, say("run", run.value), words()["run"][run.value])


def _page(scope: str, name: str, ja: str, told: list[str]) -> Entry:
    what = {"check": "検査一つの判定 / verdict of a check", "run": "実施の判定 / verdict of a run"}[scope]
    body = (facts(("何の判定か / of what", what), ("効果 / effect", f"{told[2]} / {told[3]}")), told[0], told[1])
    return Entry(KIND, f"{scope}-{name}", ja, say("verdict" if scope == "check" else "run", name, "en"), body)


def index() -> str:
    """All verdicts."""
    rows = [(link(KIND, one.name, KIND), one.ja, plain(one.body[1])) for one in pages()]
    head = "手順書適合と契約適合は別の問いで、混ぜない。 / Two questions, never merged."
    return f"# 判定 / Verdicts\n\n{head}\n\n" + table(("判定", "日本語", "意味"), rows)


def exit_pages() -> Iterator[Entry]:
    """Every exit code of ``shinsei check``."""
    for code in Exit:
        ja, en, do_ja, do_en = words()["exit"][str(int(code))]
        body = (ja, en, f"## 次にすること / What to do\n\n{do_ja}\n\n{do_en}")
        yield Entry(EXIT_KIND, str(int(code)), say("exit", int(code)), say("exit", int(code), "en"), body)


def exit_index() -> str:
    """All exit codes with their order of precedence."""
    rows = [(link(EXIT_KIND, one.name, EXIT_KIND), one.ja, one.body[0]) for one in exit_pages()]
    head = "重なったときは 2 > 3 > 1 > 4 > 0 の順に強い。 / Precedence: 2 > 3 > 1 > 4 > 0."
    return f"# 終了コード / Exit codes\n\n{head}\n\n" + table(("コード", "判定", "意味"), rows)
