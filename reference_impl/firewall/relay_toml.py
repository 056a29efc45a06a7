"""relay.toml of the embedded relay for the same policy."""

from __future__ import annotations

from interface_spec.policy import Policy


def relay_toml(policy: Policy, log_file: str, ready_file: str, *, listed: bool = True) -> str:
    """The embedded relay listens on the relay's address of the first family; the listed name is pinned, so no DNS can turn it inward.

    Without ``listed`` the allow-list is empty.
    """
    relay = policy.host[policy.the("relay")]
    target = policy.host[policy.the("download")]
    sources = [policy.host[name] for name in (policy.the("am"), *policy.core_sources)]
    family, size = policy.main_family, 32 if policy.main_family == "v4" else 128
    clients = ", ".join(f'"{one.address(family)}/{size}"' for one in sources)
    listen = relay.address(family) if family == "v4" else f"[{relay.address(family)}]"
    allow = f'[[allow]]\nfqdn = "{policy.service.fqdn}"\nport = {policy.service.port}\n' if listed else ""
    return f"""listen = "{listen}:{policy.service.proxy_port}"
log_file = "{log_file}"
ready_file = "{ready_file}"
clients = [{clients}]

{allow}
[hosts]
"{policy.service.fqdn}" = "{target.address(family)}"

[limits]
connect_seconds = 3.0
head_seconds = 3.0
"""
