"""squid.conf for the same relay.toml: the same clients, names, ports and addresses, and a JSON log line with the same keys."""

from __future__ import annotations

import json

from reference_impl.relay.config import RelayConfig

_LOG = {
    "at": "%{%Y-%m-%dT%H:%M:%S}tg.%03tu+00:00",
    "client": "%>a",
    "method": "%#rm",
    "target": "%#ru",
    "host": "%#>rd",
    "port": "%>rP",
    "verdict": "%Ss",
    "reason": "%#err_code",
    "status": "%>Hs",
    "bytes_up": "%>st",
    "bytes_down": "%<st",
}
"""The keys of `access_log.Entry`. Squid writes every value as text, its own word as the verdict, and counts headers too."""


def squid_conf(config: RelayConfig, log_file: str) -> str:
    """The configuration as text. CONNECT only; without clients or names nothing passes, as in the embedded relay.

    One pair of FQDN and port is one rule: a port that is listed with one name opens no other name.
    """
    host = f"[{config.listen_host}]" if ":" in config.listen_host else config.listen_host
    lines = [
        "# 連携サーバ（プロキシ）: relay.toml から生成 / generated from relay.toml",
        f"http_port {host}:{config.listen_port}",
        "visible_hostname relay.invalid",
        "pid_filename none",
        "",
        "acl CONNECT method CONNECT",
        "http_access deny !CONNECT",
        "http_access deny manager",
    ]
    if config.clients:
        lines.append("acl application_management src " + " ".join(map(str, config.clients)))
        lines.append("http_access deny !application_management")
        for number, (name, port) in enumerate(sorted(config.allow), 1):
            lines += [
                f"acl name_{number} dstdomain -n {name}",
                f"acl port_{number} port {port}",
                f"http_access allow CONNECT application_management name_{number} port_{number}",
            ]
    lines.append("http_access deny all")
    if config.source_address is not None:
        lines.append(f"tcp_outgoing_address {config.source_address}")
    limits = config.limits
    lines += [
        "",
        f"connect_timeout {_seconds(limits.connect_seconds)}",
        f"request_start_timeout {_seconds(limits.head_seconds)}",
        f"read_timeout {_seconds(limits.idle_seconds)}",
        f"request_header_max_size {limits.head_bytes} bytes",
        "connect_retries 0",
        "",
        f"logformat relay {json.dumps(_LOG, separators=(',', ':'))}",
        f"access_log stdio:{log_file} logformat=relay",
        "cache deny all",
        "via off",
        "forwarded_for delete",
        "httpd_suppress_version_string on",
        "shutdown_lifetime 0 seconds",
        "pinger_enable off",
        "netdb_filename none",
    ]
    return "\n".join(lines) + "\n"


def hosts_file(config: RelayConfig) -> str:
    """``[hosts]`` of relay.toml in the form of /etc/hosts, for Squid's ``hosts_file``: no DNS can turn a name elsewhere."""
    return "".join(f"{address} {name}\n" for name, address in sorted(config.hosts.items()))


def _seconds(value: float) -> str:
    return f"{max(round(value), 1)} seconds"
