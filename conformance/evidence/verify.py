"""Verifies a bundle offline. The bundle itself is hostile until proven otherwise: bounded, never written to disk."""

from __future__ import annotations

import hashlib
import json
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
    LAB_POLICY,
    LAB_RECORD,
    MANIFEST,
    SIGNATURE,
    Manifest,
    suite_digest,
)
from conformance.evidence.opened import Opened, Spoiled, forbidden, opened
from conformance.evidence.rejudge import ROLES, ModuleCommand, NotJudged, otherwise
from conformance.evidence.replan import NETWORK, not_of_the_suite, unknown_words
from conformance.evidence.reprint import forged, unproven
from conformance.plan import Challenge, Plan
from conformance.reporters.machine import as_dict
from conformance.results import Results, fold

OWN = (MANIFEST, SIGNATURE, CERTIFICATE)
STATED = ("checks", "verdicts", "headlines", "attestations", "troubles", "interrupted", "finished")
"""Parts of results.json that follow from the events by the rules of every edition of the suite."""


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
    rejudged: bool = False
    """Whether the verdicts of the events were derived once more from what the bundle holds: records, or the lab's record."""

    @property
    def intact(self) -> bool:
        return self.manifest is not None and not self.findings


def verify(
    path: Path,
    trust: Path | None = None,
    issued: Challenge | None = None,
    module_command: ModuleCommand | None = None,
) -> Verification:
    """Checks names, sizes, digests, signature, and that plan, verdicts and papers follow from catalogue, records and events.

    Without ``trust`` only integrity is established, not who signed; with ``issued`` the run must answer that very
    challenge. ``module_command`` starts the check bodies, which judge the records again when this suite made the bundle.
    Raises nothing for a bad bundle: findings say it. What it raises is a mistake of ours.
    """
    try:
        with opened(path) as bundle:
            return _verify(bundle, trust, issued, module_command)
    except Spoiled as error:
        problem = Finding(path.name, f"証跡として読めません（{error}）", f"not readable as a bundle ({error})")
        return Verification(None, "", False, (problem,))


def _verify(
    bundle: Opened, trust: Path | None, issued: Challenge | None, module_command: ModuleCommand | None
) -> Verification:
    infos = bundle.infolist()
    problems = [Finding(*one) for one in forbidden(infos)]
    if problems:
        return Verification(None, "", False, tuple(problems))
    try:
        body = bundle.read(MANIFEST)
        manifest = Manifest.model_validate_json(body)
    except (KeyError, ValidationError, Spoiled) as error:
        broken = Finding(MANIFEST, "目録を読めません", f"the manifest is not readable: {type(error).__name__}")
        return Verification(None, "", False, (broken,))
    findings = _files(bundle, manifest, {info.filename for info in infos})
    signer, trusted, signature = _signature(bundle, body, trust)
    findings += signature
    results: Results | None = None
    if not findings:
        results, findings = _results(bundle, manifest)
    reprinted, left, rejudged = False, list[str](), False
    if results is not None and not findings and manifest.suite_sha256 == suite_digest():
        findings = _against_the_suite(results.plan) if module_command is not None else []
        if not findings and module_command is not None:
            rejudged, findings = _judged_again(bundle, results, module_command)
        if not findings:
            reprinted, left = True, unproven(bundle, results, OWN)
            findings = [
                Finding(name, "出来事の記録から作られる文面と違います", "it is not what the events give")
                for name in forged(bundle, results)
            ]
    if results is not None and results.plan is not None:
        started = datetime.fromisoformat(results.started_at) if results.started_at else None
        findings += [Finding("plan.json", ja, en) for ja, en in unmet(results.plan, started, issued)]
    return Verification(manifest, signer, trusted, tuple(findings), results, reprinted, tuple(left), rejudged)


def _against_the_suite(plan: Plan | None) -> list[Finding]:
    return [Finding("events.ndjson", ja, en) for ja, en in not_of_the_suite(plan)] if plan is not None else []


