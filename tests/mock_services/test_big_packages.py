"""Big ZIPs go through the world piece by piece: up, down, into the record, and cut off on their way."""

from __future__ import annotations

import hashlib
import os
import ssl
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx

from mock_services.download.packages import HELD, OnDisk, Spool
from mock_services.models import Fault
from tests.mock_services.support import START, Process, in_process, meta, process

SIZE = 48 * 1024 * 1024


def parts(size: int) -> Iterator[bytes]:
    piece = os.urandom(64 * 1024)
    for _ in range(size // len(piece)):
        yield piece


def peak_rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) * 1024


def by_address(world: Process) -> httpx.Client:
    """A client that trusts the world's authority; names resolve at the relay only."""
    context = ssl.create_default_context(cafile=world.endpoints.dl_ca_file)
    context.check_hostname = False
    return httpx.Client(verify=context, trust_env=False, timeout=60)


def test_a_big_package_never_stands_in_memory(tmp_path: Path) -> None:
    digest = hashlib.sha256()

    def counted() -> Iterator[bytes]:
        for piece in parts(SIZE):
            digest.update(piece)
            yield piece

    with process(tmp_path) as world, by_address(world) as client:
        before = peak_rss(world.child.pid)
        put = client.put(
            f"{world.endpoints.control_url}/world/v1/application",
            params=meta(1, received_at=START, arrived_at=START).model_dump(mode="json", exclude_none=True),
            content=counted(),
        )
        assert put.status_code == 204
        base = f"https://{world.endpoints.download_address}"
        token = client.post(
            f"{base}/api/v1/login", json={"dantaiCode": "999997", "account": "city", "secret": "open sesame"}
        )
        client.headers["Authorization"] = f"Bearer {token.json()['accessToken']}"
        got, size = hashlib.sha256(), 0
        with client.stream("GET", f"{base}/api/v1/applications/R0001/package") as answer:
            assert answer.headers["Content-Length"] == str(SIZE)
            assert answer.headers["X-Content-SHA256"] == digest.hexdigest()
            for piece in answer.iter_bytes():
                got.update(piece)
                size += len(piece)
        assert (size, got.hexdigest()) == (SIZE, digest.hexdigest())
        assert peak_rss(world.child.pid) - before < SIZE // 3
        recorded = world.client.exchanges()[-1]
        assert (recorded.response_body.size, recorded.response_body.sha256) == (SIZE, digest.hexdigest())
        kept = world.run_dir / "bodies" / digest.hexdigest()
        assert kept.stat().st_size == SIZE


def test_a_big_package_is_cut_off_and_recorded_as_far_as_it_went(tmp_path: Path) -> None:
    with process(tmp_path) as world, by_address(world) as client:
        data = os.urandom(2 * HELD)
        world.client.load_application(meta(1, received_at=START, arrived_at=START), data)
        base = f"https://{world.endpoints.download_address}"
        token = client.post(
            f"{base}/api/v1/login", json={"dantaiCode": "999997", "account": "city", "secret": "open sesame"}
        )
        client.headers["Authorization"] = f"Bearer {token.json()['accessToken']}"
        world.client.set_faults([Fault(name="truncate", params={"bytes": HELD + 7}, times=1)])
        try:
            client.get(f"{base}/api/v1/applications/R0001/package")
        except httpx.RemoteProtocolError:
            pass
        else:
            raise AssertionError("the body was whole")
        recorded = world.client.exchanges()[-1]
        assert recorded.fault == "truncate"
        assert recorded.response_body.sha256 == hashlib.sha256(data[: HELD + 7]).hexdigest()
        assert world.client.body(recorded.response_body.sha256) == data[: HELD + 7]


def test_a_spool_holds_what_is_small_and_leaves_nothing_when_dropped(tmp_path: Path) -> None:
    small = Spool(tmp_path)
    small.write(b"PK")
    assert (small.done().read(), list(tmp_path.iterdir())) == (b"PK", [])
    tracemalloc.start()
    big = Spool(tmp_path)
    for piece in parts(8 * HELD):
        big.write(piece)
    done = big.done()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(done, OnDisk)
    assert (done.size, done.path.stat().st_size) == (8 * HELD, 8 * HELD)
    assert peak < 4 * HELD
    broken = Spool(tmp_path / "other")
    for piece in parts(2 * HELD):
        broken.write(piece)
    broken.drop()
    assert list((tmp_path / "other").iterdir()) == []


def test_content_faults_reach_a_big_package_too(tmp_path: Path) -> None:
    world = in_process(tmp_path)
    spool = Spool(tmp_path / "packages")
    for piece in parts(2 * HELD):
        spool.write(piece)
    world.world.load_application(meta(1), spool.done())
    world.world.set_faults([Fault(name="wrong-digest")])
    answer = world.logged_in().get("/api/v1/applications/R0001/package")
    world.world.recorder.close()
    assert answer.headers["X-Content-SHA256"] != hashlib.sha256(answer.content).hexdigest()
    assert len(answer.content) == 2 * HELD
