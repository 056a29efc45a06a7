"""Settings from the environment (``SHINSEI_AM_*``) and, below it, a TOML file. Every problem is found and named at once."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from interface_spec.errors import SpecError
from interface_spec.procedures import Procedure, load_procedures
from interface_spec.profile import Profile, load_profile
from reference_impl.shinsei_kanri import atena, links
from reference_impl.shinsei_kanri.clock import JST
from reference_impl.shinsei_kanri.dialects import check_dialects
from reference_impl.shinsei_kanri.download_client import DownloadSettings
from reference_impl.shinsei_kanri.judging import PATTERNS
from reference_impl.shinsei_kanri.scanner import Address, parse_address
from reference_impl.shinsei_kanri.storage import database
from reference_impl.shinsei_kanri.togo import JUKI, TogoSettings
from reference_impl.shinsei_kanri.wiring import canonical

PREFIX = "SHINSEI_AM_"
FILE = f"{PREFIX}SETTINGS"
LINK = "link"
"""番号紐付情報 among the registers that come by files."""
NAMES = (
    "LISTEN",
    "READY_FILE",
    "DATABASE_URL",
    "DANTAI_CODE",
    "PROFILE",
    "PROFILE_OVERLAY",
    "PROXY_URL",
    "DOWNLOAD_URL",
    "DOWNLOAD_CA_FILE",
    "DOWNLOAD_ACCOUNT",
    "DOWNLOAD_SECRET",
    "PROCEDURES",
    "IMPORT_WINDOW_DAYS",
    "IMPORT_EVERY_SECONDS",
    "WORKERS",
    "SCANNER",
    "LINK_URL",
    "LINK_API_KEY",
    "PATTERNS",
    "TOGO_URL",
    "TOGO_CLIENT_ID",
    "TOGO_CLIENT_SECRET",
    "TOGO_GYOMU_IDS",
    "ATENA_URLS",
    "ATENA_API_KEYS",
    "HANDOVER_API_KEYS",
    "DROP_FOLDER",
    "DROP_CORES",
    "DROP_REGISTERS",
    "RETENTION_DAYS",
    "CONTROL_TOKEN",
    "CLOCK",
    "STAFF_ACCOUNT",
    "STAFF_PASSWORD",
)


class SettingsError(ValueError):
    """The settings cannot be used; ``problems`` holds one sentence each, naming the setting and what to write."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Settings:
    """Checked settings. Secrets never show in ``repr``."""

    listen_host: str
    listen_port: int
    ready_file: Path | None
    database_url: str = field(repr=False)
    profile: Profile = field(repr=False)
    procedures: Mapping[str, Procedure] = field(repr=False)
    download: DownloadSettings = field(repr=False)
    dantai_code: str
    import_window_days: int
    import_every_seconds: int
    workers: int
    scanner: Address | None
    patterns: Mapping[str, frozenset[str]]
    togo: TogoSettings | None
    link_url: str
    link_api_key: str = field(repr=False)
    atena_urls: Mapping[str, str]
    atena_api_keys: Mapping[str, str] = field(repr=False)
    handover_api_keys: Mapping[str, str] = field(repr=False)
    retention_days: Mapping[str, int]
    drop_folder: Path | None
    drop_cores: tuple[str, ...]
    drop_registers: frozenset[str]
    control_token: str = field(repr=False)
    clock_start: datetime | None
    staff_account: str
    staff_password: str = field(repr=False)

    @property
    def registers(self) -> list[str]:
        """The synchronised copies that this product needs."""
        return [links.SOURCE, *map(atena.source, self.core_systems)]

    @property
    def core_systems(self) -> tuple[str, ...]:
        return tuple(sorted({one.core_system for one in self.procedures.values()}))


