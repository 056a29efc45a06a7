"""``shinsei validate``: judges application ZIPs (role ``package``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from conformance.engine.run import new_run_id, today
from conformance.package_run import ROLE, judged, package_plan, write_run
from conformance.reporters.write import write_reports as write_run_reports
from conformance.suites.package.consistency import Listed
from conformance.suites.package.validate import Report, Validator
from conformance.verdicts import Exit
from interface_spec.errors import SpecError
from interface_spec.profile import Profile, load_profile
from testbed.cli.packages import given_of
from testbed.replay import note_given, write_replays

_WORDS = {"nonconformity": ("不適合", "nonconformity", "red"), "notice": ("注意", "notice", "yellow")}


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.zip…", help="申請ZIP / application ZIPs")],
    as_json: Annotated[bool, typer.Option("--json", help="機械向けにJSONで出力 / JSON for programs")] = False,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="プロファイルの上書きファイル / profile overlay")
    ] = None,
    receipt_no: Annotated[str, typer.Option("--receipt-no", help="一覧の受付番号 / 受付番号 in the list")] = "",
    dantai_code: Annotated[str, typer.Option("--dantai-code", help="一覧の団体コード / 団体コード in the list")] = "",
    procedure: Annotated[str, typer.Option("--procedure", help="一覧の手続ID / procedure in the list")] = "",
    report: Annotated[
        Path | None, typer.Option("--report", help="報告書・適合表・証跡のもとを書くフォルダ / folder for full reports")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="言葉 ja | en / language")] = "ja",
) -> None:
    """申請ZIPを検査する。終了コード: 0 適合 / 1 不適合 / 2 ファイルを読めない

    Judge application ZIPs. Exit code: 0 conforming, 1 not conforming, 2 a file cannot be read.
    """
    if lang not in ("ja", "en"):
        raise _unusable(f"--lang {lang}: ja か en を指定してください / use ja or en")
    try:
        profile = load_profile("baseline", overlay)
    except SpecError as error:
        raise _unusable(str(error)) from None
    validator, listed = Validator(profile), Listed(receipt_no, dantai_code, procedure)
    reports: list[tuple[Path, Report]] = []
    for file in files:
        try:
            reports.append((file, validator.validate_file(file, listed)))
        except OSError as error:
            raise _unusable(f"{file}: 読めません（{error.strerror}） / cannot be read") from None
    if report is not None:
        _write_reports(reports, profile, overlay, listed, report, as_json=as_json)
    if as_json:
        rows = [as_dict(file, found, profile) for file, found in reports]
        typer.echo(json.dumps(rows[0] if len(rows) == 1 else rows, ensure_ascii=False, indent=1))
    else:
        for file, found in reports:
            _print(Console(), file, found, profile, ja=lang == "ja")
    raise typer.Exit(Exit.CONFORMANT if all(found.conforming for _, found in reports) else Exit.NOT_CONFORMANT)


def _write_reports(
    reports: list[tuple[Path, Report]],
    profile: Profile,
    overlay: Path | None,
    listed: Listed,
    out: Path,
    *,
    as_json: bool,
) -> None:
    """The validation as a run below ``out``, with every report."""
    run_dir = out / new_run_id(ROLE)
    try:
        files = [judged(path, found) for path, found in reports]
        name = overlay.name if overlay else ""
        write_run(package_plan(run_dir.name, profile, name, files, today(), listed=listed), files, run_dir)
        note_given(run_dir, given_of([path for path, _ in reports], overlay, listed))
    except OSError as error:
        raise _unusable(f"--report {out}: 書けません（{error.strerror}） / cannot be written") from None
    written = write_run_reports(run_dir)
    write_replays(run_dir, written.results)
    typer.echo(f"報告書 / report: {written.html}", err=as_json)


def _unusable(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(Exit.CONFIGURATION)


def as_dict(file: Path, report: Report, profile: Profile) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "file": str(file),
        "profile": profile.profile.id,
        "conforming": report.conforming,
        "receipt_no": report.receipt_no,
        "entries": report.entries,
        "findings": [
            {
                "rule": one.rule.id,
                "level": one.rule.level,
                "ja": one.rule.ja,
                "en": one.rule.en,
                "clause": one.rule.clause,
                "provenance": one.rule.provenance,
                "place": one.place,
                "expected": one.expected,
                "actual": one.actual,
            }
            for one in report.findings
        ],
        "counts": dict(report.counts),
    }


def _print(console: Console, file: Path, report: Report, profile: Profile, *, ja: bool) -> None:
    verdict = ("適合" if ja else "conforming") if report.conforming else ("不適合" if ja else "not conforming")
    colour = "green" if report.conforming else "red"
    summary = f"{report.entries} エントリ" if ja else f"{report.entries} entries"
    console.print(
        f"[bold {colour}]{verdict}[/]  {escape(str(file))}（{summary}、{profile.profile.ja if ja else profile.profile.en}）"
    )
    if not report.findings:
        return
    words = ("場所", "期待", "実際", "根拠") if ja else ("place", "expected", "actual", "source")
    for one in report.findings:
        word_ja, word_en, shade = _WORDS[one.rule.level]
        title = escape(one.rule.ja if ja else one.rule.en)
        console.print(f"[{shade}]{word_ja if ja else word_en}[/] [bold]{one.rule.id}[/] {title}")
        source = f"{one.rule.clause}（{one.rule.provenance}）"
        for word, text in zip(words, (one.place, one.expected, one.actual, source), strict=True):
            console.print(Padding(f"[dim]{word}[/] {escape(text)}", (0, 0, 0, 4)))
    for rule_id, count in report.counts.items():
        kept = sum(one.rule.id == rule_id for one in report.findings)
        if count > kept:
            console.print(f"{rule_id}: ほか {count - kept} 件 / more")
