"""Just enough CMS (RFC 5652) to check a detached signature: one signer, RSA with SHA-256, as the test cards write it.

What a resident's device signs are the 32 bytes of ``signTarget`` (仮定).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
    load_der_pkcs7_certificates,
)

from fixtures.jpki.authority import Holder

_SEQUENCE, _SET, _OCTETS, _OID, _CONTEXT_0 = 0x30, 0x31, 0x04, 0x06, 0xA0
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")


class CmsError(ValueError):
    """This is no CMS signature that we can read."""


@dataclass(frozen=True)
class Signed:
    """The signer's certificate, and whether the signature is over the content that was asked about."""

    certificate: x509.Certificate
    fits: bool


def sign(holder: Holder, content: bytes) -> bytes:
    """A detached CMS signature (DER), as a resident's device makes it."""
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(holder.certificate, holder.key, SHA256())
    options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities]
    return builder.sign(Encoding.DER, options)


def verify(signature: bytes, content: bytes) -> Signed:
    """Who signed, and whether it was ``content``. CmsError when the bytes are no such signature."""
    try:
        certificates = load_der_pkcs7_certificates(signature)
        attributes, value = _signer(signature)
    except (ValueError, IndexError, TypeError) as error:
        raise CmsError(type(error).__name__) from None
    if len(certificates) != 1:
        raise CmsError("one certificate expected")
    key = certificates[0].public_key()
    if not isinstance(key, RSAPublicKey):
        raise CmsError("RSA expected")
    try:
        key.verify(value, attributes, PKCS1v15(), SHA256())
    except InvalidSignature:
        return Signed(certificates[0], fits=False)
    return Signed(certificates[0], fits=_digest_in(attributes) == sha256(content).digest())


def _signer(data: bytes) -> tuple[bytes, bytes]:
    """(signed attributes as a SET, signature value) of the one signer."""
    content_info = _children(data, _only(data, 0, len(data), _SEQUENCE))
    signed_data = _children(data, _only(data, *content_info[1][1:], _SEQUENCE))
    signer_infos = signed_data[-1]
    if signer_infos[0] != _SET:
        raise CmsError("no signer")
    signers = _children(data, signer_infos)
    if len(signers) != 1:
        raise CmsError("one signer expected")
    parts = _children(data, signers[0])
    attributes = next(part for part in parts if part[0] == _CONTEXT_0)
    value = next(part for part in parts if part[0] == _OCTETS)
    raw = data[attributes[1] : attributes[2]]
    return _header(_SET, len(raw)) + raw, data[value[1] : value[2]]


def _digest_in(attributes: bytes) -> bytes:
    outer = _only(attributes, 0, len(attributes), _SET)
    for attribute in _children(attributes, outer):
        oid, values = _children(attributes, attribute)
        if oid[0] == _OID and attributes[oid[1] : oid[2]] == _MESSAGE_DIGEST:
            digest = _children(attributes, values)[0]
            return attributes[digest[1] : digest[2]]
    return b""


_Part = tuple[int, int, int]
"""(tag, where the content begins, where it ends)"""


def _part(data: bytes, at: int, end: int) -> _Part:
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise CmsError("length")
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > end:
        raise CmsError("length")
    return tag, start, start + length


def _only(data: bytes, at: int, end: int, tag: int) -> _Part:
    found = _part(data, at, end)
    if found[0] != tag:
        raise CmsError("tag")
    return found


def _children(data: bytes, part: _Part) -> list[_Part]:
    found, at = [], part[1]
    while at < part[2]:
        child = _part(data, at, part[2])
        found.append(child)
        at = child[2]
    return found


def _header(tag: int, length: int) -> bytes:
    if length < 0x80:
        return bytes((tag, length))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size
