"""tools/bootstrap.py with a fake uv and a package index on loopback."""

from __future__ import annotations

import ast
import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools import bootstrap

SOURCE = Path(bootstrap.__file__)
FILENAME = "uv-9.9.9-py3-none-any.whl"
FAKE_UV = """#!/bin/sh
case "$1" in --version) echo "uv {version} (fake)"; exit 0;; esac
echo "$@" >> uv.log
env > uv.env
if [ -e uv.fails ]; then echo "error: no space left" >&2; exit 1; fi
mkdir -p .venv/bin
ln -sf {python} .venv/bin/python
echo half > .venv/left-over
if [ -e uv.kills ]; then rm uv.kills; kill -9 $PPID; exit 1; fi
if [ -e uv.sleeps ]; then sleep 0.3; fi
rm .venv/left-over
"""


def fake_uv(version: str = "9.9.9") -> str:
    return FAKE_UV.format(version=version, python=sys.executable)


def fake_wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("uv-9.9.9.data/scripts/uv"), fake_uv())
        archive.writestr(zipfile.ZipInfo("uv-9.9.9.data/scripts/uvx"), "not this one")
    return buffer.getvalue()


@dataclass
class Index:
    """A package index: what it serves by path, and the paths that it was asked for."""

    url: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    broken: int = 0
    password: str = ""
    asked: list[str] = field(default_factory=list)


def serve(index: Index, context: ssl.SSLContext | None = None) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            kind, body = index.pages.get(self.path, ("", b""))
            if index.password and self.headers["Authorization"] != index.password:
                kind = "closed"
            if index.broken:
                index.broken -= 1
                kind = "broken"
            self.send_response({"": 404, "broken": 503, "closed": 401}.get(kind, 200))
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            assert args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    index.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}/simple"
    index.pages["/files/" + FILENAME] = ("application/zip", fake_wheel())
    listing = {"files": [{"filename": FILENAME, "url": "../../files/" + FILENAME, "hashes": {}}]}
    index.pages["/simple/uv/"] = ("application/vnd.pypi.simple.v1+json", json.dumps(listing).encode())
    return server


@pytest.fixture
def index() -> Iterator[Index]:
    served = Index()
    with serve(served) as server:
        yield served
        server.shutdown()


@dataclass
class Copy:
    """A checkout of nothing but the bootstrap and its inputs."""

    root: Path
    path: str = ""

    def start(self, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-S", "tools/bootstrap.py"],
            cwd=self.root,
            env={"PATH": self.path + os.pathsep + os.defpath, "HOME": str(self.root), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **environment: str) -> tuple[int, str]:
        process = self.start(**environment)
        out, err = process.communicate(timeout=60)
        assert out == ""
        return process.returncode, err

    def put_uv_on_path(self, version: str = "9.9.9") -> None:
        folder = self.root / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "uv").write_text(fake_uv(version))
        (folder / "uv").chmod(0o755)
        self.path = str(folder)

    @property
    def calls(self) -> list[str]:
        """The commands that uv was given so far."""
        log = self.root / "uv.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def uv_environment(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.root / "uv.env").read_text().splitlines() if "=" in line)


@pytest.fixture
def checkout(tmp_path: Path) -> Copy:
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    shutil.copy2(SOURCE, root / "tools" / "bootstrap.py")
    (root / "uv.lock").write_text("version = 1\n")
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    pin(root, hashlib.sha256(fake_wheel()).hexdigest())
    return Copy(root)


def pin(root: Path, sha256: str, platform: str | None = None) -> None:
    pins = f'version = "9.9.9"\n[wheels.{platform or bootstrap.platform_name()}]\nfilename = "{FILENAME}"\n'
    (root / "tools" / "uv-wheels.toml").write_text(pins + f'sha256 = "{sha256}"\n')


def assert_nothing_made(checkout: Copy) -> None:
    assert not (checkout.root / ".venv").exists()
    assert not list((checkout.root / ".tools").glob("uv*"))
    assert checkout.calls == []


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_uv_comes_from_the_mirror_and_installs_by_hashes(
    checkout: Copy, index: Index, form: str, variable: str
) -> None:
    if form == "html":
        page = f'<a href="../../files/other.whl">other</a>\n<a data-x="1" href="/files/{FILENAME}#sha256=0">uv</a>'
        index.pages["/simple/uv/"] = ("text/html", page.encode())
    code, said = checkout.run(**{variable: index.url + "/"})
    assert code == 0
    assert "uv 9.9.9 を取得しています" in said
    assert index.asked == ["/simple/uv/", "/files/" + FILENAME]
    assert [call.split()[:2] for call in checkout.calls] == [
        ["export", "--frozen"],
        ["venv", "--allow-existing"],
        ["pip", "sync"],
        ["pip", "install"],
    ]
    assert "--require-hashes" in checkout.calls[2]
    assert checkout.uv_environment["UV_DEFAULT_INDEX"] == index.url


