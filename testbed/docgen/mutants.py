"""Pages of mutants and of faults: a product's one mistake, and the world's disturbances. Two words, kept apart."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.catalogue import load_catalogue, roles_with_suite
from mock_services.fault_kinds import FAULTS, Kind
from testbed.docgen.model import Entry, facts, link, plain, shell, table
from testbed.mutants.package import MUTANTS as PACKAGE_MUTANTS
from testbed.mutants.registry import MutantRow, rows_of

KIND, FAULT_KIND = "mutants", "faults"
KINDS = {
    "killed": "検査が捕まえる / the checks catch it",
    "needle": "実験では見つからないことを示す（検査は見つけたふりをしない） / the lab cannot find it and must not pretend",
    "equivalent": "振舞いは変わらない（何も指摘してはならない） / nothing changes, nothing may be flagged",
}
WHERE = {
    "tls": "TLSの握手 / TLS handshake",
    "call": "どの呼出しにも / any call",
    "rows": "行を返す呼出し / calls that answer with rows",
    "list": "ダウンロード機能の一覧 / the list of the download function",
    "digest": "要約値を返す呼出し / calls that answer with a digest",
    "zip": "ZIPを返す呼出し / calls that answer with a ZIP",
    "token": "トークンの要る呼出し / calls that need a token",
    "network": "ゾーンの間 / between the zones",
    "file": "ファイル連携 / interfaces by files",
}


def rows() -> Iterator[tuple[str, MutantRow]]:
    """(role, mutant) of every role, packages too."""
    for role in roles_with_suite():
        for row in rows_of(role):
            yield role, row
    for one in PACKAGE_MUTANTS:
        yield "package", MutantRow(one.name, one.ja, one.en, one.killed_by, one.target)


def pages() -> Iterator[Entry]:
    """Every mutant."""
    for role, row in rows():
        caught = "\n".join(f"- {link('checks', check, KIND)}" for check in row.killed_by) or "なし / none"
        body = [
            facts(
                ("役割 / role", f"`{role}`"),
                ("置き換える所 / what is replaced", f"`{row.target}`"),
                ("扱い / kind", KINDS[row.kind]),
            ),
            f"## 捕まえるべき検査 / Checks that must catch it\n\n{caught}",
        ]
        if role == "am":
            body.append("## 実施 / Run\n\n" + shell(f"shinsei check am --mutant {row.name}"))
        elif role in ("fw", "relay"):
            body.append("## 実施 / Run\n\n" + shell(f"shinsei firewall mutants {row.name}"))
        yield Entry(KIND, row.name, row.ja, row.en, tuple(body))


def index() -> str:
    """The list of all mutants by role."""
    parts = ["# 変異体 / Mutants", "わざと一つ誤らせた製品。試験そのものを試験する。 / Products with one deliberate mistake: the suite's own test."]  # fmt: skip
    found: dict[str, list[tuple[str, ...]]] = {}
    for role, row in rows():
        caught = "、".join(link("checks", check, KIND) for check in row.killed_by)
        found.setdefault(role, []).append((link(KIND, row.name, KIND), plain(row.ja), caught))
    for role, lines in found.items():
        parts.append(f"## {role}（{len(lines)}）\n\n" + table(("変異体", "誤り", "捕まえる検査"), lines))
    return "\n\n".join(parts)


def fault_pages() -> Iterator[Entry]:
    """Every named fault of the simulated world."""
    used: dict[str, list[str]] = {}
    for role in roles_with_suite():
        for name, round_ in load_catalogue(role).disturbances.items():
            for step in round_.steps:
                for fault in step.faults:
                    used.setdefault(str(fault.get("kind", "")), []).append(f"`{role}` `{name}` {plain(round_.ja)}")
    for kind in FAULTS.values():
        yield _fault(kind, list(dict.fromkeys(used.get(kind.name, []))))


def _fault(kind: Kind, used: list[str]) -> Entry:
    fields = [
        (f"`{name}`", f"`{_type(one.annotation)}`", "―" if one.is_required() else f"`{one.default}`")
        for name, one in kind.params.model_fields.items()
    ]
    body = [
        facts(("効く所 / where", WHERE[kind.where]), ("出所 / provenance", kind.provenance)),
        plain(kind.ja),
        plain(kind.en),
        "## 引数 / Parameters\n\n" + (table(("名前", "型", "既定"), fields) if fields else "なし / none"),
        "## 使うラウンド / Rounds that use it\n\n" + ("\n".join(f"- {one}" for one in used) or "なし / none"),
    ]
    return Entry(FAULT_KIND, kind.name, "", "", tuple(body))


def _type(annotation: object) -> str:
    """A type as people write it."""
    name = getattr(annotation, "__name__", "")
    return name if name and not hasattr(annotation, "__args__") else str(annotation).replace("typing.", "")


def fault_index() -> str:
    """The list of all faults."""
    lines = [(link(FAULT_KIND, one.name, FAULT_KIND), plain(one.ja)) for one in FAULTS.values()]
    head = "模擬世界に起こす擾乱。製品の誤り（変異体）ではない。 / Disturbances of the simulated world, never a product's mistake."
    return f"# 擾乱 / Faults\n\n{head}\n\n" + table(("擾乱", "何が起きるか"), lines)
