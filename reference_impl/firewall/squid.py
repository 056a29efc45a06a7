"""squid.conf of the 連携サーバ: CONNECT only, from the application management system only, to the listed FQDN and port only."""

from __future__ import annotations

from interface_spec.policy import Policy


def squid_conf(policy: Policy, *, listed: bool = True) -> str:
    """The configuration as text. Squid's own folders (/var/log/squid, /run) are the machine's.

    Without ``listed`` the list of names is empty.
    """
    relay = policy.host[policy.the("relay")]
    sources = [policy.host[name] for name in (policy.the("am"), *policy.core_sources)]
    clients = " ".join(one.address(family) for one in sources for family in policy.families)
    resolvers = " ".join(
        policy.host[flow.destination].address(family)
        for flow in policy.flow
        if flow.source == policy.the("relay") and policy.host[flow.destination].role == "lgwan-dns"
        for family in policy.families
        if flow.protocol[0] == "udp"
    )
    inner = " ".join(
        str(zone.v4 if family == "v4" else zone.v6)
        for zone in policy.zone.values()
        if zone.kind in ("mynum", "conn", "transit")
        for family in policy.families
    )
    listen = "\n".join(
        f"http_port {relay.v4}:{policy.service.proxy_port}"
        if family == "v4"
        else f"http_port [{relay.v6}]:{policy.service.proxy_port}"
        for family in policy.families
    )
    name = f" {policy.service.fqdn}" if listed else ""
    return f"""# 連携サーバ（プロキシ）: {policy.ja}
{listen}
visible_hostname relay.invalid
dns_nameservers {resolvers}
pid_filename none

acl application_management src {clients}
acl download_function dstdomain -n{name}
acl service_port port {policy.service.port}
acl CONNECT method CONNECT
acl inner dst {inner} 127.0.0.0/8 ::1

http_access deny !CONNECT
http_access deny manager
http_access deny !application_management
http_access deny !service_port
# Only now is the listed name looked up: an answer that points inward is refused (rebinding).
http_access deny !download_function
http_access deny inner
http_access allow CONNECT application_management service_port download_function
http_access deny all

cache deny all
cache_log /var/log/squid/cache.log
access_log stdio:/var/log/squid/access.log squid
logfile_rotate 0
via off
forwarded_for delete
httpd_suppress_version_string on
reply_header_access X-Squid-Error deny all
connect_timeout 3 seconds
connect_retries 0
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
coredump_dir /var/log/squid
"""