def test_second_run_is_quick_and_quiet(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    assert checkout.run()[0] == 0
    seconds = []
    for _ in range(5):
        started = time.monotonic()
        assert checkout.run() == (0, "")
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.2
    assert len(checkout.calls) == 1


def test_new_enough_uv_on_path_is_used_without_network(checkout: Copy) -> None:
    checkout.put_uv_on_path("10.0.1")
    assert checkout.run()[0] == 0
    (call,) = checkout.calls
    assert call.startswith("sync --frozen --no-build-isolation-package shinsei-testbed --python /")
    assert not list((checkout.root / ".tools").glob("uv-*"))


def test_older_uv_on_path_is_passed_over(checkout: Copy, index: Index) -> None:
    checkout.put_uv_on_path("9.9.8")
    assert checkout.run(PIP_INDEX_URL=index.url)[0] == 0
    assert (checkout.root / ".tools" / "uv-9.9.9").stat().st_mode & 0o777 == 0o755


def test_fetched_uv_is_kept_for_the_next_change(checkout: Copy, index: Index) -> None:
    assert checkout.run(PIP_INDEX_URL=index.url)[0] == 0
    (checkout.root / "uv.lock").write_text("version = 2\n")
    assert checkout.run(PIP_INDEX_URL=index.url)[0] == 0
    assert len(index.asked) == 2
    assert len(checkout.calls) == 8


def test_wrong_hash_stops_before_anything_is_used(checkout: Copy, index: Index) -> None:
    pin(checkout.root, "0" * 64)
    code, said = checkout.run(PIP_INDEX_URL=index.url)
    assert code == 2
    assert "ハッシュ値が一致しません" in said
    assert "hash of the fetched uv does not match" in said
    assert hashlib.sha256(fake_wheel()).hexdigest() in said
    assert_nothing_made(checkout)


def test_refused_network_is_one_clear_sentence(checkout: Copy, index: Index) -> None:
    closed = index.url.replace("/simple", "/gone")
    code, said = checkout.run(PIP_INDEX_URL=closed)
    assert code == 2
    assert "404" in said
    with serve(Index()) as server:
        port = server.server_port
        server.shutdown()
    code, said = checkout.run(PIP_INDEX_URL=f"http://user:secret@127.0.0.1:{port}/simple")
    assert code == 2
    assert "接続できません" in said
    assert "The package index cannot be reached" in said
    assert "refused" in said
    assert "secret" not in said
    assert "Traceback" not in said
    assert_nothing_made(checkout)


def test_passing_trouble_is_tried_again(checkout: Copy, index: Index) -> None:
    index.broken = 1
    assert checkout.run(PIP_INDEX_URL=index.url)[0] == 0
    assert index.asked == ["/simple/uv/", "/simple/uv/", "/files/" + FILENAME]


def test_mirror_with_user_and_password(checkout: Copy, index: Index) -> None:
    index.password = "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert checkout.run(PIP_INDEX_URL=index.url.replace("//", "//user:p%40ss@"))[0] == 0
    assert len(index.asked) == 2


def test_index_without_the_pinned_version(checkout: Copy, index: Index) -> None:
    index.pages["/simple/uv/"] = ("application/vnd.pypi.simple.v1+json", b'{"files": []}')
    code, said = checkout.run(PIP_INDEX_URL=index.url)
    assert code == 2
    assert "指定した版の uv がありません" in said


def test_own_certificate_authority_by_ssl_cert_file(checkout: Copy, tmp_path: Path) -> None:
    certificate, context = self_signed(tmp_path)
    served = Index()
    with serve(served, context) as server:
        code, said = checkout.run(PIP_INDEX_URL=served.url)
        assert code == 2
        assert "証明書を確認できません" in said
        assert "SSL_CERT_FILE" in said
        assert checkout.run(PIP_INDEX_URL=served.url, SSL_CERT_FILE=str(certificate))[0] == 0
        server.shutdown()


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return certificate, context


@pytest.mark.parametrize("obstacle", [".tools", ".tools/bootstrap.lock/x", ".tools/venv-unfinished/x", ".venv"])
def test_file_trouble_is_one_clear_sentence(checkout: Copy, obstacle: str) -> None:
    checkout.put_uv_on_path()
    (checkout.root / obstacle).parent.mkdir(parents=True, exist_ok=True)
    (checkout.root / obstacle).touch()
    code, said = checkout.run()
    assert code == 2
    assert "ファイルを読み書きできません" in said
    assert "Files cannot be read or written" in said
    assert "Traceback" not in said


def test_unknown_platform_names_the_way_out(checkout: Copy) -> None:
    pin(checkout.root, "0" * 64, platform="other-machine")
    code, said = checkout.run()
    assert code == 2
    assert "用の uv がありません" in said
    assert "install uv 9.9.9 or newer" in said


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 10, 13), (2, 7, 18)])
def test_old_python_is_told_so(version: tuple[int, int, int]) -> None:
    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.check_python(version)
    assert "Python 3.11 以上が必要です" in str(caught.value)
    assert ".".join(map(str, version)) in str(caught.value)