def load(environment: Mapping[str, str]) -> Settings:
    """The settings. Raises SettingsError with every problem found."""
    problems: list[str] = []
    values = _file_values(environment.get(FILE, ""), problems)
    for key, value in environment.items():
        name = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and key != FILE:
            if name not in NAMES:
                problems.append(f"{key}: 知らない設定です（綴りを確認してください） / unknown setting")
            values[name] = value
    reader = _Reader(values, problems)
    settings = reader.settings()
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def _file_values(path: str, problems: list[str]) -> dict[str, str]:
    if not path:
        return {}
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{FILE}: {path} を TOML として読めません / not readable as TOML ({type(error).__name__})")
        return {}
    found = {}
    for key, value in data.items():
        name = key.upper()
        if name not in NAMES:
            problems.append(f"{FILE}: {key} は知らない設定です / unknown setting")
        elif isinstance(value, dict):
            found[name] = ",".join(f"{left}={right}" for left, right in value.items())
        elif isinstance(value, list):
            found[name] = ",".join(str(one) for one in value)
        else:
            found[name] = str(value)
    return found


class _Reader:
    """Reads one setting after the other and collects what is wrong instead of stopping."""

    def __init__(self, values: Mapping[str, str], problems: list[str]) -> None:
        self._values, self._problems = values, problems

    def settings(self) -> Settings | None:
        host, port = self._listen()
        profile = self._profile()
        procedures = self._procedures()
        cores = sorted({one.core_system for one in procedures.values()})
        patterns = self._patterns(procedures)
        by_files = self._drop_registers(cores)
        by_calls = [core for core in cores if core not in by_files]
        download = DownloadSettings(
            url=self._url("DOWNLOAD_URL", "https"),
            proxy_url=self._url("PROXY_URL", "http"),
            ca_file=self._existing("DOWNLOAD_CA_FILE"),
            dantai_code=self._needed("DANTAI_CODE", "団体コード6桁 / the six digits of the 団体コード"),
            account=self._needed("DOWNLOAD_ACCOUNT", "ダウンロード機能のアカウント / the account"),
            secret=self._needed("DOWNLOAD_SECRET", "ダウンロード機能のパスワード / the password"),
        )
        self._check_download(download)
        if profile is None:
            return None
        return Settings(
            listen_host=host,
            listen_port=port,
            ready_file=Path(self._text("READY_FILE")) if self._text("READY_FILE") else None,
            database_url=self._database_url(),
            profile=profile,
            procedures=procedures,
            download=download,
            dantai_code=download.dantai_code,
            import_window_days=self._number("IMPORT_WINDOW_DAYS", 7, least=1),
            import_every_seconds=self._number("IMPORT_EVERY_SECONDS", 0, least=0),
            workers=self._number("WORKERS", 1, least=0),
            scanner=self._scanner(),
            patterns=patterns,
            togo=self._togo(cores) if any("ii" in used for used in patterns.values()) else None,
            link_url="" if LINK in by_files else self._url("LINK_URL", "http", "https"),
            link_api_key=""
            if LINK in by_files
            else self._needed("LINK_API_KEY", "番号紐付情報のAPI鍵 / the API key of 既存住基"),
            atena_urls=self._per_core("ATENA_URLS", by_calls, urls=True),
            atena_api_keys=self._per_core("ATENA_API_KEYS", by_calls),
            handover_api_keys=self._keys(cores),
            retention_days=self._retention(procedures),
            drop_folder=self._drop_folder(),
            drop_cores=self._drop_cores(cores),
            drop_registers=by_files,
            control_token=self._needed("CONTROL_TOKEN", "制御用トークン / the control token"),
            clock_start=self._clock(),
            staff_account=self._text("STAFF_ACCOUNT") or "staff",
            staff_password=self._text("STAFF_PASSWORD"),
        )

    def _text(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def _needed(self, name: str, what: str) -> str:
        value = self._text(name)
        if not value:
            self._bad(name, f"{what} を書いてください / is required")
        return value

    def _bad(self, name: str, problem: str) -> None:
        self._problems.append(f"{PREFIX}{name}: {problem}")

    def _listen(self) -> tuple[str, int]:
        host, _, port = self._text("LISTEN").rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
            number = int(port)
        except ValueError:
            number = -1
        if not 0 <= number <= 65535:
            self._bad(
                "LISTEN", "「アドレス:ポート」の形で書いてください（ポート 0 は空いている番号） / write address:port"
            )
        return host.strip("[]"), number

    def _profile(self) -> Profile | None:
        overlay = self._text("PROFILE_OVERLAY")
        try:
            profile = load_profile(self._text("PROFILE") or "baseline", Path(overlay) if overlay else None)
            canonical.check(profile)
            check_dialects(profile)
        except SpecError as error:
            self._bad("PROFILE_OVERLAY" if overlay else "PROFILE", str(error))
            return None
        return profile

    def _procedures(self) -> dict[str, Procedure]:
        known = load_procedures()
        found: dict[str, Procedure] = {}
        for one in filter(None, (part.strip() for part in self._text("PROCEDURES").split(","))):
            if one not in known:
                self._bad("PROCEDURES", f"手続 {one!r} はありません / no such procedure")
            elif known[one].zone != "mynumber":
                self._bad("PROCEDURES", f"手続 {one} はマイナンバー利用事務系に入れない手続です / not for this zone")
            else:
                found[one] = known[one]
        if not self._text("PROCEDURES"):
            self._bad("PROCEDURES", "取り込む手続のIDを「K01,C01」の形で書いてください / write procedure ids")
        return found

    def _url(self, name: str, *schemes: str) -> str:
        value = self._needed(name, "URL")
        try:
            parts = urlsplit(value)
            valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if value and not valid:
            self._bad(name, f"{' か '.join(schemes)}:// で始まる URL を書いてください / write such a URL")
        return value

    def _existing(self, name: str) -> Path:
        path = Path(self._needed(name, "CA 証明書ファイル / a CA certificate file"))
        if self._text(name) and not path.is_file():
            self._bad(name, f"ファイル {path} がありません / no such file")
        return path

    def _check_download(self, download: DownloadSettings) -> None:
        code = download.dantai_code
        if code and not (code.isascii() and code.isdigit() and len(code) == 6):
            self._bad("DANTAI_CODE", "検査数字を含む6桁の数字で書いてください / write six digits")

    def _database_url(self) -> str:
        value = self._needed("DATABASE_URL", "PostgreSQL の URL / a PostgreSQL URL")
        try:
            return database.sqlalchemy_url(value) if value else ""
        except ValueError as error:
            self._bad("DATABASE_URL", str(error))
            return ""

    def _drop_folder(self) -> Path | None:
        path = Path(self._text("DROP_FOLDER")) if self._text("DROP_FOLDER") else None
        if path is not None and not path.is_dir():
            self._bad("DROP_FOLDER", f"フォルダ {path} がありません / no such folder")
        if path is None and (self._text("DROP_CORES") or self._text("DROP_REGISTERS")):
            self._bad("DROP_FOLDER", "ファイルで受け渡すものがあるので、フォルダを書いてください / write the folder")
        return path

    def _drop_cores(self, cores: list[str]) -> tuple[str, ...]:
        """The core systems that are served by files instead of HTTP."""
        named = tuple(filter(None, (one.strip() for one in self._text("DROP_CORES").split(","))))
        for one in named:
            if one not in cores:
                self._bad("DROP_CORES", f"基幹 {one} の手続を取り込みません / no procedure of this core system")
        return named

    def _drop_registers(self, cores: list[str]) -> frozenset[str]:
        """``link,jido_teate``: 番号紐付情報, and the core systems whose 宛名情報 comes by files instead of HTTP."""
        named = frozenset(filter(None, (one.strip() for one in self._text("DROP_REGISTERS").split(","))))
        for one in sorted(named - {LINK, *cores}):
            self._bad(
                "DROP_REGISTERS", f"{one} は link でも取り込む手続の基幹でもありません / neither link nor a core system"
            )
        return named

    def _retention(self, procedures: Mapping[str, Procedure]) -> dict[str, int]:
        """``K01=1825``: days that a closed application is kept; for ever where nothing is said."""
        found = {}
        for procedure_id, text in self._pairs("RETENTION_DAYS").items():
            if procedure_id not in procedures:
                self._bad(
                    "RETENTION_DAYS", f"手続 {procedure_id} は取り込む手続にありません / not among the procedures"
                )
            if not (text.isascii() and text.isdigit() and int(text) > 0):
                self._bad("RETENTION_DAYS", "手続ID=日数（1 以上）で書いてください / write procedure=days")
                continue
            found[procedure_id] = int(text)
        return found

    def _patterns(self, procedures: Mapping[str, Procedure]) -> dict[str, frozenset[str]]:
        """``K01=i+iii,C01=ii``: the identification patterns of each procedure; i and iii where nothing is said."""
        found = {}
        for procedure_id, text in self._pairs("PATTERNS").items():
            used = frozenset(part.strip() for part in text.split("+"))
            if procedure_id not in procedures:
                self._bad("PATTERNS", f"手続 {procedure_id} は取り込む手続にありません / not among the procedures")
            elif used - PATTERNS or {"i", "ii"} <= used:
                self._bad(
                    "PATTERNS", "i・ii・iii を + でつないでください（i と ii は一方だけ） / write i+iii or ii+iii"
                )
            found[procedure_id] = used
        return found

    def _togo(self, cores: list[str]) -> TogoSettings:
        gyomu_ids = self._pairs("TOGO_GYOMU_IDS")
        for name in (JUKI, *cores):
            if name not in gyomu_ids:
                self._bad("TOGO_GYOMU_IDS", f"{name} の業務IDがありません / missing 業務ID")
        return TogoSettings(
            url=self._url("TOGO_URL", "http", "https"),
            client_id=self._needed("TOGO_CLIENT_ID", "団体内統合宛名のクライアントID / the client id"),
            secret=self._needed("TOGO_CLIENT_SECRET", "団体内統合宛名のクライアントシークレット / the client secret"),
            gyomu_ids=gyomu_ids,
        )

    def _scanner(self) -> Address | None:
        try:
            return parse_address(self._text("SCANNER")) if self._text("SCANNER") else None
        except ValueError as error:
            self._bad("SCANNER", str(error))
            return None

    def _number(self, name: str, default: int, *, least: int) -> int:
        text = self._text(name) or str(default)
        if not (text.isascii() and text.isdigit() and int(text) >= least):
            self._bad(name, f"{least} 以上の整数を書いてください / write a whole number")
            return default
        return int(text)

    def _pairs(self, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in filter(None, (one.strip() for one in self._text(name).split(","))):
            left, separator, right = part.partition("=")
            if not separator or not left.strip() or not right.strip():
                self._bad(name, "「基幹ID=値,基幹ID=値」の形で書いてください / write core=value,core=value")
                continue
            found[left.strip()] = right.strip()
        return found

    def _per_core(self, name: str, cores: list[str], *, urls: bool = False) -> dict[str, str]:
        found = self._pairs(name)
        for core in cores:
            if core not in found:
                self._bad(name, f"基幹 {core} の値がありません / missing for this core system")
        if urls and any(urlsplit(url).scheme not in ("http", "https") for url in found.values()):
            self._bad(name, "http:// か https:// の URL を書いてください / write URLs")
        return found

    def _keys(self, cores: list[str]) -> dict[str, str]:
        found = self._per_core("HANDOVER_API_KEYS", cores)
        if len(set(found.values())) != len(found):
            self._bad("HANDOVER_API_KEYS", "基幹ごとに別の鍵を書いてください / every core system needs its own key")
        return found

    def _clock(self) -> datetime | None:
        text = self._text("CLOCK")
        if not text:
            return None
        try:
            start = datetime.fromisoformat(text)
        except ValueError:
            self._bad("CLOCK", "ISO 8601 の日時を書いてください（2026-11-23T09:00:00+09:00） / write an ISO instant")
            return None
        return start if start.tzinfo else start.replace(tzinfo=JST)
