"""`--image` against a real Docker Engine: the bundled product as a container beside the simulated systems.

The image is made here, of the Python that runs the tests and the packages that the product needs: nothing is fetched.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import docker
import docker.errors
import pytest
from packaging.requirements import Requirement

from conformance.engine.container import LABEL
from testbed.postgres import embedded_server
from testbed.reference import CONTROL_TOKEN, SCREEN_LOGIN, STAFF_PASSWORD, STAFF_PASSWORD_NAME, write_target
from tests.testbed.cli_runs import environment, results_in, run_folder, shinsei

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "shinsei-testbed-reference:test"
PYTHON = "/opt/python/bin/python3"


OLDEST = "1.41"
"""API version of the Engine of Debian 12; given, so that making a client asks nobody."""


def answers() -> bool:
    """Whether a Docker Engine is there. The library leaves a socket open when nothing listens, so we knock first."""
    scheme, _, place = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knock:
            if knock.connect_ex(place):
                return False
    with closing(docker.DockerClient.from_env(version=OLDEST)) as client:
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not answers(), reason="Docker Engine が応答しない（DOCKER_HOST） / no Docker Engine answers"),
]


def needed(name: str, found: dict[str, Distribution]) -> None:
    """Adds the distribution ``name`` and all that it requires here."""
    with suppress(PackageNotFoundError):
        one = distribution(name)
        if found.setdefault(one.name, one) is not one:
            return
        for text in one.requires or ():
            requirement = Requirement(text)
            if (
                requirement.marker is None
                or requirement.marker.evaluate({"extra": ""})
                or requirement.name.startswith("psycopg")
            ):
                needed(requirement.name, found)


def libraries(files: list[Path]) -> set[Path]:
    """What the dynamic linker loads for these files."""
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    return {Path(one) for one in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE)}


def root_file_system() -> bytes:
    """A tar of a Python, the product's packages and the product."""
    out = io.BytesIO()
    base = Path(sys.base_prefix)
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    packages: dict[str, Distribution] = {}
    needed("shinsei-testbed", packages)
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(Path(sys.executable).resolve(), PYTHON)
        for path in stdlib.rglob("*"):
            parts = path.relative_to(stdlib).parts
            if path.is_file() and not {"site-packages", "test", "__pycache__"} & set(parts):
                tar.add(path, f"/opt/python/lib/{stdlib.name}/{'/'.join(parts)}")
        for one in packages.values():
            for file in one.files or ():
                real = Path(str(one.locate_file(file))).resolve()
                if ".." not in file.parts and real.is_file() and "postgres" not in one.name.replace("psycopg", ""):
                    tar.add(real, f"/app/{file}")
        for folder in ("interface_spec", "reference_impl"):
            tar.add(ROOT / folder, f"/app/{folder}")
        objects = [Path(sys.executable).resolve(), *stdlib.rglob("lib-dynload/*.so")]
        objects += [
            Path(str(one.locate_file(file)))
            for one in packages.values()
            for file in one.files or ()
            if ".so" in file.name
        ]
        for library in libraries([one for one in objects if one.is_file()]):
            if Path(sys.prefix) not in library.parents:
                tar.add(library.resolve(), str(library))
        for name, mode in (("tmp", 0o1777), ("etc", 0o755)):
            folder_info = tarfile.TarInfo(name)
            folder_info.type, folder_info.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder_info)
    assert base in stdlib.parents
    return out.getvalue()


@pytest.fixture(scope="module")
def image() -> Iterator[docker.DockerClient]:
    with closing(docker.DockerClient.from_env(version=OLDEST, timeout=300)) as client:
        changes = [
            f'CMD ["{PYTHON}", "-m", "reference_impl.shinsei_kanri", "serve"]',
            "ENV PYTHONPATH=/app PYTHONHOME=/opt/python LD_LIBRARY_PATH=" + str(Path(sys.base_prefix) / "lib"),
            "WORKDIR /app",
        ]
        client.api.import_image_from_data(root_file_system(), *IMAGE.split(":"), changes=changes)
        yield client
        client.images.remove(IMAGE, force=True)


@contextmanager
def over_tcp(path: str) -> Iterator[int]:
    """A port of this machine that leads to the socket ``path``: the database is a socket, which a container does not see."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while piece := source.recv(65536):
                    sink.sendall(piece)
            for one in (source, sink):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        def both(inside: socket.socket) -> None:
            with inside, socket.socket(socket.AF_UNIX) as database:
                database.connect(path)
                back = threading.Thread(target=pump, args=(database, inside))
                back.start()
                pump(inside, database)
                back.join()

        def serve() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    threads.append(threading.Thread(target=both, args=(listener.accept()[0],)))
                    threads[-1].start()

        threads = [threading.Thread(target=serve)]
        threads[0].start()
        yield listener.getsockname()[1]
        stop.set()
        for one in threads:
            one.join()


def target_for(folder: Path, port: int, database: str) -> dict[str, str]:
    """target.toml without a command: the image is named on the command line. The variables that it refers to."""
    file = write_target(folder)
    text = re.sub(
        r"(?m)^command = .*\n", 'image = "named.on/the-command-line"\n', file.read_text(encoding="utf-8"), count=1
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/{database}"
    added = f'[start.env]\nSHINSEI_AM_DATABASE_URL = "{url}"\n{STAFF_PASSWORD_NAME} = "{STAFF_PASSWORD}"\n'
    text = re.sub(r"(?m)^profile_overlay.*\n", "", text).replace("[start.env]\n", added, 1)
    file.write_text(re.sub(r"(?m)^ready_timeout_seconds.*$", "ready_timeout_seconds = 90", text), encoding="utf-8")
    return {CONTROL_TOKEN: "container-control-77", SCREEN_LOGIN: f"shokuin:{STAFF_PASSWORD}"}


def test_the_bundled_product_passes_as_a_container(image: docker.DockerClient, tmp_path: Path) -> None:
    with embedded_server() as server:
        url = urlsplit(server.create_database("container"))
        sockets = parse_qs(url.query)["host"][0]
        with over_tcp(f"{sockets}/.s.PGSQL.5432") as port:
            extra = target_for(tmp_path, port, url.path.lstrip("/"))
            host = environment(extra | docker_environment())
            image.containers.create(IMAGE, labels={LABEL: "2147483647"})  # of a run whose process is gone
            done = shinsei("check", "am", "--target", "target.toml", "--image", IMAGE, cwd=tmp_path, env=host)
    results = results_in(tmp_path / "out")
    assert results["troubles"] == [], done.stdout
    assert {one["id"]: one["verdict"] for one in results["checks"] if one["verdict"] != "PASS"} == {}
    assert done.returncode == 0
    assert image.containers.list(all=True, filters={"label": LABEL}) == []
    log = (run_folder(tmp_path / "out") / "product.log").read_text(encoding="utf-8")
    assert log
    assert "container-control-77" not in log + json.dumps(results)


def test_an_image_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    extra = target_for(tmp_path, 1, "none") | docker_environment()
    done = shinsei("check", "am", "--target", "target.toml", "--image", "no-such.invalid/x:1", cwd=tmp_path, env=extra)
    assert done.returncode == 2
    assert "start.image" in done.stdout
    assert "no-such.invalid/x:1" in done.stdout


def docker_environment() -> dict[str, str]:
    """How the Engine is reached, as the tests reach it."""
    return {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
