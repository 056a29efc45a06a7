"""What a squid.conf needs of the Squid that is installed: Debian's plain ``squid`` is built without OpenSSL."""

from __future__ import annotations

import re
import subprocess

VERSION_SECONDS = 10
NEEDS_OPENSSL = re.compile(
    r"^(?:ssl_bump\b|sslcrtd_|sslproxy_|(?:http|https)_port\b.*\bssl-bump\b|acl\s+\S+\s+at_step\b)"
)
"""Lines that only a Squid with OpenSSL understands (squid.conf.documented: "requires OpenSSL")."""


def needs_openssl(conf: str) -> str:
    """The first line of a squid.conf that only a Squid with OpenSSL understands; "" when there is none."""
    return next((line.strip() for line in conf.splitlines() if NEEDS_OPENSSL.match(line.strip())), "")


def has_openssl(squid: str) -> bool:
    """Whether this Squid (path of the program) says that it was built with OpenSSL."""
    done = subprocess.run([squid, "-v"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False)
    return "--with-openssl" in done.stdout


def lacking(squid: str, conf: str) -> str:
    """Why ``squid`` cannot run ``conf``: one sentence, Japanese / English, with what to install; "" when it can."""
    line = needs_openssl(conf)
    if not line or has_openssl(squid):
        return ""
    word = "ssl-bump" if "_port" in line.split()[0] else line.split()[0]
    return (
        f"squid.conf の {word}（トンネルの中を見る設定）には OpenSSL 付きの Squid が要るが、この機械の Squid には無い"
        "（apt-get install squid-openssl）"
        f" / {word} in squid.conf needs a Squid built with OpenSSL, and the one here is not: install squid-openssl"
    )