def test_new_python_passes_and_a_newer_one_is_found() -> None:
    bootstrap.check_python((3, 11, 0))
    bootstrap.check_python((3, 20))
    assert bootstrap.newer_python(lambda name: f"/x/{name}" if name < "python3.13" else None) == "/x/python3.12"
    assert bootstrap.newer_python(lambda _: None) is None


def test_source_can_be_read_by_older_pythons() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 7))
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert "tomllib" not in top


def change_lock(root: Path) -> Path:
    (root / "uv.lock").write_text("version = 2\n")
    return root


def change_project(root: Path) -> Path:
    (root / "pyproject.toml").write_text("[project]\nname = 'y'\n")
    return root


def lose_interpreter(root: Path) -> Path:
    (root / ".venv" / "bin" / "python").unlink()
    (root / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    return root


def change_python(root: Path) -> Path:
    stamp = root / ".venv" / ".shinsei-stamp"
    stamp.write_text(stamp.read_text().replace(sys.version.split()[0], "3.11.0rc1"))
    return root


def move(root: Path) -> Path:
    return root.rename(root.with_name("moved"))


@pytest.mark.parametrize(
    ("change", "anew"),
    [(change_lock, False), (change_project, False), (lose_interpreter, True), (change_python, True), (move, True)],
)
def test_every_input_counts(checkout: Copy, change: Callable[[Path], Path], anew: bool) -> None:
    checkout.put_uv_on_path()
    assert checkout.run()[0] == 0
    mark = checkout.root / ".venv" / "mark"
    mark.touch()
    checkout.root = change(checkout.root)
    checkout.put_uv_on_path()
    assert checkout.run()[0] == 0
    assert len(checkout.calls) == 2
    assert (checkout.root / ".venv" / "mark").exists() != anew
    assert checkout.run() == (0, "")


def test_killed_run_is_repaired_by_the_next(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    (checkout.root / "uv.kills").touch()
    assert checkout.run()[0] == -9
    assert (checkout.root / ".venv" / "left-over").exists()
    assert checkout.run()[0] == 0
    assert not (checkout.root / ".venv" / "left-over").exists()
    assert checkout.run() == (0, "")


def test_failing_uv_is_reported_and_tried_again_later(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    (checkout.root / "uv.fails").touch()
    code, said = checkout.run()
    assert code == 2
    assert "no space left" in said
    assert "依存パッケージを用意できませんでした" in said
    (checkout.root / "uv.fails").unlink()
    assert checkout.run()[0] == 0


def test_runs_at_the_same_time_do_the_work_once(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    (checkout.root / "uv.sleeps").touch()
    processes = [checkout.start() for _ in range(4)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(checkout.calls) == 1
    assert sum("用意しています" in text for text in said) == 1


def test_variables_of_the_caller_do_not_change_what_is_made(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    hostile = {
        "UV_PROJECT_ENVIRONMENT": "/elsewhere",
        "UV_PYTHON": "3.13",
        "UV_NO_DEV": "1",
        "VIRTUAL_ENV": "/other",
        "PYTHONPATH": "/hostile",
    }
    assert checkout.run(**hostile, UV_HTTP_TIMEOUT="99")[0] == 0
    seen = checkout.uv_environment
    assert seen["UV_PROJECT_ENVIRONMENT"] == str(checkout.root / ".venv")
    assert seen["UV_PYTHON_DOWNLOADS"] == "never"
    assert seen["UV_HTTP_TIMEOUT"] == "99"
    assert not {"UV_PYTHON", "UV_NO_DEV", "VIRTUAL_ENV", "PYTHONPATH"} & set(seen)


@pytest.mark.parametrize("name", ["UV_CACHE_DIR", "UV_LINK_MODE", "UV_HTTP_TIMEOUT", "UV_OFFLINE"])
def test_an_empty_variable_for_uv_counts_as_unset(checkout: Copy, name: str) -> None:
    checkout.put_uv_on_path()
    assert checkout.run()[0] == 0
    without = checkout.uv_environment
    assert checkout.run(**{name: ""})[0] == 0
    assert checkout.uv_environment == without


def test_unwritable_home_gets_a_cache_of_its_own(checkout: Copy) -> None:
    checkout.put_uv_on_path()
    assert checkout.run(HOME=str(checkout.root / "uv.lock"))[0] == 0
    assert checkout.uv_environment["UV_CACHE_DIR"] == str(checkout.root / ".tools" / "cache")


def test_committed_pins_name_every_promised_platform() -> None:
    import tomllib

    pins = tomllib.loads(SOURCE.with_name("uv-wheels.toml").read_text(encoding="utf-8"))
    linux = {f"linux-{machine}-{libc}" for machine in ("x86_64", "aarch64") for libc in ("glibc", "musl")}
    assert set(pins["wheels"]) == linux | {"macos-x86_64", "macos-arm64"}
    assert all(wheel["filename"].startswith(f"uv-{pins['version']}-") for wheel in pins["wheels"].values())
    assert all(len(bytes.fromhex(wheel["sha256"])) == 32 for wheel in pins["wheels"].values())
