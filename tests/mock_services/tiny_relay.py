"""A CONNECT relay of a few lines, so that the world's tests depend on no product. Not a model for a real one."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import Any


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError as error:
        sys.stderr.write(f"{type(error).__name__}\n")
    finally:
        sink.close()


async def main(config: dict[str, Any]) -> None:
    allowed = {f"{one['fqdn']}:{one['port']}" for one in config["allow"]}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        verdict = "allow" if method == "CONNECT" and target in allowed else "deny"
        try:
            with Path(config["log_file"]).open("a", encoding="utf-8") as log:
                log.write(json.dumps({"method": method, "target": target, "verdict": verdict}) + "\n")
        except OSError:  # what cannot be logged does not pass
            writer.close()
            return
        if verdict == "deny":
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = target.rpartition(":")
        up_reader, up_writer = await asyncio.open_connection(
            config["hosts"][host], int(port), local_addr=(config["source_address"], 0)
        )
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))

    host, _, port = config["listen"].rpartition(":")
    server = await asyncio.start_server(serve, host, int(port))
    listen = "{}:{}".format(*server.sockets[0].getsockname())
    ready = Path(config["ready_file"])
    unfinished = ready.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"listen": listen}), encoding="utf-8")
    unfinished.replace(ready)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
