"""The world's configuration file (world.json) as typed data."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from interface_spec.errors import SpecError, first_problem
from mock_services.rules import Rules


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountConfig(_Config):
    dantai_code: str
    account: str
    secret: str


class DownloadConfig(_Config):
    """``account``/``secret`` belong to `WorldConfig.dantai_code`; further municipalities have their own."""

    fqdn: str = Field(default="dl.shinsei.lgwan.test", pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    account: str = Field(min_length=1)
    secret: str = Field(min_length=1)
    other_accounts: tuple[AccountConfig, ...] = ()


class CoreConfig(_Config):
    """``atena_api_key`` is what a product must show to read this core system's 宛名情報."""

    atena_api_key: str = Field(min_length=1)


class TogoClientConfig(_Config):
    """One consuming system of 団体内統合宛名; no ``scopes`` = every scope of the profile."""

    client_id: str
    secret: str
    scopes: tuple[str, ...] = ()


class TogoConfig(_Config):
    clients: tuple[TogoClientConfig, ...] = Field(min_length=1)


class JukiCsConfig(_Config):
    """住基ネットCS of this town, and of further towns that people can move to or from."""

    other_towns: tuple[str, ...] = ()


class PortalConfig(_Config):
    """ぴったりサービス. ``api_keys``: API client → key; ``town_names``: 団体コード → name on the screens."""

    api_keys: dict[str, str] = Field(min_length=1)
    people_seed: int = Field(default=1, ge=0)
    arrival_seconds: int = Field(default=0, ge=0, le=7200)
    town_names: dict[str, str] = {}


class KanriConfig(_Config):
    """The staff's screen of マイナポータル申請管理; its accounts are those of the download function."""

    town_names: dict[str, str] = {}


class LgwanConfig(_Config):
    """LGWAN neighbours. ``names``: what the DNS knows besides the download function."""

    names: dict[str, str] = {"other.lgwan.test": "127.0.20.2"}
    dns_port: int = Field(default=0, ge=0, le=65535)


class FixturesConfig(_Config):
    """Fill the world with the synthetic municipality of ``seed`` when it starts, with at most so many applications."""

    seed: int = Field(default=1, ge=0)
    applications: int = Field(default=40, ge=0, le=10_000_000)


class Ports(_Config):
    """0 = a free port. ``systems``: by the door's name, for the systems that run only when asked for."""

    download: int = Field(default=0, ge=0, le=65535)
    link: int = Field(default=0, ge=0, le=65535)
    atena: dict[str, int] = {}
    relay: int = Field(default=0, ge=0, le=65535)
    control: int = Field(default=0, ge=0, le=65535)
    systems: dict[str, int] = {}


class Addresses(_Config):
    """Where each zone lives on this machine; ``zone_dmz`` is the relay's outgoing address."""

    zone_lgwan: str = "127.0.20.1"
    zone_mynumber: str = "127.0.0.1"
    zone_dmz: str = "127.0.30.1"
    control: str = "127.0.0.1"
    zone_internet: str = "127.0.10.1"
    zone_lgwan_side: str = "127.0.21.1"
    zone_juki_net: str = "127.0.40.1"


class WorldConfig(_Config):
    """One simulated world. ``relay_command``: argument list, ``{config}`` stands for the relay.toml that we write."""

    run_dir: Path
    ca_folder: Path | None = Field(
        default=None, description="where the private CA is kept between runs; none: made anew"
    )
    profile: str = "baseline"
    overlay: Path | None = None
    dantai_code: str = Field(min_length=1)
    start_clock: AwareDatetime
    seed: str = Field(default="0", description="of the tokens that the download function issues")
    correlate: bool = Field(default=False, description="calls that carry a credential of another run are set aside")
    download: DownloadConfig
    link_api_key: str = Field(min_length=1)
    core: dict[str, CoreConfig] = Field(min_length=1)
    togo: TogoConfig | None = None
    juki_cs: JukiCsConfig | None = None
    portal: PortalConfig | None = None
    kanri: KanriConfig | None = None
    lgwan: LgwanConfig | None = None
    fixtures: FixturesConfig | None = None
    rules: Rules = Rules()
    ports: Ports = Ports()
    addresses: Addresses = Addresses()
    relay_command: tuple[str, ...] = ()
    relay_clients: tuple[str, ...] = ("127.0.0.0/8",)


class Endpoints(_Config):
    """Where everything is; written to ``world-ready.json``. URLs are as a product must write them."""

    control_url: str
    download_url: str
    download_address: str = Field(description="ip:port of the listener, for whoever may resolve the name")
    link_url: str
    atena_urls: dict[str, str]
    relay_url: str = Field(description="proxy URL; empty when the world has no relay")
    relay_source: str = Field(description="address from which the relay reaches the download function")
    dl_ca_file: str = Field(description="PEM of the root that a product trusts; the server sends the issuing CA's")
    dl_client_file: str = Field(
        default="",
        description="PEM of a client certificate, its key and the issuing CA's certificate, when one is asked for",
    )
    systems: dict[str, str] = Field(default={}, description="door → URL of the systems that run because asked for")


def load_config(path: Path) -> WorldConfig:
    """Read world.json. SpecError with one sentence naming file, field and fix."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"読めません / cannot be read: {type(error).__name__}") from None
    try:
        config = WorldConfig.model_validate_json(text)
    except ValidationError as error:
        raise SpecError(path, *first_problem(error)) from None
    unknown = sorted(set(config.ports.atena) - set(config.core))
    if unknown:
        raise SpecError(path, f"ports.atena.{unknown[0]}", "core に無い基幹システムです / not in core")
    return config.model_copy(update={"run_dir": config.run_dir.resolve()})
