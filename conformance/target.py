"""``target.toml``: the product's side of a run, in one file that is the whole plan of the vendor.

Secrets stand in it by reference only: ``env:NAME`` or ``file:PATH``.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from conformance.adapters.settings import AdapterChoice
from conformance.sentence import Sentence
from interface_spec.errors import first_problem

_WITHIN = re.compile(r"([a-z_]+(?:\.[a-z_]+)+|[a-z_]+): ")
"""A validator of a whole table begins its sentence with the place within it."""


class TargetError(Sentence, ValueError):
    """The vendor's configuration cannot be used (exit 2): file or field, problem, fix."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(_Table):
    name: str
    version: str
    vendor: str


class ProfileChoice(_Table):
    name: str = "baseline"
    overlay: str = ""


class RunChoice(_Table):
    seed: int = Field(default=1, ge=0)
    procedures: tuple[str, ...] = Field(default=("K01", "C01"), min_length=1)
    deciding_sets: tuple[str, ...] = ("tejunsho-1.0",)
    credential: Literal["", "fixed", "per-seed", "per-run"] = Field(
        default="",
        description="test values of the credentials: the same in every run, by seed, or by run; empty: per-run when the "
        "harness starts the product, fixed otherwise",
    )
    other_applications: bool = Field(
        default=False,
        description="the product may hold applications that are not of this run; what they show is masked",
    )
    imports: Literal["auto", "shared", "alone"] = Field(
        default="auto",
        description="whether several rounds share one import of the product; auto: where it takes in on its own schedule",
    )
    show_free_text: bool = Field(
        default=False,
        description="keep every word of the product's sentences in records and reports: only where it holds no real resident",
    )


class Declaration(_Table):
    """What the product says it does; what is not declared is 対象外, what is declared binds."""

    patterns: tuple[Literal["i", "ii", "iii"], ...] = ("i", "iii")
    methods: dict[str, Literal["i", "ii", "iii", "iv"]] = {}
    standard_config: bool = True
    features: tuple[str, ...] = ()

    def has(self, feature: str) -> bool:
        """Whether the condition of a requirement holds: "" always; ``a | b`` when one of them does."""
        if "|" in feature:
            return any(self.has(one.strip()) for one in feature.split("|"))
        if not feature:
            return True
        head, _, tail = feature.partition(".")
        match head:
            case "pattern":
                return tail in self.patterns
            case "method":
                return tail in self.methods.values()
            case "standard_config":
                return self.standard_config
        return feature in self.features


class Endpoints(_Table):
    """Addresses of the product; ``{ready.url}`` is taken from the ready file of a product that the harness starts."""

    control: str = Field(default="", description="control interface; needed by adapter http only")
    handover: str = Field(default="", description="基幹連携; empty: the core systems cannot collect, ③-5 stays 未検証")
    screen: str = Field(
        default="", description="照会画面: URL of one application with {receipt_no}; empty: not declared"
    )


class HandoverChoice(_Table):
    """How ③-5 goes: the core systems call the product (``http``), or both sides use a shared folder (``files``).

    With ``files`` the names of files and columns are those of the profile (``drops.handover``, ``drops.core_results``;
    an overlay has the product's own). ``command`` makes the product write and read its files, if it needs telling;
    otherwise it is waited for.
    """

    kind: Literal["http", "files"] = "http"
    folder: str = Field(default="", description="the shared folder, beside target.toml")
    command: tuple[str, ...] = ()
    wait_seconds: float = Field(
        default=10, ge=0, le=3600, description="until the product has written or read its files"
    )

    @model_validator(mode="after")
    def _has_its_folder(self) -> Self:
        if (self.kind == "files") != bool(self.folder):
            raise ValueError(
                'folder: kind = "files" のとき、共有フォルダーを書きます / write the shared folder, with kind = "files" only'
            )
        return self


class Credentials(_Table):
    """References to secrets: ``env:NAME`` or ``file:PATH``; absent ones are made up for the run and printed to set."""

    control_token: str = ""
    download_account: str = ""
    download_secret: str = ""
    link_api_key: str = ""
    screen: str = Field(default="", description="user:password of the screen (HTTP Basic)")
    atena_api_keys: dict[str, str] = {}
    handover_api_keys: dict[str, str] = {}


class WorldPorts(_Table):
    """Ports of the simulated systems on loopback; 0 takes a free one (only when the harness starts the product)."""

    download: int = Field(default=0, ge=0, le=65535)
    relay: int = Field(default=0, ge=0, le=65535)
    link: int = Field(default=0, ge=0, le=65535)
    atena: dict[str, int] = {}
    control: int = Field(default=0, ge=0, le=65535)


class WorldChoice(_Table):
    ports: WorldPorts = WorldPorts()
    fqdn: str = "dl.shinsei.lgwan.test"
    ca_folder: str = Field(
        default="shinsei-ca",
        description="beside target.toml: the test CA that the product trusts; kept between runs unless we start the product",
    )


class Start(_Table):
    """How the harness starts the product itself (optional). Values may use ``{placeholders}`` of 製品側に設定する値."""

    command: tuple[str, ...] = ()
    image: str = Field(default="", description="container image; the product then runs next to the simulated systems")
    env: dict[str, str] = {}
    inherit_env: tuple[str, ...] = ()
    ready_file: str = ""
    ready_timeout_seconds: float = Field(default=30, gt=0, le=600)

    @model_validator(mode="after")
    def _something_to_start(self) -> Self:
        if not self.command and not self.image:
            raise ValueError("command: 起動のコマンドか image（コンテナ）を書きます / write a command or an image")
        return self


