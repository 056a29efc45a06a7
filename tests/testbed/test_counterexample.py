"""What property-based tests find can be repeated: a shrunk way through a product becomes one file, and one line plays it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from testbed import counterexample
from testbed.cli.app import app
from testbed.counterexample import Counterexample, keep, play_again
from testbed.crash import Actors
from testbed.journey import WORDS, journey
from testbed.postgres import EmbeddedServer, embedded_server
from testbed.replay import BadReplay, read_replay
from tests.testbed.cli_runs import shinsei

pytestmark = pytest.mark.long

runner = CliRunner()


def toy(one: Counterexample, _folder: Path) -> list[str]:
    """A product that loses an application when it is restarted between import and review."""
    text = " ".join(one.steps)
    return ["lost after a restart"] if "import restart review" in text and one.mutant else []


def test_what_hypothesis_shrank_is_kept_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(counterexample.WALKS, "toy", toy)
    last: list[Counterexample] = []

    @seed(7)
    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(WORDS), max_size=12))
    def holds(steps: list[str]) -> None:
        one = Counterexample(walk="toy", seed=7, mutant="forgets", steps=steps, said=())
        if said := toy(one, tmp_path):
            last.append(one.model_copy(update={"said": tuple(said)}))
        assert not said

    with pytest.raises(AssertionError):
        holds()
    smallest = last[-1]
    assert smallest.steps == ["import", "restart", "review"]
    line = keep(smallest, tmp_path / "c")
    assert line.startswith("shinsei replay ")
    file = line.removeprefix("shinsei replay ")
    again = runner.invoke(app, ["replay", file])
    assert again.exit_code == 1
    assert "前回と同じです" in again.stdout
    healthy = runner.invoke(app, ["replay", file, "--healthy"])
    assert healthy.exit_code == 0
    other = json.loads(Path(file).read_text(encoding="utf-8")) | {"said": ["something else"]}
    Path(file).write_text(json.dumps(other), encoding="utf-8")
    assert runner.invoke(app, ["replay", file]).exit_code == 4


def test_a_walk_or_a_word_that_is_not_known_is_one_sentence(tmp_path: Path) -> None:
    file = keep(Counterexample(walk="nowhere", seed=1, steps=[], said=()), tmp_path).removeprefix("shinsei replay ")
    done = runner.invoke(app, ["replay", file])
    assert done.exit_code == 2
    with pytest.raises(LookupError, match="nowhere"):
        play_again(Counterexample(walk="nowhere", seed=1, steps=[], said=()), healthy=False)
    (tmp_path / "x.json").write_text('{"kind": "counterexample"}', encoding="utf-8")
    with pytest.raises(BadReplay):
        read_replay(tmp_path / "x.json")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


@pytest.mark.slow
@seed(3)
@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(words=st.lists(st.sampled_from(WORDS), min_size=3, max_size=12))
def test_no_way_through_the_product_breaks_a_promise(
    words: list[str], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = journey(words, 5, "", server, tmp_path_factory.mktemp("journey"))
    line = keep(Counterexample(walk="journey", seed=5, steps=words, said=tuple(broken))) if broken else ""
    assert not broken, line


@pytest.mark.slow
def test_a_way_on_which_a_mutant_breaks_a_promise_is_repeated(tmp_path: Path) -> None:
    steps, mutant = ["send", "import", "review", "pull", "pull"], "offers-delivered-again"
    with embedded_server() as server:
        broken = journey(steps, 5, mutant, server, tmp_path / "way")
    assert "offered again" in broken[0]
    one = Counterexample(walk="journey", seed=5, mutant=mutant, steps=steps, said=tuple(broken))
    file = keep(one, tmp_path).removeprefix("shinsei replay ")
    again = shinsei("replay", file, cwd=tmp_path)
    assert again.returncode == 1, again.stdout + again.stderr
    assert "前回と同じです" in again.stdout
    healthy = shinsei("replay", file, "--healthy", cwd=tmp_path)
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "words", "said"),
    [
        ("unknown-serial-is-stuck", "renew send import", "was not identified"),
        ("no-basic4", "send renew send import", "was not identified"),
        ("", "send renew send import review cancel pull restart move send import cancel review pull", ""),
    ],
)
def test_new_cards_moves_and_withdrawals_are_part_of_the_way(
    mutant: str, words: str, said: str, tmp_path: Path, server: EmbeddedServer
) -> None:
    broken = journey(words.split(), 5, mutant, server, tmp_path / (mutant or "reference"))
    assert len(broken) == bool(said), broken
    assert all(said in one for one in broken)


@pytest.mark.slow
def test_a_withdrawn_application_that_is_offered_is_seen(
    tmp_path: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(actors: Actors) -> None:
        """The applicant took it back and nobody registered it."""
        actors._ledger.withdrawn.add(actors.details()[0].receipt_no)

    monkeypatch.setattr(Actors, "withdraw", forgotten)
    broken = journey(["send", "import", "review", "cancel", "pull"], 5, "", server, tmp_path / "way")
    assert [one for one in broken if one.endswith("offered although it was withdrawn")]


def test_an_unknown_word_is_refused(tmp_path: Path) -> None:
    with embedded_server() as server, pytest.raises(ValueError, match="fly"):
        journey(["fly"], 1, "", server, tmp_path)
