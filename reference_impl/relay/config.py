"""The relay's configuration file (TOML) as typed data; whatever is doubtful is an error, never a wider permission."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference_impl.relay import policy

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KEYS = {"listen", "source_address", "ready_file", "log_file", "clients", "allow", "hosts", "limits"}


class ConfigError(ValueError):
    """The configuration cannot be used; ``str()`` is one sentence naming the field and what to write."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True)
class Limits:
    """What a client may take: bytes of the request head, seconds until it is complete, to connect, and of silence."""

    head_bytes: int = 16384
    head_seconds: float = 10.0
    connect_seconds: float = 10.0
    idle_seconds: float = 300.0


@dataclass(frozen=True)
class RelayConfig:
    """``allow`` holds canonical (FQDN, port) pairs: empty means that nothing passes."""

    listen_host: str
    listen_port: int
    clients: tuple[Network, ...]
    allow: frozenset[tuple[str, int]] = frozenset()
    hosts: Mapping[str, str] = field(default_factory=dict)
    source_address: str | None = None
    ready_file: Path | None = None
    log_file: Path | None = None
    limits: Limits = Limits()


def load(path: Path) -> RelayConfig:
    """Read the file at ``path``; raises ConfigError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"設定ファイルを読めません / cannot read the file ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"TOML として読めません / not readable as TOML ({error})") from None
    return parse(data)


def parse(data: Mapping[str, Any]) -> RelayConfig:
    """The configuration in ``data``; raises ConfigError for the first thing that is not right."""
    unknown = sorted(set(data) - KEYS)
    if unknown:
        raise ConfigError(unknown[0], f"知らない項目です（使える項目: {', '.join(sorted(KEYS))}） / unknown key")
    host, port = _endpoint(_text(data, "listen"))
    source = _text(data, "source_address", required=False)
    return RelayConfig(
        listen_host=host,
        listen_port=port,
        clients=_networks(data.get("clients", [])),
        allow=_allowed(data.get("allow", [])),
        hosts=_hosts(data.get("hosts", {})),
        source_address=None if source is None else _address(source, "source_address"),
        ready_file=_path(data, "ready_file"),
        log_file=_path(data, "log_file"),
        limits=_limits(data.get("limits", {})),
    )


def _text(data: Mapping[str, Any], key: str, *, required: bool = True) -> Any:
    value = data.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value:
        raise ConfigError(key, "文字列を書いてください / write a text")
    return value


def _path(data: Mapping[str, Any], key: str) -> Path | None:
    text = _text(data, key, required=False)
    return None if text is None else Path(text)


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError("listen", f"「アドレス:ポート」の形で書いてください（{text!r}） / write address:port")
    return _address(host.strip("[]"), "listen"), int(port)


def _address(text: str, place: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ConfigError(place, f"IP アドレスを書いてください（{text!r}） / write an IP address") from None


def _networks(values: Any) -> tuple[Network, ...]:
    if not isinstance(values, list):
        raise ConfigError("clients", "CIDR の配列で書いてください / write an array of CIDR networks")
    try:
        return tuple(ipaddress.ip_network(value) for value in values)
    except (ValueError, TypeError):
        raise ConfigError("clients", f"CIDR として読めません（{values!r}） / not a CIDR network") from None


def _allowed(values: Any) -> frozenset[tuple[str, int]]:
    if not isinstance(values, list):
        raise ConfigError("allow", "[[allow]] の表で書いてください / write [[allow]] tables")
    pairs = set()
    for number, entry in enumerate(values):
        place = f"allow[{number}]"
        if not isinstance(entry, dict) or set(entry) != {"fqdn", "port"}:
            raise ConfigError(place, "fqdn と port を書いてください / write fqdn and port")
        name = policy.canonical_name(entry["fqdn"]) if isinstance(entry["fqdn"], str) else ""
        if not policy.is_fqdn(name):
            raise ConfigError(
                f"{place}.fqdn", f"完全な FQDN を書いてください（{entry['fqdn']!r}） / write an exact FQDN"
            )
        port = entry["port"]
        if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
            raise ConfigError(f"{place}.port", "1〜65535 の整数を書いてください / write a port number")
        pairs.add((name, port))
    return frozenset(pairs)


def _hosts(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        raise ConfigError("hosts", "名前 = アドレス の表で書いてください / write a table name = address")
    found = {}
    for name, address in values.items():
        if not isinstance(address, str):
            raise ConfigError(f"hosts.{name}", "IP アドレスを書いてください / write an IP address")
        found[policy.canonical_name(name)] = _address(address, f"hosts.{name}")
    return found


def _limits(values: Any) -> Limits:
    known = Limits.__dataclass_fields__
    if not isinstance(values, dict) or set(values) - set(known):
        raise ConfigError("limits", f"使える項目は {', '.join(known)} です / unknown limit")
    for name, value in values.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise ConfigError(f"limits.{name}", "正の数を書いてください / write a positive number")
    return Limits(**values)
