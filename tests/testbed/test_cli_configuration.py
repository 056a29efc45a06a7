"""Whatever is wrong before a run: exit 2 and one sentence that names the field and the fix, in both languages; nothing left."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.engine.run import Options, execute
from conformance.reporters.write import write_reports
from testbed.cli import check as checking
from testbed.cli import main
from tests.testbed.cli_runs import SECRET, TARGET, fake_target, results_in, shinsei

FIXED = """\
[world.ports]
download = {0}
relay = {1}
link = {2}
"""


def flat(text: str) -> str:
    """A panel's text without its frame and line breaks."""
    return "".join(line.strip("│╭╰─╮╯ ") for line in text.splitlines())


def write(folder: Path, control: str = "http://127.0.0.1:9", more: str = "") -> Path:
    path = folder / "target.toml"
    path.write_text(TARGET.format(control=control, more=more or FIXED.format(*free_ports(3))), encoding="utf-8")
    return path


def free_ports(number: int) -> list[int]:
    """Ports that nobody uses at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.parametrize(("words", "said"), [
    (("check", "amm"), ["ROLE amm", "am"]),
    (("check", "core"), ["ROLE core", "no suite"]),
    (("check",), ["role"]),
    (("check", "am", "--mutant", "no-hostnam"), ["--mutant no-hostnam", "近い名前", "no such mutant"]),
    (("check", "am", "--target", "t.toml", "--mutant", "no-hostname"), ["--target", "--mutant", "bundled product"]),
    (("check", "am", "--lf"), ["--lf", "no earlier result"]),
    (("check", "am", "--seed", "x"), ["--seed"]),
    (("check", "am", "--date", "yesterday"), ["--date"]),
    (("check", "am", "--no-such-option"), ["--no-such-option"]),
    (("check", "am", "--lang", "fr", "--target", "t.toml"), ["--lang fr", "ja", "en"]),
    (("report", "show", "nowhere"), ["nowhere", "events.ndjson", "not a run"]),
    (("chekc",), ["chekc"]),
    (("mutants", "list", "--role", "x"), ["ROLE x"]),
    (("requirements", "show", "AM-0"), ["AM-0", "requirements list"]),
])  # fmt: skip
def test_wrong_use_is_2_with_one_sentence(
    in_folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: list[str]
) -> None:
    code, told = here(words, capsys)
    assert code == 2, told
    assert all(word in told for word in said), told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 3
    assert not (in_folder / "out").exists()


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Inside an empty folder; the command line's own signal handler goes with the test."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def here(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """(exit code, stderr) of the command line in this very process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["shinsei", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(str(ended.value.code)), capsys.readouterr().err


def test_usage_from_a_shell(tmp_path: Path) -> None:
    done = shinsei("chekc", cwd=tmp_path)
    assert (done.returncode, "chekc" in done.stderr) == (2, True)
    helped = shinsei(cwd=tmp_path)
    assert helped.returncode == 2
    assert "check" in helped.stdout + helped.stderr


def test_an_unforeseen_error_is_3_without_a_stack_trace(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_request: object) -> None:
        raise RuntimeError("our own bug")

    monkeypatch.setattr(checking, "carry_out", broken)
    code, told = here(("check", "am"), capsys)
    assert code == 3
    assert told == "試験側の誤り / harness error: RuntimeError: our own bug\n"


def test_a_part_of_us_that_does_not_load_is_3(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "testbed.cli.root", None)
    code, told = here(("check", "am"), capsys)
    assert code == 3
    assert "Traceback" not in told


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_4(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def stopped(_request: object) -> None:
        raise error

    monkeypatch.setattr(checking, "carry_out", stopped)
    assert here(("check", "am"), capsys)[0] == 4


def test_out_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    done = shinsei("check", "am", "--target", "t.toml", "--out", "taken", cwd=tmp_path)
    assert done.returncode == 2
    assert "--out taken" in done.stderr


@pytest.mark.parametrize(("lang", "said"), [("ja", "ファイルがありません"), ("en", "no such file")])
def test_missing_target_in_both_languages(tmp_path: Path, lang: str, said: str) -> None:
    done = shinsei("check", "am", "--target", "none.toml", "--lang", lang, cwd=tmp_path)
    assert done.returncode == 2
    assert said in flat(done.stdout)
    assert "none.toml" in flat(done.stdout)
    assert "--target" in flat(done.stdout)


@pytest.mark.parametrize(("old", "new", "place"), [
    ('role = "am"', "role = ", "TOML"),
    ("[declare]", "[decalre]", "decalre"),
    ('vendor = "試験"', "", "product.vendor"),
    ('patterns = ["i", "iii"]', "patterns = 1", "declare.patterns"),
    ('"env:FAKE_TOKEN"', '"plain-secret-value"', "credentials.control_token"),
    ('"env:FAKE_TOKEN"', '"env:FAKE_UNSET"', "FAKE_UNSET"),
    ("[declare]", '[run]\nprocedures = ["K77"]\n[declare]', "run.procedures"),
    ("[declare]", '[profile]\nname = "basline"\n[declare]', "basline"),
    ("[declare]", '[profile]\noverlay = "none.toml"\n[declare]', "none.toml"),
    ("[adapter]", '[attestations."AM-9.9-99"]\nstatement="x"\nby="x"\ndate=2026-01-01\n[adapter]', "AM-9.9-99"),
    ("[adapter]", '[[waiver]]\ncheck="AM-3.1-01a"\nreason="x"\nowner="x"\nexpires=2020-01-01\n[adapter]', "2020-01-01"),
    ("[adapter]", '[[waiver]]\ncheck="AM-3.1-77a"\nreason="x"\nowner="x"\nexpires=2099-01-01\n[adapter]', "AM-3.1-77a"),
    ("http://127.0.0.1:9", "127.0.0.1:9", "endpoints.control"),
    ("http://127.0.0.1:9", "http://127.0.0.1:99999", "endpoints.control"),
    ("http://127.0.0.1:9", "{redy.url}", "endpoints.control"),
])  # fmt: skip
def test_wrong_target_is_2_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, place: str
) -> None:
    """In this process: nothing is started for a target that cannot be used."""
    monkeypatch.setenv("FAKE_TOKEN", SECRET)
    path = write(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    execute(path, tmp_path / "run", Options(module_command=forbidden, relay_command=()))
    reports = write_reports(tmp_path / "run")
    (trouble,) = reports.results.troubles
    assert trouble.kind == "configuration"
    assert place in trouble.ja
    assert place in trouble.en
    assert "plain-secret" not in str(trouble)
    assert reports.results.exit() == 2
    assert reports.html.stat().st_size > 1000


def forbidden(*words: str) -> list[str]:
    raise AssertionError(f"nothing may be started: {words}")


def test_misspelt_selector_is_2(tmp_path: Path) -> None:
    write(tmp_path)
    done = shinsei("check", "am", "-t", "target.toml", "-k", "AM-3.1-O1", cwd=tmp_path)
    assert done.returncode == 2
    assert "-k AM-3.1-O1" in flat(done.stdout)


def test_unreachable_product_is_2(tmp_path: Path) -> None:
    write(tmp_path)
    done = shinsei("check", "am", "-t", "target.toml", "--json", cwd=tmp_path)
    assert done.returncode == 2
    (trouble,) = results_in(tmp_path / "out")["troubles"]
    assert "127.0.0.1:9" in trouble["ja"]
    assert "no answer" in trouble["en"]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of the machine that somebody else listens on, at every loopback address."""
    with socket.create_server(("", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize("which", [0, 1, 2])
def test_port_in_use_is_2_and_names_the_field(tmp_path: Path, taken: int, which: int) -> None:
    ports = free_ports(3)
    ports[which] = taken
    write(tmp_path, more=FIXED.format(*ports))
    done = shinsei("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert done.returncode == 2
    (trouble,) = results_in(tmp_path / "out")["troubles"]
    for words in (trouble["ja"], trouble["en"]):
        assert f"ports.{('download', 'relay', 'link')[which]}" in words
        assert str(taken) in words


def test_product_that_dies_at_start_is_2_with_its_last_words(tmp_path: Path) -> None:
    fake_target(tmp_path, "dies")
    done = shinsei("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "DATABASE_URL" in flat(done.stdout)
    assert "\x1b" not in done.stdout


def test_product_that_is_never_ready_is_2(tmp_path: Path) -> None:
    fake_target(tmp_path, "silent", seconds=0.5)
    done = shinsei("check", "am", "-t", "target.toml", "--lang", "en", cwd=tmp_path)
    assert done.returncode == 2
    assert "not ready after 0.5 s" in flat(done.stdout)


def test_product_that_cannot_be_started_is_2(tmp_path: Path) -> None:
    path = fake_target(tmp_path, "gone")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(text.partition('command = ["')[2].partition('"')[0], "/no/such/product"), encoding="utf-8"
    )
    done = shinsei("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "/no/such/product" in flat(done.stdout)


def test_bad_database_url_is_2_without_the_password(tmp_path: Path) -> None:
    done = shinsei("check", "am", "--database-url", "postgresql://u:top-secret-pw@127.0.0.1:9/x", cwd=tmp_path)
    assert done.returncode == 2
    assert "top-secret-pw" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["show", "bundle"])
@pytest.mark.parametrize(("text", "line"), [("{}\nnonsense\n", 1), ("\nnonsense\n", 2), ("[1]\n", 1)])
def test_a_damaged_record_is_told(tmp_path: Path, word: str, text: str, line: int) -> None:
    (tmp_path / "events.ndjson").write_text(text, encoding="utf-8")
    done = shinsei("report", word, ".", cwd=tmp_path)
    assert done.returncode == 2
    assert f"events.ndjson: {line} 行目" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_nothing_secret_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    done = shinsei("check", "am", "-t", "target.toml", cwd=tmp_path)
    assert SECRET not in done.stdout + done.stderr
