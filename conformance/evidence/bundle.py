"""Makes the bundle of a finished run and signs its manifest (Ed25519, certificate in X.509)."""

from __future__ import annotations

import getpass
import os
import socket
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from conformance.evidence.manifest import (
    CERTIFICATE,
    FILES,
    FOLDERS,
    LARGEST_FILE,
    MANIFEST,
    SIGNATURE,
    FileEntry,
    Manifest,
    digest_of,
    suite_digest,
)
from conformance.results import Results

YEARS = 5


class BundleProblem(ValueError):
    """The bundle cannot be made; ``str()`` is one sentence naming file and fix."""


def files_of(run_dir: Path) -> list[Path]:
    """The files of a run that go into its bundle, in a fixed order. BundleProblem when the run is not reported yet."""
    found = [run_dir / name for name in FILES if (run_dir / name).is_file()]
    names = {path.name for path in found}
    for needed in ("events.ndjson", "results.json", "report.html"):
        if needed not in names:
            raise BundleProblem(
                f"{run_dir}: {needed} がありません（shinsei report show で作れます） / missing (shinsei report show makes it)"
            )
    for folder in FOLDERS:
        found += sorted(path for path in (run_dir / folder).rglob("*") if path.is_file())
    for path in found:
        if path.stat().st_size > LARGEST_FILE:
            raise BundleProblem(f"{path.name}: {LARGEST_FILE} バイトを超えています / larger than the limit")
    return found


def make_bundle(run_dir: Path, results: Results, target: Path, *, key: Path, certificate: Path) -> Manifest:
    """Writes ``target`` from the run folder, its manifest signed with ``key``."""
    plan = results.plan
    if plan is None:
        raise BundleProblem(f"{run_dir}: 計画が無い実施からは証跡を作れません / a run without a plan has no evidence")
    files = files_of(run_dir)
    entries = []
    for path in files:
        size, sha256 = digest_of(path)
        entries.append(FileEntry(name=path.relative_to(run_dir).as_posix(), size=size, sha256=sha256))
    manifest = Manifest(
        run_id=plan.run_id,
        role=plan.role,
        product=plan.product,
        suite_sha256=plan.suite_sha256 or suite_digest(),
        world_version=plan.world_version,
        profile=f"{plan.profile.id} {plan.profile.edition} {plan.profile.overlay}".strip(),
        seed=plan.seed,
        reference_date=plan.reference_date.isoformat(),
        started_by=plan.started_by,
        exit_code=int(results.exit()),
        made_at=datetime.now(UTC).isoformat(),
        files=tuple(entries),
    )
    body = manifest.model_dump_json(indent=1).encode()
    private, pem = load_signer(key, certificate)
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(MANIFEST, body)
        bundle.writestr(SIGNATURE, private.sign(body))
        bundle.writestr(CERTIFICATE, pem)
        for path in files:
            bundle.write(path, path.relative_to(run_dir).as_posix())
    partial.replace(target)
    return manifest


def load_signer(key: Path, certificate: Path) -> tuple[Ed25519PrivateKey, bytes]:
    """The signing key and its certificate (PEM); both are made on first use. BundleProblem when they do not fit."""
    if not key.is_file() and not certificate.is_file():
        make_signer(key, certificate)
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        pem = certificate.read_bytes()
        loaded = x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError, TypeError) as error:
        raise BundleProblem(f"{key}: 署名鍵か証明書を読めません / cannot read key or certificate: {error}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BundleProblem(f"{key}: Ed25519 の鍵ではありません / not an Ed25519 key")
    if private.public_key() != loaded.public_key():
        raise BundleProblem(
            f"{certificate}: 鍵と証明書が対になっていません / key and certificate do not belong together"
        )
    return private, pem


def make_signer(key: Path, certificate: Path) -> None:
    """A new key (mode 0600) and a self-signed certificate that names user and machine."""
    private = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{getpass.getuser()}@{socket.gethostname()}"[:64])])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .sign(private, None)
    )
    key.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
