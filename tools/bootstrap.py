"""Make .venv with exactly the dependencies of uv.lock (docs/adr/0004); needs Python >= 3.11 and nothing else.

usage: python3 tools/bootstrap.py

Says nothing and returns at once when .venv is up to date. Otherwise it uses uv: from PATH when new enough, else the
wheel pinned in tools/uv-wheels.toml, fetched from the package index and checked by its SHA-256. Mirrors named by
UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL, proxies and SSL_CERT_FILE are honoured. Errors are one sentence in
Japanese and one in English, with exit status 2. Must stay readable by older Pythons, so that they can say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
PYPI = "https://pypi.org/simple"
ATTEMPTS = 3
TIMEOUT_SECONDS = 60
# What a user may decide about uv's work; every other UV_* variable could change what is made.
KEPT_UV_VARIABLES = re.compile(
    r"UV_(CACHE_DIR|NO_CACHE|CONCURRENT_\w+|DEFAULT_INDEX|INDEX|INDEX_\w+|EXTRA_INDEX_URL|HTTP_\w+|REQUEST_TIMEOUT"
    r"|INSECURE_HOST|KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|OFFLINE|LINK_MODE|NO_PROGRESS)"
)


class BootstrapError(Exception):
    """What stops the bootstrap: one sentence in Japanese, one in English, and the technical cause."""

    def __init__(self, japanese: str, english: str, cause: str = "") -> None:
        super().__init__(english)
        self.japanese = japanese
        self.english = english
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.japanese}\n{self.english}" + (f"\n({self.cause})" if self.cause else "")


class Checkout:
    """The files of one checkout that the bootstrap reads and writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.tools = root / ".tools"
        self.stamp = self.venv / ".shinsei-stamp"
        self.unfinished = self.tools / "venv-unfinished"
        self.lock = self.tools / "bootstrap.lock"
        self.pins = root / "tools" / "uv-wheels.toml"

    def wanted_stamp(self) -> str:
        """Return what the stamp of an up-to-date .venv says."""
        digest = hashlib.sha256()
        for name in ("uv.lock", "pyproject.toml"):
            digest.update((self.root / name).read_bytes() + b"\0")
        where = {"root": str(self.root), "python": [sys.version.split()[0], platform.machine()]}
        return json.dumps({"inputs": digest.hexdigest(), **where})

    def is_current(self) -> bool:
        """Tell whether .venv is complete, made for these inputs and has its interpreter."""
        try:
            stamp = self.stamp.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        usable = os.access(self.venv / "bin" / "python", os.X_OK)
        return usable and not self.unfinished.exists() and stamp == self.wanted_stamp()

    def must_start_anew(self) -> bool:
        """Tell whether what .venv holds cannot be trusted: a run was cut short, the folder moved, another Python."""
        if self.unfinished.exists() or not os.access(self.venv / "bin" / "python", os.X_OK):
            return True
        try:
            stamp: dict[str, Any] = json.loads(self.stamp.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False
        wanted: dict[str, Any] = json.loads(self.wanted_stamp())
        return any(stamp.get(key) != wanted[key] for key in ("root", "python"))


def check_python(version: Sequence[int]) -> None:
    """Raise BootstrapError when `version` (major, minor, …) is too old."""
    if tuple(version[:2]) < OLDEST_PYTHON:
        found = ".".join(str(part) for part in version[:3])
        raise BootstrapError(
            f"Python 3.11 以上が必要です（見つかったのは {found}）。PYTHON=python3.11 make setup のように指定してください。",
            f"Python 3.11 or newer is needed (found {found}); name one: PYTHON=python3.11 make setup.",
        )


def newer_python(which: Callable[[str], str | None] = shutil.which) -> str | None:
    """Return the newest interpreter on PATH that is new enough by its name."""
    return next((found for found in map(which, NEWER_PYTHONS) if found), None)


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Let one bootstrap of this checkout work at a time; the lock falls with the process, however it ends."""
    import fcntl

    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("別の準備処理が終わるのを待っています…", "waiting for another bootstrap to finish…")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def bootstrap(checkout: Checkout, environment: Mapping[str, str]) -> None:
    """Bring .venv up to date; raises BootstrapError."""
    if checkout.is_current():
        return
    checkout.tools.mkdir(exist_ok=True)
    with exclusive(checkout.lock):
        if checkout.is_current():
            return
        uv = find_uv(checkout, environment)
        say("Python の依存パッケージを .venv に用意しています…", "preparing the Python dependencies in .venv…")
        anew = checkout.must_start_anew()
        checkout.unfinished.touch()
        if anew and checkout.venv.exists():
            shutil.rmtree(checkout.venv)
        checkout.stamp.unlink(missing_ok=True)
        install(checkout, uv, environment)
        temporary = checkout.stamp.with_suffix(".new")
        temporary.write_text(checkout.wanted_stamp(), encoding="utf-8")
        temporary.replace(checkout.stamp)
        checkout.unfinished.unlink()


def prepare(checkout: Checkout) -> None:
    """Bring .venv up to date for the caller's environment; raises BootstrapError, also for file troubles."""
    try:
        bootstrap(checkout, os.environ)
    except OSError as error:
        raise BootstrapError(
            "ファイルを読み書きできません。自分が書き込める場所に git clone したフォルダーで実行してください。",
            "Files cannot be read or written; run this in a clone of the repository that you may write to.",
            str(error),
        ) from error


def install(checkout: Checkout, uv: str, environment: Mapping[str, str]) -> None:
    """Install the locked dependencies and the checkout itself (editable, built by the locked hatchling)."""
    own = uv_environment(checkout, environment)
    if mirror(environment) is None:
        sync = ["sync", "--frozen", "--no-build-isolation-package", "shinsei-testbed", "--python", sys.executable]
        run_uv([uv, *sync], checkout, own)
        return
    # `uv sync --frozen` fetches from the addresses in uv.lock; by way of hashes the mirror serves the same files.
    requirements = checkout.tools / "requirements.txt"
    export = ["export", "--frozen", "--all-groups", "--no-emit-project", "--quiet", "--output-file", str(requirements)]
    python = str(checkout.venv / "bin" / "python")
    run_uv([uv, *export], checkout, own)
    run_uv([uv, "venv", "--allow-existing", "--python", sys.executable, str(checkout.venv)], checkout, own)
    run_uv([uv, "pip", "sync", "--python", python, "--require-hashes", str(requirements)], checkout, own)
    project = ["--no-deps", "--no-build-isolation", "--editable", str(checkout.root)]
    run_uv([uv, "pip", "install", "--python", python, *project], checkout, own)


def uv_environment(checkout: Checkout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that uv runs in: the caller's, less what would change the result.

    A variable for uv that is empty counts as unset; uv itself refuses most of them.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_")) or KEPT_UV_VARIABLES.fullmatch(name)
        if value or not name.startswith("UV_")
    }
    kept["UV_PROJECT_ENVIRONMENT"] = str(checkout.venv)
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    kept["UV_NO_CONFIG"] = "1"
    index = mirror(environment)
    if index is not None:
        kept["UV_DEFAULT_INDEX"] = index
    cache = Path(kept.get("UV_CACHE_DIR") or kept.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not is_writable(cache):
        kept["UV_CACHE_DIR"] = str(checkout.tools / "cache")
    elif "UV_LINK_MODE" not in kept and device(cache) != device(checkout.root):
        kept["UV_LINK_MODE"] = "copy"
    return kept


def is_writable(folder: Path) -> bool:
    """Tell whether `folder` can be written or made."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def device(folder: Path) -> int:
    """Return the file system that `folder` is or would be on."""
    return next(path for path in (folder, *folder.parents) if path.exists()).stat().st_dev


def run_uv(command: list[str], checkout: Checkout, environment: Mapping[str, str]) -> None:
    """Run uv, its messages shown as they are; raises BootstrapError when it fails."""
    done = subprocess.run(
        command, cwd=checkout.root, env=dict(environment), stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )
    if done.returncode != 0:
        raise BootstrapError(
            "依存パッケージを用意できませんでした（原因は上の uv の表示をご覧ください）。",
            "The dependencies could not be prepared (uv says why above).",
            f"{' '.join(command[1:3])}: exit status {done.returncode}",
        )


def find_uv(checkout: Checkout, environment: Mapping[str, str]) -> str:
    """Return a uv of the pinned version or newer: from PATH, from an earlier run, or fetched now."""
    import tomllib

    pins = tomllib.loads(checkout.pins.read_text(encoding="utf-8"))
    wanted = version_key(pins["version"])
    on_path = shutil.which("uv", path=environment.get("PATH", os.defpath))
    own = checkout.tools / f"uv-{pins['version']}"
    if on_path and (uv_version(on_path) or (0,)) >= wanted:
        return on_path
    if uv_version(str(own)) == wanted:
        return str(own)
    name = platform_name()
    if name not in pins["wheels"]:
        raise BootstrapError(
            f"この環境（{name}）用の uv がありません。uv {pins['version']} 以上を入れてからやり直してください。",
            f"There is no pinned uv for this platform ({name}); install uv {pins['version']} or newer and try again.",
        )
    pin = pins["wheels"][name]
    say(f"uv {pins['version']} を取得しています…", f"fetching uv {pins['version']}…")
    wheel = fetch_wheel(mirror(environment) or PYPI, pin["filename"])
    check_hash(wheel, pin["sha256"], pin["filename"])
    extract_uv(wheel, own)
    return str(own)


def version_key(text: str) -> tuple[int, ...]:
    """Return the numbers of a version such as 0.13.9."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def uv_version(uv: str) -> tuple[int, ...] | None:
    """Return the version that this uv reports, None when it does not run."""
    try:
        done = subprocess.run(
            [uv, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"uv (\d+\.\d+\.\d+)", done.stdout)
    return version_key(found.group(1)) if done.returncode == 0 and found else None


def platform_name() -> str:
    """Return this platform's key in tools/uv-wheels.toml."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        return f"macos-{machine}"
    try:
        is_glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        is_glibc = False
    return f"{sys.platform}-{machine}-{'glibc' if is_glibc else 'musl'}"


def mirror(environment: Mapping[str, str]) -> str | None:
    """Return the package index that the user has named, if any, without a slash at its end."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        value = environment.get(name, "").strip()
        if value:
            url = value.partition("=")[2] if re.match(r"[\w-]+=", value) else value
            return None if url.rstrip("/") == PYPI else url.rstrip("/")
    return None


def fetch_wheel(index: str, filename: str) -> bytes:
    """Find `filename` on the index page of uv (JSON or HTML) and return its bytes; raises BootstrapError."""
    from html import unescape
    from urllib.parse import urljoin, urlsplit

    page = f"{index}/uv/"
    media = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    body, address, kind = download(page, {"Accept": media})
    login = authorization(page)
    if "json" in kind:
        links = [entry["url"] for entry in json.loads(body)["files"] if entry["filename"] == filename]
    else:
        pattern = r"""href\s*=\s*["']([^"']*""" + re.escape(filename) + r"""(?:#[^"']*)?)["']"""
        links = [unescape(link) for link in re.findall(pattern, body.decode("utf-8", "replace"))]
    if not links:
        raise BootstrapError(
            "パッケージの配布元に、指定した版の uv がありません。",
            "The package index does not have the pinned uv.",
            f"{page}: {filename}",
        )
    link = urljoin(address, links[0]).partition("#")[0]
    is_same_host = urlsplit(link).netloc == urlsplit(without_password(page)).netloc
    return download(link, login if is_same_host else {})[0]


def download(url: str, headers: Mapping[str, str]) -> tuple[bytes, str, str]:
    """Return body, final address and content type of `url`; passing troubles are tried again, then BootstrapError."""
    import http.client
    import ssl
    import time
    import urllib.error
    import urllib.request

    for attempt in range(1, ATTEMPTS + 1):
        try:
            request = urllib.request.Request(without_password(url), headers={**authorization(url), **headers})
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return response.read(), response.geturl(), response.headers.get_content_type()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise BootstrapError(
                    "配布元の証明書を確認できません。組織の CA 証明書を SSL_CERT_FILE で指定してください。",
                    "The package index's certificate cannot be verified; name your CA file in SSL_CERT_FILE.",
                    f"{without_password(url)}: {reason}",
                ) from error
            final = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if final or attempt == ATTEMPTS:
                raise BootstrapError(
                    "パッケージの配布元に接続できません。ネットワーク、プロキシ（HTTPS_PROXY）、"
                    "ミラー（PIP_INDEX_URL）の設定を確認してください。",
                    "The package index cannot be reached; check the network, the proxy (HTTPS_PROXY) "
                    "or the mirror (PIP_INDEX_URL).",
                    f"{without_password(url)}: {error}",
                ) from error
            time.sleep(0.5 * attempt)
    raise AssertionError("unreachable")


def without_password(url: str) -> str:
    """Return `url` without user and password: fit for a request line and for a message."""
    return re.sub(r"^([a-z]+://)[^/]*@", r"\1", url)


def authorization(url: str) -> dict[str, str]:
    """Return the header that carries the user and password of `url`, if it has any."""
    import base64
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def check_hash(content: bytes, wanted: str, filename: str) -> None:
    """Raise BootstrapError when the SHA-256 of `content` is not `wanted`."""
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise BootstrapError(
            "取得した uv のハッシュ値が一致しません（改ざん又は破損）。使用せずに中止しました。",
            "The hash of the fetched uv does not match (tampered with or damaged); it was not used.",
            f"{filename}: sha256 {found}, expected {wanted}",
        )


def extract_uv(wheel: bytes, target: Path) -> None:
    """Write the `uv` program of the wheel to `target`, all or nothing."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        temporary = target.with_name(f"{target.name}.new")
        temporary.write_bytes(archive.read(name))
    temporary.chmod(0o755)
    temporary.replace(target)


def say(japanese: str, english: str) -> None:
    """Tell the user what takes time."""
    print(f"{japanese} / {english}", file=sys.stderr, flush=True)


def main() -> NoReturn:
    """Entry point: exit status 0 when .venv is up to date, 2 with a message otherwise."""
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")
    try:
        other = newer_python() if sys.version_info < OLDEST_PYTHON else None
        if other is not None:
            os.execv(other, [other, *sys.argv])  # noqa: S606
        check_python(sys.version_info[:3])
        prepare(Checkout(Path(__file__).resolve().parents[1]))
    except BootstrapError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)


if __name__ == "__main__":
    main()
