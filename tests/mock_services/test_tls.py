"""TLS as a real client sees it: the good certificate, each variant of the fault, and no way round by resumption."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from mock_services.control import Fault, Rules, WorldClient
from mock_services.tls import CA_FILE, CA_KEY_FILE, kept_authority
from tests.mock_services.support import Process

pytestmark = pytest.mark.usefixtures("outside")


def handshake(running: Process, context: ssl.SSLContext | None = None, name: str | None = None) -> ssl.SSLSocket:
    """A TLS connection to the listener itself, from the relay's address; the caller closes it."""
    host, _, port = running.endpoints.download_address.rpartition(":")
    context = context or ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    raw = socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.30.1", 0))
    try:
        return context.wrap_socket(raw, server_hostname=name or "dl.shinsei.lgwan.test")
    except BaseException:
        raw.close()
        raise


def verdict(running: Process, context: ssl.SSLContext | None = None) -> str:
    try:
        handshake(running, context).close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return "ok"


def test_the_certificate_is_good_for_the_name_and_the_ca(running: Process) -> None:
    assert verdict(running) == "ok"


def test_the_server_sends_the_issuing_ca_along_and_the_root_vouches_for_it(running: Process) -> None:
    root = x509.load_pem_x509_certificates(Path(running.endpoints.dl_ca_file).read_bytes())
    assert [one.subject == one.issuer for one in root] == [True], "the root alone is what a product trusts"
    strict = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with handshake(running, strict) as connection:
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    assert shown.issuer != root[0].subject, "without the issuing CA's certificate nobody could verify this one"


def test_a_client_sends_the_issuing_ca_along_too(running: Process, outside: WorldClient, tmp_path: Path) -> None:
    whole = Path(outside.set_rules(Rules(client_certificate="required")).dl_client_file).read_text()
    alone = whole.rpartition("-----BEGIN CERTIFICATE-----")[0]
    assert whole.count("BEGIN CERTIFICATE") == alone.count("BEGIN CERTIFICATE") + 1 == 2
    answered = []
    for pem in (whole, alone):
        file = tmp_path / "client.pem"
        file.write_text(pem)
        context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
        context.load_cert_chain(file)
        with handshake(running, context) as connection:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                answered.append(b"404" in connection.recv(4096))
            except OSError:
                answered.append(False)
    assert answered == [True, False]


def test_a_kept_root_that_allows_no_ca_below_it_is_renewed_once(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    kept_authority(tmp_path, now)
    file = tmp_path / CA_FILE
    made = x509.load_pem_x509_certificate(file.read_bytes())
    key = serialization.load_pem_private_key((tmp_path / CA_KEY_FILE).read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    earlier = (
        x509.CertificateBuilder(made.issuer, made.subject, key.public_key(), made.serial_number)
        .not_valid_before(made.not_valid_before_utc)
        .not_valid_after(made.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(earlier.public_bytes(serialization.Encoding.PEM))
    renewed = kept_authority(tmp_path, now).certificate
    assert renewed != earlier
    assert kept_authority(tmp_path, now).certificate == renewed
    plain = x509.CertificateBuilder(made.issuer, made.subject, key.public_key(), made.serial_number)
    plain = plain.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
    file.write_bytes(plain.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    with pytest.raises(ValueError, match="not the certificate that we made"):
        kept_authority(tmp_path, now)


def test_the_certificate_is_good_for_no_other_name(running: Process) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(running, name="www.example.jp")


def test_no_other_ca_vouches_for_it(running: Process) -> None:
    assert "unable to get local issuer" in verdict(running, ssl.create_default_context())


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("untrusted", "issuer"),
        ("wrong-host", "Hostname mismatch"),
        ("expired", "expired"),
        ("missing-intermediate", "issuer"),
    ],
)
def test_each_variant_is_wrong_in_its_own_way(running: Process, variant: str, reason: str) -> None:
    running.client.set_faults([Fault(name="tls", params={"variant": variant})])
    assert reason in verdict(running)
    assert running.client.faults()[0].applied == 1
    running.client.clear_faults()
    assert verdict(running) == "ok"


def test_a_variant_strikes_as_often_as_said(running: Process) -> None:
    running.client.set_faults([Fault(name="tls", times=2, params={"variant": "expired"})])
    assert [verdict(running) == "ok" for _ in range(3)] == [False, False, True]


def test_a_client_without_a_server_name_meets_the_fault_too(running: Process) -> None:
    running.client.set_faults([Fault(name="tls", params={"variant": "untrusted"})])
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    context.check_hostname = False
    host, _, port = running.endpoints.download_address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match="issuer"),
    ):
        context.wrap_socket(raw)


def test_existing_connections_are_closed_and_cannot_be_resumed(running: Process) -> None:
    context = ssl.create_default_context(cafile=running.endpoints.dl_ca_file)
    with handshake(running, context) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"404" in connection.recv(4096)
        session = connection.session
        assert session is None or not session.has_ticket
        running.client.set_faults([Fault(name="tls", params={"variant": "expired"})])
        rest = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"HTTP/1.1" not in rest
    assert "expired" in verdict(running, context)


def test_the_connection_is_tls_1_2_or_later(running: Process) -> None:
    with handshake(running) as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_plain_http_gets_no_answer(running: Process, outside: WorldClient) -> None:
    host, _, port = running.endpoints.download_address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert not raw.recv(100).startswith(b"HTTP")
        except ConnectionResetError as error:
            assert error.errno  # noqa: PT017 - a reset is as good an answer as none
    assert outside.exchanges(outside.last_seq()) == []
