"""Verifies a bundle offline. The bundle itself is hostile until proven otherwise: bounded, never written to disk."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from conformance.events import read_line
from conformance.evidence.challenge import unmet
from conformance.evidence.manifest import (
    CERTIFICATE,
    LARGEST_BUNDLE,
    MANIFEST,
    MOST_FILES,
    SIGNATURE,
    Manifest,
    suite_digest,
)
from conformance.evidence.reprint import forged, unproven
from conformance.plan import Challenge
from conformance.reporters.machine import as_dict
from conformance.results import Results, fold

OWN = (MANIFEST, SIGNATURE, CERTIFICATE)
SPOILED = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a damaged entry raises."""


@dataclass(frozen=True)
class Finding:
    """One reason not to trust the bundle; ``file`` names exactly what was touched."""

    file: str
    ja: str
    en: str


@dataclass(frozen=True)
class Verification:
    manifest: Manifest | None
    signer: str
    trusted: bool
    findings: tuple[Finding, ...]
    results: Results | None = None
    reprinted: bool = False
    """Whether the papers were printed again from the events: only the suite that made a bundle can."""
    unproven: tuple[str, ...] = ()
    """Files that stand in the bundle as they were handed over: whole and signed, but given by no event."""

    @property
    def intact(self) -> bool:
        return self.manifest is not None and not self.findings


def verify(path: Path, trust: Path | None = None, issued: Challenge | None = None) -> Verification:
    """Checks names, sizes, digests, signature, and that results and verdict follow from the events.

    Without ``trust`` only integrity is established, not who signed; with ``issued`` the run must answer that very
    challenge. Raises nothing for a bad bundle: findings say it.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            return _verify(bundle, trust, issued)
    except (OSError, *SPOILED, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        problem = Finding(path.name, f"証跡として読めません（{error}）", f"not readable as a bundle ({error})")
        return Verification(None, "", False, (problem,))


def _verify(bundle: zipfile.ZipFile, trust: Path | None, issued: Challenge | None) -> Verification:
    infos = bundle.infolist()
    problems = _shape(infos)
    if problems:
        return Verification(None, "", False, tuple(problems))
    try:
        body = bundle.read(MANIFEST)
        manifest = Manifest.model_validate_json(body)
    except (KeyError, ValidationError, *SPOILED) as error:
        broken = Finding(MANIFEST, "目録を読めません", f"the manifest is not readable: {type(error).__name__}")
        return Verification(None, "", False, (broken,))
    findings = _files(bundle, manifest, {info.filename for info in infos})
    signer, trusted, signature = _signature(bundle, body, trust)
    findings += signature
    results: Results | None = None
    if not findings:
        results, findings = _results(bundle, manifest)
    reprinted, left = False, list[str]()
    if results is not None and not findings and manifest.suite_sha256 == suite_digest():
        reprinted, left = True, unproven(bundle, results, OWN)
        findings += [
            Finding(name, "出来事の記録から作られる文面と違います", "it is not what the events give")
            for name in forged(bundle, results)
        ]
    if results is not None and results.plan is not None:
        started = datetime.fromisoformat(results.started_at) if results.started_at else None
        findings += [Finding("plan.json", ja, en) for ja, en in unmet(results.plan, started, issued)]
    return Verification(manifest, signer, trusted, tuple(findings), results, reprinted, tuple(left))


def _shape(infos: list[zipfile.ZipInfo]) -> list[Finding]:
    found: list[Finding] = []
    names = [info.filename for info in infos]
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > LARGEST_BUNDLE:
        found.append(Finding("", "証跡が大きすぎます", "the bundle is too large"))
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or ":" in parts[0]:
            found.append(Finding(name, "許されない名前のファイルです", "a file with a forbidden name"))
    for info in infos:
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            found.append(Finding(info.filename, "通常のファイルではありません", "not a regular file"))
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(Finding(name, "同じ名前のファイルが二つあります", "two files of one name"))
    return found


def _files(bundle: zipfile.ZipFile, manifest: Manifest, present: set[str]) -> list[Finding]:
    found: list[Finding] = []
    listed = {entry.name for entry in manifest.files}
    for name in sorted(present - listed - set(OWN)):
        found.append(Finding(name, "目録に無いファイルが加えられています", "a file was added"))
    for entry in manifest.files:
        if entry.name not in present:
            found.append(Finding(entry.name, "目録にあるファイルがありません", "a file is missing"))
        elif _digest(bundle, entry.name, entry.size) != entry.sha256:
            found.append(Finding(entry.name, "中身が書き換えられています", "the contents were changed"))
    return found


def _digest(bundle: zipfile.ZipFile, name: str, size: int) -> str:
    """SHA-256 of an entry; "" when it is longer than the manifest says or damaged."""
    digest, left = hashlib.sha256(), size
    try:
        with bundle.open(name) as file:
            while piece := file.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    return ""
                digest.update(piece)
    except SPOILED:
        return ""
    return digest.hexdigest() if left == 0 else ""


def _signature(bundle: zipfile.ZipFile, body: bytes, trust: Path | None) -> tuple[str, bool, list[Finding]]:
    try:
        certificate = x509.load_pem_x509_certificate(bundle.read(CERTIFICATE))
        key = certificate.public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not Ed25519")
        key.verify(bundle.read(SIGNATURE), body)
    except (KeyError, ValueError, *SPOILED):
        return "", False, [Finding(SIGNATURE, "署名か証明書を読めません", "signature or certificate is not readable")]
    except InvalidSignature:
        return "", False, [Finding(MANIFEST, "目録の署名が正しくありません", "the manifest's signature is not valid")]
    signer = certificate.subject.rfc4514_string()
    if trust is None:
        return signer, False, []
    try:
        trusted = x509.load_pem_x509_certificate(trust.read_bytes())
    except (OSError, ValueError):
        return (
            signer,
            False,
            [Finding(str(trust), "信頼する証明書を読めません", "the trusted certificate is not readable")],
        )
    if trusted != certificate:
        return signer, False, [Finding(CERTIFICATE, "信頼する署名者ではありません", "not signed by the trusted signer")]
    return signer, True, []


def _results(bundle: zipfile.ZipFile, manifest: Manifest) -> tuple[Results | None, list[Finding]]:
    """Results, exit code and what the manifest states must be what the events say: a signer cannot print a better verdict."""
    try:
        lines = bundle.read("events.ndjson").decode("utf-8").split("\n")
        results = fold(read_line(line) for line in lines if line)
        stated = json.loads(bundle.read("results.json"))
        if not isinstance(stated, dict):
            raise ValueError("results.json: オブジェクトではありません / not an object")
    except (KeyError, ValueError) as error:
        broken = Finding("events.ndjson", "出来事の記録を読めません", f"the events are not readable: {error}")
        return None, [broken]
    found = []
    if json.loads(json.dumps(as_dict(results)))["checks"] != stated.get("checks"):
        found.append(
            Finding("results.json", "結果が出来事の記録と一致しません", "the results do not follow from the events")
        )
    if int(results.exit()) != manifest.exit_code:
        found.append(
            Finding(MANIFEST, "終了コードが出来事の記録と一致しません", "the exit code does not follow from the events")
        )
    plan = results.plan
    if plan is not None and plan.suite_sha256 not in ("", manifest.suite_sha256):
        found.append(
            Finding(MANIFEST, "試験一式のハッシュが実施の記録と違います", "the suite's hash is not that of the run")
        )
    return results, found
