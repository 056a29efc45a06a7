"""relay.toml of the embedded relay for the same policy."""

from __future__ import annotations

from interface_spec.policy import Policy


def relay_toml(policy: Policy, log_file: str, ready_file: str) -> str:
    """The embedded relay listens on the relay's IPv4 address; names are resolved by the machine's resolver."""
    relay = policy.host[policy.the("relay")]
    sources = [policy.host[name] for name in (policy.the("am"), *policy.core_sources)]
    clients = ", ".join(f'"{one.v4}/32"' for one in sources)
    return f"""listen = "{relay.v4}:{policy.service.proxy_port}"
log_file = "{log_file}"
ready_file = "{ready_file}"
clients = [{clients}]

[[allow]]
fqdn = "{policy.service.fqdn}"
port = {policy.service.port}

[limits]
connect_seconds = 3.0
head_seconds = 3.0
"""
