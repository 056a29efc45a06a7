"""How a relay is started with one of its mutants in it, or without."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.firewall.start import ModuleCommand
from interface_spec.policy import Policy
from testbed.mutants.relay.code import CODE

RELAY_MODULE = "reference_impl.relay"
STORE_MODULE = "testbed.mutants.relay.store_and_forward"
LAUNCH_MODULE = "testbed.mutants.relay.launch"


def relay_command(code: str, kind: str, policy: Policy, module_command: ModuleCommand) -> Sequence[str]:
    """The words that start the relay with mutant ``code`` in it; "" and "correct" start it as it is."""
    config = ("--config", "{dir}/relay.toml")
    if kind == "store-and-forward":
        ends = {
            "": [],
            "also-other": ["--also", f"{policy.host[policy.hosts_of('other-lgwan')[0]].v4}:{policy.service.port}"],
            "pushes-inward": ["--also", f"{policy.host[policy.the('am')].v4}:{policy.service.port}"],
        }[code]
        return module_command(STORE_MODULE, f"{policy.service.fqdn}:{policy.service.port}", *ends)
    if code == "survives":
        words = " ".join(f"'{one}'" for one in module_command(RELAY_MODULE, *config))
        return ["sh", "-c", f"setsid -f {words}; exec sleep 600"]
    if code == "once":
        words = " ".join(f"'{one}'" for one in module_command(RELAY_MODULE, *config))
        return ["sh", "-c", f"mkdir '{{dir}}/lock' || exit 1; exec {words}"]
    if code == "falls-back":
        words = " ".join(f"'{one}'" for one in module_command(RELAY_MODULE, *config))
        open_ = module_command(LAUNCH_MODULE, "empty-allows-all", RELAY_MODULE, "--config", "{dir}/fallback.toml")
        spare = "grep -v -e allow -e '^fqdn' -e '^port' '{dir}/relay.toml' > '{dir}/fallback.new'"
        keep = f"grep -q listen '{{dir}}/relay.toml' && {spare} && mv '{{dir}}/fallback.new' '{{dir}}/fallback.toml'"
        return ["sh", "-c", f"{keep}; {words} || " + " ".join(f"'{one}'" for one in open_)]
    if code in CODE:
        return module_command(LAUNCH_MODULE, code, RELAY_MODULE, *config)
    return module_command(RELAY_MODULE, *config)
