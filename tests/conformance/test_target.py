"""target.toml: every mistake is one sentence that names file, field and fix in both languages, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.engine.settings import secrets_to_set
from conformance.target import Declaration, TargetError, load_target, resolve_secret
from tests.conformance.targets import GOOD, target_of, write_target

START = '[start]\ncommand = ["x"]\n'


def test_the_good_one_is_good(tmp_path: Path) -> None:
    target = target_of(tmp_path)
    assert target.product.name == "申請管理 試作品"
    assert target.run.seed == 7
    assert target.start is None


def test_a_bom_of_an_editor_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_target(path).role == "am"


@pytest.mark.parametrize(("old", "new", "place", "ja", "en"), [
    ('role = "am"', 'role = "amm"', "role", "'am'", "must be one of"),
    ('role = "am"\n', "", "role", "必須の項目がありません", "required key is missing"),
    ("[product]", "[prodct]", "product", "必須", "missing"),
    ('version = "1.2"', "version = 1.2", "product.version", "文字列", "write a string"),
    ("seed = 7", 'seed = "seven"', "run.seed", "整数", "write an integer"),
    ("seed = 7", "seed = -1", "run.seed", "0 以上", "at least 0"),
    ('["K01", "C01"]', '"K01"', "run.procedures", "配列", "write an array"),
    ('["K01", "C01"]', "[]", "run.procedures", "少なくとも 1 個", "at least 1"),
    ('patterns = ["i", "iii"]', 'patterns = ["v"]', "declare.patterns.0", "いずれか", "must be one of"),
    ('K01 = "iv"', 'K01 = "v"', "declare.methods.K01", "いずれか", "must be one of"),
    ("control = ", "contrl = ", "endpoints.contrl", "綴り", "check the spelling"),
    ("control = \"http://127.0.0.1:9001\"\n", "", "endpoints.control", "URL", "URL"),
    ("[declare]", "[declare]\ncolour = 1", "declare.colour", "綴り", "check the spelling"),
    ("download = 18443", "download = 70000", "world.ports.download", "65535 以下", "at most 65535"),
    ("relay = 13128\n", "", "world.ports.relay", "番号", "fixed port"),
    ("date = 2026-01-01", 'date = "昨日"', "attestations.AM-3.5-06.date", "2026-01-31", "write a date"),
    ('by = "製造者"', 'by = ""', "attestations.AM-3.5-06.by", "空にはできません", "must not be empty"),
    ("[world.ports]", "[adapter]\nkind = 'soap'\n[world.ports]", "adapter.kind", "いずれか", "must be one of"),
    ("[world.ports]", "[adapter]\ncall_timeout_seconds = 0\n[world.ports]", "adapter.call_timeout_seconds", "0 より", "greater"),
    ("[world.ports]", "[start]\ncommand = []\n[world.ports]", "start.command", "image", "image"),
    ("[world.ports]", "[[waiver]]\ncheck = 'x'\n[world.ports]", "waiver.0.reason", "必須", "missing"),
])  # fmt: skip
def test_each_mistake_is_one_sentence(tmp_path: Path, old: str, new: str, place: str, ja: str, en: str) -> None:
    with pytest.raises(TargetError) as caught:
        target_of(tmp_path, old, new)
    error, path = caught.value, tmp_path / "target.toml"
    assert error.ja.startswith(f"{path}: {place}"), error.ja
    assert error.en.startswith(f"{path}: {place}"), error.en
    assert ja in error.ja
    assert en in error.en
    assert "\n" not in str(error)


def test_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_target(tmp_path / "none.toml")
    assert "none.toml" in caught.value.ja
    assert "--target" in caught.value.ja
    assert "--target" in caught.value.en


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot be read"):
        load_target(tmp_path)


@pytest.mark.parametrize(("content", "words"), [(b"role = ", "TOML"), (b"role = 'a'\nrole = 'b'", "TOML"), ("役割".encode("cp932"), "UTF-8")])  # fmt: skip
def test_unreadable_file(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(content)
    with pytest.raises(TargetError) as caught:
        load_target(path)
    assert words in caught.value.ja
    assert words in caught.value.en


def test_ports_may_be_free_when_the_harness_starts_the_product(tmp_path: Path) -> None:
    path = write_target(tmp_path, GOOD.replace("relay = 13128\n", "").replace("[world.ports]", START + "[world.ports]"))
    assert load_target(path).world.ports.relay == 0


class TestSecrets:
    def test_from_environment_and_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TEST_CONTROL_TOKEN", "token-1")
        (tmp_path / "token").write_text("token-2\n", encoding="utf-8")
        assert resolve_secret("env:TEST_CONTROL_TOKEN", "control_token") == "token-1"
        assert resolve_secret(f"file:{tmp_path / 'token'}", "control_token") == "token-2"

    @pytest.mark.parametrize("reference", ["s3cret-inline", "env:", "file:", "ENV:X", "http://x", ""])
    def test_inline_is_refused_and_not_repeated(self, reference: str) -> None:
        with pytest.raises(TargetError) as caught:
            resolve_secret(reference, "control_token")
        assert caught.value.ja.startswith("credentials.control_token: ")
        assert "env:" in caught.value.ja
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize("value", [None, ""])
    def test_unset_or_empty_variable(self, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
        monkeypatch.delenv("TEST_UNSET", raising=False)
        if value is not None:
            monkeypatch.setenv("TEST_UNSET", value)
        with pytest.raises(TargetError) as caught:
            resolve_secret("env:TEST_UNSET", "screen")
        assert caught.value.en == "credentials.screen: environment variable TEST_UNSET is not set (export TEST_UNSET=…)"

    @pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
    def test_bad_file(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "token"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(TargetError, match=r"^credentials\.link_api_key: "):
            resolve_secret(f"file:{path}", "link_api_key")

    def test_a_secret_of_the_wrong_type_is_not_repeated(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            target_of(tmp_path, '"env:TEST_CONTROL_TOKEN"', '["s3cret-value"]')
        assert "credentials.control_token" in caught.value.ja
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("feature", "has"), [
    ("", True), ("pattern.i", True), ("pattern.ii", False), ("method.iv", True), ("method.ii", False),
    ("standard_config", True), ("generic_eform", True), ("pittari.new", False), ("pattern.ii | method.iv", True),
    ("pattern.ii | method.ii", False),
])  # fmt: skip
def test_declared_features(feature: str, has: bool) -> None:
    declare = Declaration(methods={"K01": "iv"}, features=("generic_eform",))
    assert declare.has(feature) is has


TOLD = (
    '[start]\ncommand = ["./am"]\n[start.env]\nSECRET = "{download_secret}"\nKEYS = "{atena_api_keys}"\n\n[world.ports]'
)


def test_a_product_that_we_start_gets_credentials_of_the_run(tmp_path: Path) -> None:
    target = target_of(tmp_path, "[world.ports]", TOLD)
    one, other = secrets_to_set(target, "run-1"), secrets_to_set(target, "run-2")
    for field in ("download_secret", "atena_api_key.kaigo"):
        assert one(field) != other(field)
        assert one(field) == secrets_to_set(target, "run-1")(field)
    assert one("link_api_key") == other("link_api_key") == "test-link-api-key-0000"  # it is not told this one
    by_hand = target_of(tmp_path)
    assert secrets_to_set(by_hand, "run-1")("download_secret") == "test-download-secret-0000"
    fixed = target.model_copy(update={"run": target.run.model_copy(update={"credential": "fixed"})})
    assert secrets_to_set(fixed, "run-1")("download_secret") == "test-download-secret-0000"


def test_credentials_of_the_run_cannot_be_set_by_hand_beforehand(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"run\.credential.*per-seed"):
        target_of(tmp_path, "seed = 7", 'seed = 7\ncredential = "per-run"')
