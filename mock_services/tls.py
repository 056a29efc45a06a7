"""The simulated LGWAN side's private CA: a root that a product trusts, an issuing CA below it, and server certificates.

The server sends its certificate and that of the issuing CA. All but a kept root are made anew at each start. Variants other than ``good`` exist for the fault ``tls``. Validity lies around the *real* time: a product checks
certificates by its own clock.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mock_services.rules import ClientCertificate

Variant = Literal["untrusted", "wrong-host", "expired", "missing-intermediate", "old-protocol"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


ROOT, ISSUING = "Shinsei Testbed LGWAN Test CA", "Shinsei Testbed LGWAN Test Issuing CA"
CA_FILE, CA_KEY_FILE = "dl-ca.pem", "dl-ca.key"
KEPT_DAYS, LAST_DAYS = 730, 31


def kept_authority(folder: Path, now: datetime) -> _Authority:
    """The root of ``folder``, made there the first time and renewed before it ends: a product is set to trust it once.

    One that may have no CA below it (an earlier edition made such) is renewed too.

    OSError when the folder cannot be used; ValueError when what lies in it is no key and certificate.
    """
    certificate_file, key_file = folder / CA_FILE, folder / CA_KEY_FILE
    if certificate_file.is_file() and key_file.is_file():
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_file.name}: not the key that we made")
        lasting = certificate.not_valid_after_utc > now + timedelta(days=LAST_DAYS)
        if lasting and _depth(certificate) == _ROOT_DEPTH:
            return _Authority(key, certificate)
    made = _authority(ROOT, now, KEPT_DAYS)
    folder.mkdir(parents=True, exist_ok=True)
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate_file.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
    return made


_ROOT_DEPTH = 1
"""CAs in a row that may stand below the root."""


def _depth(certificate: x509.Certificate) -> int | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except x509.ExtensionNotFound:
        raise ValueError("not the certificate that we made") from None


def _authority(common_name: str, now: datetime, days: int = 30, above: _Authority | None = None) -> _Authority:
    """A root, or the issuing CA below ``above``."""
    key = ec.generate_private_key(ec.SECP256R1())
    signing = key if above is None else above.key
    name = _name(common_name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if above is None else above.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=_ROOT_DEPTH if above is None else 0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(signing, hashes.SHA256())
    )
    return _Authority(key, certificate)


def _leaf(
    issuer: _Authority,
    key: ec.EllipticCurvePrivateKey,
    common_name: str,
    valid: tuple[datetime, datetime],
    usage: x509.ObjectIdentifier,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def _pem(key: ec.EllipticCurvePrivateKey, *chain: x509.Certificate) -> bytes:
    """The key and the certificates, the owner's first."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def _server_context(
    issuer: _Authority, fqdn: str, start: datetime, end: datetime, *, sends_issuer: bool = True
) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _leaf(issuer, key, fqdn, (start, end), ExtendedKeyUsageOID.SERVER_AUTH)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session shows no certificate, and the fault `tls` would go unseen.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    with tempfile.TemporaryDirectory(prefix="shinsei-tls-") as folder:  # ssl reads keys from files only
        pem = Path(folder) / "server.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(_pem(key, certificate, *([issuer.certificate] if sends_issuer else [])))
        context.load_cert_chain(pem)
    return context


class ServerTls:
    """The TLS of the download function: one context for the listener, swapped per handshake when a fault says so.

    ``choose`` is asked at every handshake; None means the good certificate.
    """

    def __init__(
        self,
        fqdn: str,
        real_now: datetime,
        choose: Callable[[], Variant | None] = lambda: None,
        ca_folder: Path | None = None,
    ) -> None:
        root = kept_authority(ca_folder, real_now) if ca_folder else _authority(ROOT, real_now)
        trusted = _authority(ISSUING, real_now, above=root)
        stranger = _authority("Some Other Test Issuing CA", real_now, above=_authority("Some Other Test CA", real_now))
        hour, day = timedelta(hours=1), timedelta(days=1)
        start, end = real_now - day, real_now + 30 * day - hour
        self.context = _server_context(trusted, fqdn, start, end)
        self._variants: dict[Variant, ssl.SSLContext] = {
            "untrusted": _server_context(stranger, fqdn, start, end),
            "wrong-host": _server_context(trusted, f"other.{fqdn}", start, end),
            "expired": _server_context(trusted, fqdn, real_now - 2 * day, real_now - hour),
            "missing-intermediate": _server_context(trusted, fqdn, start, end, sends_issuer=False),
        }
        self._trusted, self._real_now = trusted, real_now
        self.choose = choose
        self.ca_pem = root.certificate.public_bytes(serialization.Encoding.PEM)
        self.context.sni_callback = self._on_hello

    def ask_for_client_certificate(self, asked: ClientCertificate) -> None:
        """From the next handshake on. A certificate that is shown must lead, with what is sent along, to the same root."""
        mode = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}[asked]
        for context in (self.context, *self._variants.values()):
            if mode is not ssl.CERT_NONE:
                context.load_verify_locations(cadata=self.ca_pem.decode())
            context.verify_mode = mode

    def client_pem(self, common_name: str) -> bytes:
        """A new client certificate with its key and the issuing CA's certificate, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        start, end = self._real_now - timedelta(days=1), self._real_now + timedelta(days=29)
        certificate = _leaf(self._trusted, key, common_name, (start, end), ExtendedKeyUsageOID.CLIENT_AUTH)
        return _pem(key, certificate, self._trusted.certificate)

    def _on_hello(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        variant = self.choose()
        if variant == "old-protocol":
            # As a server that ends at TLS 1.1 refuses a client that begins at 1.2 (asyncio closes without the alert).
            return ssl.ALERT_DESCRIPTION_PROTOCOL_VERSION
        if variant is not None:
            connection.context = self._variants[variant]
        return None
