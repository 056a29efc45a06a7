"""squid.conf from relay.toml: the same permissions, never wider, and the same keys in the log."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from reference_impl.relay import __main__ as relay
from reference_impl.relay.access_log import Entry
from reference_impl.relay.config import parse
from reference_impl.relay.squid import hosts_file, squid_conf

POLICY = {
    "listen": "127.0.0.1:3128",
    "source_address": "127.0.30.1",
    "clients": ["10.1.0.5/32"],
    "allow": [{"fqdn": "DL.example.lgwan.jp.", "port": 443}, {"fqdn": "other.lgwan.jp", "port": 8443}],
    "hosts": {"dl.example.lgwan.jp": "127.0.20.1"},
}


def access(conf: str) -> list[str]:
    return [line for line in conf.splitlines() if line.startswith("http_access")]


def test_each_name_has_its_own_port_and_the_rest_is_denied() -> None:
    conf = squid_conf(parse(POLICY), "/var/log/squid/relay.log")
    assert access(conf) == [
        "http_access deny !CONNECT",
        "http_access deny manager",
        "http_access deny !application_management",
        "http_access allow CONNECT application_management name_1 port_1",
        "http_access allow CONNECT application_management name_2 port_2",
        "http_access deny all",
    ]
    for line in ("acl name_1 dstdomain -n dl.example.lgwan.jp", "acl port_2 port 8443", "http_port 127.0.0.1:3128"):
        assert line in conf.splitlines()
    assert hosts_file(parse(POLICY)) == "127.0.20.1 dl.example.lgwan.jp\n"


@pytest.mark.parametrize("missing", ["clients", "allow"])
def test_nothing_listed_lets_nothing_pass(missing: str) -> None:
    conf = squid_conf(parse({key: value for key, value in POLICY.items() if key != missing}), "/dev/null")
    assert not any("allow" in line for line in access(conf))
    assert access(conf)[-1] == "http_access deny all"


def test_log_line_has_the_keys_of_the_embedded_relay() -> None:
    conf = squid_conf(parse(POLICY), "/dev/null")
    (line,) = [line for line in conf.splitlines() if line.startswith("logformat relay ")]
    assert list(json.loads(line.removeprefix("logformat relay "))) == [one.name for one in fields(Entry)]


def test_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "relay.toml"
    file.write_text('listen = "[::1]:3128"\n', encoding="utf-8")
    assert relay.main(["--config", str(file), "--squid", "/dev/null"]) == 0
    assert "http_port [::1]:3128" in capsys.readouterr().out