class AttestationAnswer(_Table):
    statement: str = Field(min_length=1)
    by: str = Field(min_length=1)
    date: date


class WaiverEntry(_Table):
    check: str
    reason: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    expires: date


class Target(_Table):
    role: Literal["am"]
    product: Product
    profile: ProfileChoice = ProfileChoice()
    run: RunChoice = RunChoice()
    declare: Declaration = Declaration()
    endpoints: Endpoints = Endpoints()
    handover: HandoverChoice = HandoverChoice()
    credentials: Credentials = Credentials()
    adapter: AdapterChoice = AdapterChoice()
    world: WorldChoice = WorldChoice()
    start: Start | None = None
    attestations: dict[str, AttestationAnswer] = {}
    waiver: tuple[WaiverEntry, ...] = ()

    def shares_imports(self) -> bool:
        """Whether the rounds of a run share imports (`RunChoice.imports`)."""
        return self.run.imports == "shared" or (self.run.imports == "auto" and self.adapter.trigger == "poll")

    @model_validator(mode="after")
    def _http_has_its_place(self) -> Self:
        if self.adapter.kind == "http" and not self.endpoints.control:
            raise ValueError(
                "endpoints.control: 制御インターフェースのURLを書きます / write the URL of the control interface"
            )
        if self.adapter.kind == "http" and not self.credentials.control_token:
            raise ValueError(
                'credentials.control_token: "env:名前" か "file:パス" を書きます / write "env:NAME" or "file:PATH"'
            )
        return self

    @model_validator(mode="after")
    def _known_before_the_run(self) -> Self:
        if self.start is None and self.run.credential == "per-run":
            raise ValueError(
                'run.credential: "per-run" は試験が製品を起動するときだけ使えます（"per-seed" にします） / run.credential: "per-run" needs [start]; write "per-seed"'
            )
        return self

    @model_validator(mode="after")
    def _fixed_ports_unless_started(self) -> Self:
        if self.start is None:
            ports = self.world.ports
            for name in ("download", "relay", "link"):
                if getattr(ports, name) == 0:
                    raise ValueError(
                        f"world.ports.{name}: 製品に設定できるよう 1〜65535 の番号を書きます / world.ports.{name}: write a fixed port, the product must be set to it"
                    )
        return self


def with_seed(target: Target, seed: int | None) -> Target:
    """``target`` with another seed; as it is for None."""
    return target if seed is None else target.model_copy(update={"run": target.run.model_copy(update={"seed": seed})})


def with_image(target: Target, image: str) -> Target:
    """``target`` with its product started from ``image``; as it is for none."""
    if not image:
        return target
    start = target.start.model_copy(update={"image": image, "command": ()}) if target.start else Start(image=image)
    return target.model_copy(update={"start": start})


def others(number: int) -> tuple[str, str]:
    """What is said of a product that lists applications which are not of this run (Japanese, English)."""
    return (
        f"製品に、この実施のものではない申請が {number} 件あります。試験用の環境であることを確かめ、空にするか、"
        "[run] other_applications = true と書いてください（値は伏せて記録します）",
        f"the product holds {number} applications that are not of this run: make sure that it is a test environment, then "
        "empty it or write other_applications = true below [run] (their values are masked)",
    )


def load_target(path: Path) -> Target:
    """The vendor's file. Raises TargetError with one sentence naming file, field and fix."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TargetError(
            str(path),
            "ファイルがありません（--target に製品の target.toml を指定してください）",
            "no such file (give the product's target.toml to --target)",
        ) from None
    except UnicodeDecodeError:
        raise TargetError(str(path), "UTF-8 で保存してください", "must be saved as UTF-8") from None
    except OSError as error:
        raise TargetError(str(path), f"読めません（{error.strerror}）", f"cannot be read ({error.strerror})") from None
    try:
        return Target.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TargetError(str(path), f"TOML として読めません（{error}）", f"not readable as TOML ({error})") from None
    except ValidationError as error:
        place, problem = first_problem(error, hidden="credentials")
        ja, _, en = problem.partition(" / ")
        if within := _WITHIN.match(ja):
            place, ja = f"{place}.{within[1]}".lstrip("."), ja[within.end() :]
            en = en.removeprefix(within[0])
        raise TargetError(f"{path}: {place}" if place else str(path), ja, en or ja) from None


def resolve_secret(reference: str, field: str) -> str:
    """The secret behind ``env:NAME`` or ``file:PATH``. Raises TargetError naming the field; never prints the value."""
    kind, _, name = reference.partition(":")
    place = f"credentials.{field}"
    if kind == "env" and name:
        value = os.environ.get(name, "")
        if not value:
            raise TargetError(
                place,
                f"環境変数 {name} が設定されていません（export {name}=… としてください）",
                f"environment variable {name} is not set (export {name}=…)",
            )
        return value
    if kind == "file" and name:
        try:
            value = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "UTF-8"
            raise TargetError(place, f"{name} を読めません（{cause}）", f"{name} cannot be read ({cause})") from None
        if not value:
            raise TargetError(place, f"{name} が空です", f"{name} is empty")
        return value
    raise TargetError(
        place,
        '秘密は直接書かず "env:名前" か "file:パス" と書きます',
        'write "env:NAME" or "file:PATH", never the secret itself',
    )
