"""`shinsei report …`: rebuild, bundle, verify, compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from conformance.events import DamagedRecord, read_events
from conformance.evidence.bundle import BundleProblem, make_bundle
from conformance.evidence.challenge import ChallengeError, load_challenge
from conformance.evidence.compare import CompareError, Comparison, compare, read_run
from conformance.evidence.manifest import suite_digest
from conformance.evidence.verify import Verification
from conformance.evidence.verify import verify as verify_bundle
from conformance.messages import Lang, say
from conformance.reporters.papers.answers import AnswersError, answers_paper, differences, read_answers
from conformance.reporters.papers.connection_file import ConnectionFileError
from conformance.reporters.papers.retest import retest_paper
from conformance.reporters.papers.seiseki import what_is_open
from conformance.reporters.papers.write import FOLDER as PAPERS
from conformance.reporters.papers.write import keep_connections, write_paper, write_papers
from conformance.reporters.write import write_reports
from conformance.results import fold
from conformance.verdicts import Exit
from conformance.visible import visible
from shinsei_testbed import module_command
from testbed.cli import check as checking
from testbed.cli.common import JsonFlag, LangOption, fail, language
from testbed.cli.rerun import RerunProblem, Setup, run_again

app = typer.Typer(help="報告書と証跡 / reports and evidence", no_args_is_help=True)

RunDir = Annotated[Path, typer.Argument(help="out/… のフォルダ / a run's folder")]


def _run_folder(run_dir: Path) -> Path:
    """``run_dir`` when it holds a readable record; exit 2 otherwise: the file is the user's, not the harness's."""
    record = run_dir / "events.ndjson"
    if not record.is_file():
        raise fail(f"{run_dir}: events.ndjson がありません（out/ の中のフォルダを指定） / not a run's folder")
    try:
        for _ in read_events(record):
            pass
    except DamagedRecord as error:
        raise fail(f"{run_dir}: {error}") from None
    return run_dir


@app.command("show")
def show(
    run_dir: RunDir,
    as_json: JsonFlag = False,
    lang: LangOption = "ja",
    gate_waived: Annotated[bool, typer.Option("--gate-waived")] = False,
) -> None:
    """実施の記録（events.ndjson）から報告を作り直す。途中で止まった実施でもよい / rebuild the reports of a run, also of a killed one"""
    folder = _run_folder(run_dir)
    raise typer.Exit(int(checking.report(folder, language(lang), as_json=as_json, gate_waived=gate_waived)))


@app.command("papers")
def papers(
    run_dir: RunDir,
    connections: Annotated[
        Path | None,
        typer.Option("--connections", help="団体が手続ごとの予定・理由を書いた TOML / the municipality's own entries"),
    ] = None,
) -> None:
    """試験成績書・手続の接続状況・片付け一覧を作り直す（HTML と XLSX） / rebuild the papers of a run

    \b
    例 / example:
      shinsei report papers out/20261123-171919-am-e33e --connections setsuzoku.toml
    """
    folder = _run_folder(run_dir)
    try:
        if connections is not None:
            keep_connections(connections, folder)
    except ConnectionFileError as error:
        raise fail(str(error)) from None
    results = fold(read_events(folder / "events.ndjson"))
    if results.plan is None:
        raise fail(f"{run_dir}: 計画が無い実施からは作れません / a run without a plan has no papers")
    for path in write_papers(results, folder):
        typer.echo(str(path))
    if reasons := what_is_open(results):
        typer.echo(f"試験成績書は作れません / no test certificate: {reasons[0]}（{len(reasons)} 件）")


@app.command("answers")
def answers(
    run_dir: RunDir,
    sheet: Annotated[Path, typer.Argument(help="記入済みの意見照会票（.xlsx） / the filled inquiry sheet")],
) -> None:
    """意見照会票の回答と、実測した判定を並べる。終了コード: 0 食い違いなし / 1 ◎の要件に不適合あり / 2 票を読めない

    \b
    例 / example:
      shinsei report answers out/20261123-171919-am-e33e 回答.xlsx
    """
    folder = _run_folder(run_dir)
    results = fold(read_events(folder / "events.ndjson"))
    plan = results.plan
    if plan is None:
        raise fail(f"{run_dir}: 計画が無い実施とは比べられません / a run without a plan has nothing to compare")
    try:
        given = read_answers(sheet, plan.role)
    except AnswersError as error:
        raise fail(str(error)) from None
    for path in write_paper(lambda lang: answers_paper(plan, results, given, sheet.name, lang), folder / PAPERS):
        typer.echo(str(path))
    found = differences(plan, results, given)
    if found:
        typer.echo(f"食い違い / differs: {', '.join(found)}")
    raise typer.Exit(int(Exit.NOT_CONFORMANT if found else Exit.CONFORMANT))


@app.command("bundle")
def bundle(
    run_dir: RunDir,
    out: Annotated[Path | None, typer.Option("--out", help="証跡ファイル。省くと <実施>.zip / bundle file")] = None,
    key: Annotated[Path, typer.Option("--key", help="署名鍵（無ければ作る） / signing key")] = Path(
        "shinsei-signer.key"
    ),
    certificate: Annotated[Path, typer.Option("--cert", help="証明書（無ければ作る） / certificate")] = Path(
        "shinsei-signer.pem"
    ),
) -> None:
    """実施の証跡を、目録と署名のついた一つのファイルにまとめる / pack the evidence of a run into one signed file

    \b
    例 / example:
      shinsei report bundle out/20261123-171919-am-e33e
    """
    folder = _run_folder(run_dir)
    target = out or Path(f"{folder.resolve().name}.zip")
    reports = write_reports(folder)
    try:
        manifest = make_bundle(folder, reports.results, target, key=key, certificate=certificate)
    except BundleProblem as error:
        raise fail(str(error)) from None
    typer.echo(f"{target}: {len(manifest.files)} 件 / files, 署名 / signed by {certificate}")


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="証跡ファイル / bundle")],
    trust: Annotated[
        Path | None, typer.Option("--trust", help="信頼する署名者の証明書 / certificate of the signer")
    ] = None,
    challenge: Annotated[
        Path | None, typer.Option("--challenge", help="発行したチャレンジの控え / your copy of the challenge")
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="同じ乱数種・基準日で実施し直し、判定を比べる / run again and compare")
    ] = False,
    target: Annotated[
        Path | None, typer.Option("--target", "-t", help="--rerun: 製品の設定。省くと同梱の製品 / the product")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="--rerun: 同梱の製品の上書きプロファイル / profile overlay")
    ] = None,
    policy: Annotated[
        Path, typer.Option("--policy", help="--rerun: 役割 fw・relay の通信方針 / network policy")
    ] = Path("baseline"),
    boundary: Annotated[list[Path] | None, typer.Option("--boundary", help="--rerun: 境界FWの規則 / rules")] = None,
    lgwan: Annotated[list[Path] | None, typer.Option("--lgwan", help="--rerun: LGWAN-FWの規則 / rules")] = None,
    proxy: Annotated[Path | None, typer.Option("--proxy", help="--rerun: squid.conf / proxy settings")] = None,
    package: Annotated[
        list[Path] | None, typer.Option("--package", help="--rerun: 検査した申請ZIP / the packages that were judged")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="--rerun: 結果を置くフォルダ / folder for results")] = Path("out"),
    as_json: JsonFlag = False,
) -> None:
    """証跡を手元だけで検証する。終了コード: 0 完全 / 1 改変あり・再実施と不一致 / 2 指定の誤り / verify a bundle offline

    \b
    例 / examples:
      shinsei report verify 証跡.zip --trust 署名者.pem
      shinsei report verify 証跡.zip --challenge challenge.json
      shinsei report verify 証跡.zip --rerun --target target.toml   最も強い確認
    """
    if not file.is_file():
        raise fail(f"{file}: ファイルがありません / no such file")
    try:
        issued = load_challenge(challenge) if challenge is not None else None
    except ChallengeError as error:
        raise fail(str(error)) from None
    found = verify_bundle(file, trust, issued, module_command)
    again: Comparison | None = None
    if rerun and found.intact and found.results is not None and found.manifest is not None:
        rules = (tuple(boundary or ()), tuple(lgwan or ()))
        setup = Setup(target, overlay, policy, *rules, proxy, out, tuple(package or ()))
        try:
            again = run_again(found.results, found.manifest, setup)
        except RerunProblem as error:
            raise fail(str(error)) from None
    if as_json:
        typer.echo(json.dumps(_as_dict(found, again), ensure_ascii=False, indent=1))
    else:
        _print(found, trust, issued is not None, again is not None)
        if again is not None:
            _print_comparison(again, again_title=True)
    same = again is None or not (again.rows or again.conditions)
    raise typer.Exit(int(Exit.CONFORMANT if found.intact and same else Exit.NOT_CONFORMANT))


def _as_dict(found: Verification, again: Comparison | None) -> dict[str, object]:
    return {
        "intact": found.intact,
        "signer": found.signer,
        "trusted": found.trusted,
        "findings": [asdict(one) for one in found.findings],
        "reprinted": found.reprinted,
        "rejudged": found.rejudged,
        "unproven": list(found.unproven),
        "records_confirmed_by_rerun": again is not None and not (again.rows or again.conditions),
        "manifest": found.manifest.model_dump(mode="json", exclude={"files"}) if found.manifest else None,
        "rerun": asdict(again) if again is not None else None,
    }


def _print(found: Verification, trust: Path | None, challenged: bool, rerun: bool) -> None:
    console = Console()
    for one in found.findings:
        console.print(f"✕ {one.file}: {one.ja} / {one.en}", style="red", markup=False, highlight=False)
    if found.manifest is not None:
        m = found.manifest
        table = Table(show_header=False)
        for key, value in (
            ("実施 / run", m.run_id),
            ("製品 / product", " ".join(m.product.values())),
            ("役割 / role", m.role),
            ("判定 / verdict", f"{m.exit_code} {say('exit', m.exit_code)} / {say('exit', m.exit_code, 'en')}"),
            ("契約 / profile", m.profile),
            ("乱数種・基準日 / seed, date", f"{m.seed}, {m.reference_date}"),
            ("試験一式 / suite", f"{m.suite_version} {m.suite_sha256[:16]}　{_suite(m.suite_sha256)}"),
            ("実施者 / run by", m.started_by),
            ("チャレンジ / challenge", _challenge(found, challenged)),
            ("署名者 / signer", found.signer),
        ):
            table.add_row(key, value)
        console.print(table)
    if found.manifest is not None and not found.findings:
        for words in how_far(found, rerun=rerun):
            console.print(words, markup=False, highlight=False, soft_wrap=True)
    if found.intact:
        words = "完全性と署名者を確認しました / integrity and signer verified"
        if trust is None:
            words = (
                "完全性のみ確認・署名者未確認（--trust 証明書 で署名者も確認） / integrity only, signer not verified"
            )
        console.print(words, style="green", markup=False, highlight=False)


UNPROVEN = (
    "・この検証で分からないこと: 記録そのものが本物かどうか。記録と出来事をそろえて作り、署名したものは、ここまでの確かめを通ります。"
    "チャレンジ（--challenge）が防ぐのは古い実施の使い回しで、作り話ではありません。強い確認は --rerun（同じ製品で実施し直す）です"
    " / not shown by this: that the records are genuine. Records and events that were made up together and signed pass all of the above; a "
    "challenge shuts out older runs, not inventions. The strong check is --rerun, which runs the same product again"
)
REPEATED = (
    "・実施し直した判定と比べました。比べた製品が当時の製品と同じであることは、実施した人が請け合います"
    " / compared with a repeated run; that it was the same product is for whoever ran it to vouch"
)


def how_far(found: Verification, *, rerun: bool) -> Iterator[str]:
    """What was shown, and what cannot be shown from the bundle alone."""
    yield from _shown(found)
    yield REPEATED if rerun else UNPROVEN


def _shown(found: Verification) -> Iterator[str]:
    """How far the papers were looked at."""
    if not found.reprinted:
        yield (
            "・報告書と書類は刷り直していません（この道具と試験一式が違う。同じ版で確かめてください）"
            " / papers were not printed again: another suite made the bundle"
        )
        return
    yield "・報告書と書類を出来事の記録から刷り直し、一致を確かめました / reports and papers follow from the events"
    if found.rejudged:
        yield (
            "・検査を記録からやり直し、どの判定も同じでした（画面の文字は証跡に残さないため、照会画面の検査を除く）"
            " / the checks were carried out on the records again, with the same verdicts (screens are not kept)"
        )
    else:
        yield (
            "・検査そのものはやり直していません。証跡に検査の対象が無く、判定は署名だけが裏づけます（--rerun で実施し直す）"
            " / the checks were not carried out again: what they look at is not in the bundle (--rerun runs them)"
        )
    folders = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in found.unproven})
    if folders:
        listed = "、".join(folders)
        yield f"・署名だけが裏づけるもの: {listed} / vouched for by the signature alone: {', '.join(folders)}"


def _suite(sha256: str) -> str:
    """Whether the suite of the run is the one that verifies."""
    return "この道具と同じ / same as this one" if sha256 == suite_digest() else "この道具と異なる / not this one"


def _challenge(found: Verification, compared: bool) -> str:
    plan = found.results.plan if found.results is not None else None
    if plan is None or plan.challenge is None:
        return "なし（乱数種は実施者が選んだ） / none, the seed was the runner's choice"
    one = plan.challenge
    words = "控えと一致 / matches your copy" if compared and found.intact else "控えと未照合 / not compared"
    return f"{one.issuer} {one.nonce[:8]}…（{words}）"


@app.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(help="前: results.json・実施のフォルダ・証跡 / earlier run")],
    after: Annotated[Path, typer.Argument(help="後: results.json・実施のフォルダ・証跡 / later run")],
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML と XLSX を書くフォルダ / folder for the paper")
    ] = None,
    as_json: JsonFlag = False,
    lang: LangOption = "ja",
) -> None:
    """二つの実施の判定の違い（再試験の確認）。終了コード: 0 悪くなったものなし / 1 あり / 2 読めない / compare two runs

    \b
    例 / example:
      shinsei report diff 前.zip out/20261123-171919-am-e33e --out saishiken
    """
    try:
        old, new = read_run(before), read_run(after)
    except CompareError as error:
        raise fail(str(error)) from None
    found = compare(old, new)
    if out is not None:
        for path in write_paper(lambda one: retest_paper(old, new, found, one), out):
            Console(stderr=True).print(str(path), highlight=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        _print_comparison(found, language(lang))
    raise typer.Exit(int(Exit.NOT_CONFORMANT if found.worse else Exit.CONFORMANT))


def _print_comparison(found: Comparison, lang: Lang = "ja", *, again_title: bool = False) -> None:
    console = Console()
    if again_title:
        words = (
            "再実施の判定はすべて一致しました / the repeated run gave the same verdicts"
            if not (found.rows or found.conditions)
            else "再実施の結果が証跡と一致しません / the repeated run differs from the bundle"
        )
        console.print(words, markup=False, highlight=False)
    elif not found.rows:
        console.print("判定に違いはありません" if lang == "ja" else "no verdict differs", highlight=False)
    for name, old, new in found.conditions:
        console.print(f"・{say('condition', name, lang)}: {old or '―'} → {new or '―'}", markup=False, highlight=False)
    if not found.rows:
        return
    heads = ("ID", "検査", "前", "後", "変化") if lang == "ja" else ("ID", "Check", "Before", "After", "Change")
    table = Table(*(Column(one, overflow="fold") for one in heads))
    for one in found.rows:
        cells = (
            one.ja if lang == "ja" else one.en,
            _word(one.before, lang),
            _word(one.after, lang),
            say("change", one.change, lang),
        )
        table.add_row(one.check, *(Text(visible(text)) for text in cells))
    console.print(table)


def _word(verdict: str, lang: Lang) -> str:
    return say("verdict", verdict, lang) if verdict else "―"
