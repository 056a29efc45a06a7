"""「製品側に設定する値」: everything that has to be set on the product's side, as one flat table of named values."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from conformance.plan import Plan
from conformance.target import Credentials, Target, TargetError, resolve_secret
from mock_services.config import Endpoints

JST = timezone(timedelta(hours=9))
_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")


def expand(text: str, values: Mapping[str, str], field: str) -> str:
    """``text`` with its ``{name}`` filled in. Raises TargetError naming field and unknown placeholder."""

    def one(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in values:
            known = ", ".join(sorted(values))
            raise TargetError(
                field,
                f"{{{name}}} という値はありません（あるもの: {known or 'なし'}）",
                f"there is no value {{{name}}} (known: {known or 'none'})",
            )
        return values[name]

    return _PLACEHOLDER.sub(one, text)


def address(text: str, values: Mapping[str, str], field: str) -> str:
    """An endpoint of the target, filled in. Raises TargetError unless it is an http(s) URL with a host."""
    url = expand(text, values, field)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise TargetError(
            field,
            f"{url} は URL として使えません（http://ホスト名:ポート の形で書きます）",
            f"{url} is no usable URL (write http://host:port)",
        )
    return url


@dataclass(frozen=True)
class Keys:
    """Every secret of a run; ``screen`` is user:password."""

    control_token: str
    download_account: str
    download_secret: str
    link_api_key: str
    screen: str
    atena: dict[str, str]
    handover: dict[str, str]

    @classmethod
    def of(cls, given: Credentials, core_systems: Iterable[str], value: Callable[[str], str]) -> Self:
        """Secrets that the target does not give are test values (`secrets_to_set`). TargetError when one cannot be read."""

        def one(field: str, reference: str) -> str:
            return resolve_secret(reference, field) if reference else value(field)

        cores = tuple(core_systems)
        return cls(
            control_token=one("control_token", given.control_token) if given.control_token else "",
            download_account=one("download_account", given.download_account),
            download_secret=one("download_secret", given.download_secret),
            link_api_key=one("link_api_key", given.link_api_key),
            screen=one("screen", given.screen) if given.screen else "",
            atena={core: one(f"atena_api_key.{core}", given.atena_api_keys.get(core, "")) for core in cores},
            handover={core: one(f"handover_api_key.{core}", given.handover_api_keys.get(core, "")) for core in cores},
        )

    def all(self) -> list[str]:
        return [
            self.control_token,
            self.download_secret,
            self.link_api_key,
            self.screen.partition(":")[2],
            *self.atena.values(),
            *self.handover.values(),
        ]


def secrets_to_set(target: Target, run_id: str = "") -> Callable[[str], str]:
    """Field of a secret → its test value, as ``[run] credential`` wants it.

    Unless it says otherwise, a product that the harness starts gets new values in every run, where its ``[start]`` asks
    for them by placeholder; whatever is set by hand is the same in every run.
    """
    by_seed, by_run = f"seed {target.run.seed}", f"run {run_id} {target.run.seed}"
    told = " ".join([*target.start.command, *target.start.env.values()]) if target.start else ""

    def value(field: str) -> str:
        match target.run.credential:
            case "fixed":
                return default_secret(field)
            case "per-seed":
                return default_secret(field, by_seed)
            case "per-run":
                return default_secret(field, by_run)
        group, _, core = field.partition(".")
        asked = f"{{{group}s}}" if core else f"{{{group}}}"
        return default_secret(field, by_run if asked in told else "")

    return value


def default_secret(field: str, mark: str = "") -> str:
    """The test value of a secret that target.toml does not give, so that a product can be set up before the first run.

    Another ``mark`` gives another value.
    """
    end = hmac.new(mark.encode(), field.encode(), hashlib.sha256).hexdigest()[:8] if mark else "0000"
    return f"test-{field.replace('_', '-')}-{end}"


def start_clock(reference: date) -> datetime:
    """The world's clock at the start: real time of day on the reference date, so that a black box agrees with it."""
    clock = datetime.now(JST)
    return clock.replace(year=reference.year, month=reference.month, day=reference.day).astimezone(UTC)


class ProductSettings(BaseModel):
    """Values to set, without and with the secrets (``secrets`` is never written to disk)."""

    model_config = ConfigDict(frozen=True)

    plain: dict[str, str]
    secrets: dict[str, str]

    @classmethod
    def of(
        cls,
        endpoints: Endpoints,
        target: Target,
        keys: Keys,
        dantai_code: str,
        plan: Plan,
        run_dir: Path,
        overlay: Path | None,
    ) -> Self:
        plain = {
            "run_dir": str(run_dir),
            "dantai_code": dantai_code,
            "download_url": endpoints.download_url,
            "download_ca_file": str(endpoints.dl_ca_file),
            "proxy_url": endpoints.relay_url,
            "link_url": endpoints.link_url,
            "atena_urls": ",".join(f"{core}={url}" for core, url in endpoints.atena_urls.items()),
            "procedures": ",".join(target.run.procedures),
            "core_systems": ",".join(endpoints.atena_urls),
            "profile": target.profile.name,
            "profile_overlay": str(overlay.resolve()) if overlay else "",
            "clock": start_clock(plan.reference_date).isoformat(),
        }
        secret = {
            "download_account": keys.download_account,
            "download_secret": keys.download_secret,
            "link_api_key": keys.link_api_key,
            "atena_api_keys": ",".join(f"{core}={key}" for core, key in keys.atena.items()),
            "handover_api_keys": ",".join(f"{core}={key}" for core, key in keys.handover.items()),
            "control_token": keys.control_token,
            "screen": keys.screen,
        }
        return cls(plain=plain, secrets=secret)

    def values(self) -> dict[str, str]:
        return {**self.plain, **self.secrets}
