"""``python -m shinsei_testbed run reference_impl.relay --config relay.toml``: run until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from reference_impl.relay import config as configuration
from reference_impl.relay.access_log import AccessLog
from reference_impl.relay.server import Relay
from reference_impl.relay.squid import squid_conf


async def run(config: configuration.RelayConfig) -> None:
    """Serve until told to stop; raises ConfigError when the address or the log file cannot be had."""
    try:
        log = AccessLog(config.log_file, lambda: datetime.now(UTC), sys.stderr)
    except OSError as error:
        raise configuration.ConfigError("log_file", f"書き込めません / cannot write ({error.strerror})") from None
    relay = Relay(config, log)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await relay.start()
    except OSError as error:
        raise configuration.ConfigError(
            "listen",
            f"{config.listen_host}:{config.listen_port} で待ち受けできません（使用中か、ready_file に書けません） / "
            f"cannot listen or write ready_file: the port may be in use ({error.strerror})",
        ) from None
    await stopped.wait()
    await relay.stop()


def main(arguments: list[str]) -> int:
    """0 after an orderly stop, 2 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="relay", description="連携サーバ / relay (CONNECT proxy)")
    parser.add_argument("--config", type=Path, required=True, help="relay.toml")
    parser.add_argument(
        "--squid", metavar="LOG_FILE", help="起動せず、同じ方針の squid.conf を出力 / print squid.conf instead"
    )
    options = parser.parse_args(arguments)
    try:
        config = configuration.load(options.config)
        if options.squid:
            sys.stdout.write(squid_conf(config, options.squid))
            return 0
        asyncio.run(run(config))
    except configuration.ConfigError as error:
        sys.stderr.write(f"連携サーバの設定 / relay configuration: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
