"""A 連携サーバ that is no proxy, as small as can be: it fetches from the download function by itself, again and again.

The product that proves that such a relay can come out 適合; ``--also`` makes it contact one more end, which it must not.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import time

PAUSE_SECONDS = 0.3
CALL_SECONDS = 3.0
MOST_ROUNDS = 10_000


def fetch(host: str, port: int) -> bytes:
    """One connection to ``host``; what a real product would do inside TLS is of no interest to the network."""
    with socket.create_connection((host, port), timeout=CALL_SECONDS) as made:
        made.sendall(b"\x16\x03\x01\x00\x00")
        made.shutdown(socket.SHUT_WR)
        made.settimeout(CALL_SECONDS)
        return made.recv(64)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="store-and-forward")
    parser.add_argument("source", help="FQDN:port")
    parser.add_argument("--also", default="")
    options = parser.parse_args(words)
    for _ in range(MOST_ROUNDS):
        for end in filter(None, (options.source, options.also)):
            host, _, port = end.rpartition(":")
            with contextlib.suppress(OSError):  # the next round tries again, as a poller does
                fetch(host, int(port))
        time.sleep(PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
