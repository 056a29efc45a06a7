"""What a bundle says about itself: every file with its SHA-256, and what the run was."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from conformance import SUITE_VERSION

BUNDLE_VERSION = 1
ROOT = Path(__file__).resolve().parents[2]
"""The folder of our packages, in a checkout and in a wheel."""
MANIFEST, SIGNATURE, CERTIFICATE = "manifest.json", "manifest.sig", "signer.pem"
PICTURE = "topology.svg"
LAB_RECORD, LAB_POLICY = "lab.json", "policy.toml"
"""What the network lab saw, and the policy that it is judged by: the verdicts of a network role follow from them."""
LAB_FILES = (LAB_POLICY, LAB_RECORD, "probes.pcapng", "proxy-output.log")
"""What a run of the roles fw and relay keeps beside its events: the policy, the whole record, packets, the relay's output."""
FILES = (
    "events.ndjson",
    "plan.json",
    "results.json",
    "report.html",
    "report.en.html",
    "junit.xml",
    "tekigohyo.xlsx",
    "product-settings.json",
    "test-registers.csv",
    PICTURE,
    "operator.ndjson",
    *LAB_FILES,
)
FOLDERS = ("papers", "records", "attached")
"""``attached`` and ``operator.ndjson``: what the person at the product handed over and answered (adapter operator)."""
LARGEST_FILE = 256 * 1024 * 1024
LARGEST_BUNDLE = 512 * 1024 * 1024
MOST_FILES = 2000


class FileEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """``suite_sha256`` is over the suite's own sources: it tells an unmodified suite from a modified one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int = BUNDLE_VERSION
    run_id: str
    role: str
    product: dict[str, str]
    suite_version: str = SUITE_VERSION
    suite_sha256: str
    world_version: str
    profile: str
    seed: int
    reference_date: str
    started_by: str
    exit_code: int
    made_at: str
    files: tuple[FileEntry, ...]


def digest_of(path: Path) -> tuple[int, str]:
    """(size, SHA-256) of a file, read in pieces."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


@lru_cache(maxsize=4)
def suite_digest(root: Path = ROOT) -> str:
    """SHA-256 over the sources that decide a verdict: contract, world, fixtures, engine and suites."""
    digest = hashlib.sha256()
    for folder in ("interface_spec", "fixtures", "mock_services", "conformance"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in (".py", ".toml", ".j2", ".pem", ".csv", ".txt"):
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