def _judged_again(bundle: Opened, results: Results, module_command: ModuleCommand) -> tuple[bool, list[Finding]]:
    """Whether the records gave the verdicts once more, and which do not follow."""
    plan = results.plan
    if plan is None:
        return False, []
    if plan.role in NETWORK:  # `forged` judges their record
        lost = sorted({LAB_POLICY, LAB_RECORD} - set(bundle.namelist())) if results.ended else []
        words = "判定のもとになった記録がありません", "the record that the verdicts follow from is missing"
        return not lost, [Finding(one, *words) for one in lost]
    if plan.role not in ROLES:
        return False, []
    try:
        found = otherwise(bundle, results, plan, module_command)
    except NotJudged:
        words = "この記録からは検査をやり直せません", "the checks cannot be carried out on these records"
        return False, [Finding("records/", *words)]
    return True, [
        Finding("events.ndjson", f"検査 {one} の判定が記録から出てきません", f"{one} does not follow from the records")
        for one in found
    ]


def _files(bundle: Opened, manifest: Manifest, present: set[str]) -> list[Finding]:
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


def _digest(bundle: Opened, name: str, size: int) -> str:
    """SHA-256 of an entry; "" when it is longer than the manifest says or damaged."""
    digest, left = hashlib.sha256(), size
    try:
        for piece in bundle.pieces(name):
            left -= len(piece)
            if left < 0:
                return ""
            digest.update(piece)
    except Spoiled:
        return ""
    return digest.hexdigest() if left == 0 else ""


def _signature(bundle: Opened, body: bytes, trust: Path | None) -> tuple[str, bool, list[Finding]]:
    try:
        certificate = x509.load_pem_x509_certificate(bundle.read(CERTIFICATE))
        key = certificate.public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not Ed25519")
        key.verify(bundle.read(SIGNATURE), body)
    except (KeyError, ValueError, Spoiled):
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


def _results(bundle: Opened, manifest: Manifest) -> tuple[Results | None, list[Finding]]:
    """Results, exit code and what the manifest states must be what the events say: a signer cannot print a better verdict."""
    try:
        lines = bundle.read("events.ndjson").decode("utf-8").split("\n")
        events = [read_line(line) for line in lines if line]
    except (KeyError, ValueError) as error:
        broken = Finding("events.ndjson", "出来事の記録を読めません", f"the events are not readable: {error}")
        return None, [broken]
    results = fold(events)
    plan = results.plan
    if plan is not None and (strange := [Finding("events.ndjson", ja, en) for ja, en in unknown_words(plan)]):
        return None, strange
    found = []
    if parts := ", ".join(_misstated(bundle, results)):
        words = f"結果（{parts}）が出来事の記録と一致しません", f"the results ({parts}) do not follow from the events"
        found.append(Finding("results.json", *words))
    if int(results.exit()) != manifest.exit_code:
        found.append(
            Finding(MANIFEST, "終了コードが出来事の記録と一致しません", "the exit code does not follow from the events")
        )
    if plan is not None and plan.suite_sha256 not in ("", manifest.suite_sha256):
        found.append(
            Finding(MANIFEST, "試験一式のハッシュが実施の記録と違います", "the suite's hash is not that of the run")
        )
    return results, found


def _misstated(bundle: Opened, results: Results) -> list[str]:
    """Parts of results.json that are not what the published rules give: verdicts of checks and run, headlines, exit code."""
    try:
        stated = json.loads(bundle.read("results.json"))
    except (KeyError, ValueError, RecursionError):
        return ["results.json"]
    if not isinstance(stated, dict):
        return ["results.json"]
    again = json.loads(json.dumps(as_dict(results)))
    parts = [name for name in STATED if again[name] != stated.get(name)]
    codes = [int(results.exit(gate_waived=gate)) for gate in (False, True)]
    return parts + (["exit_code"] if stated.get("exit_code") not in codes else [])
