"""The test JPKI: profiles of the certificates, and a verification that can say no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.jpki.authority import Holder, Jpki
from fixtures.jpki.certificates import Basic4, basic4_of, era_date
from fixtures.jpki.keys import POOL, pool_key
from fixtures.jpki.ocsp import request_for, status_in
from fixtures.jpki.portal import Lookup, Portal, sign
from fixtures.world import World

DAY = date(2026, 11, 24)
AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
VALID = (date(2025, 1, 1), date(2029, 5, 5))
PERSON = Basic4("髙﨑　惠", date(1990, 5, 5), "female", "架空県" + "長い町名" * 40, "100000")
FORM = "申請項目".encode()


@pytest.fixture(scope="module")
def jpki() -> Jpki:
    return Jpki(DAY)


@pytest.fixture(scope="module")
def signer(jpki: Jpki) -> Holder:
    return jpki.signing.issue(0x1A2B3C, VALID, PERSON)


@pytest.fixture(scope="module")
def visitor(jpki: Jpki) -> Holder:
    return jpki.authentication.issue(0x4D5E6F, VALID)


@pytest.fixture(scope="module")
def portal(jpki: Jpki) -> Portal:
    return Portal(jpki, [0xBAD1], [0xBAD2])


def test_basic4_survive_the_certificate(signer: Holder) -> None:
    reread = x509.load_der_x509_certificate(signer.certificate.public_bytes(Encoding.DER))
    assert basic4_of(reread) == PERSON
    assert basic4_of(reread).name_substitutes == "100000"


def test_authentication_certificate_says_nothing_about_the_person(visitor: Holder) -> None:
    subject = visitor.certificate.subject.rfc4514_string()
    assert "CN=" in subject
    assert subject.isascii()
    with pytest.raises(x509.ExtensionNotFound):
        basic4_of(visitor.certificate)
    issuer = visitor.certificate.issuer.rfc4514_string()
    assert "OU=JPKI for user authentication" in issuer
    assert "OU=Japan Agency for Local Authority Information Systems" in issuer


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(1980, 12, 31), "319801231"),
        (date(2019, 5, 1), "520190501"),
        (date(2019, 4, 30), "420190430"),
        (date(1989, 1, 7), "319890107"),
        (date(1926, 12, 24), "219261224"),
        (date(1912, 7, 29), "119120729"),
    ],
)
def test_birth_dates_carry_the_era(day: date, text: str) -> None:
    assert era_date(day) == text


def test_a_good_application_is_valid(portal: Portal, signer: Holder, visitor: Holder) -> None:
    finding = portal.verify(FORM, sign(signer, FORM), sign(visitor, b"challenge"), AT)
    assert (finding.result, finding.serial, finding.basic4) == ("valid", 0x4D5E6F, PERSON)


def test_each_half_alone(portal: Portal, signer: Holder, visitor: Holder) -> None:
    assert portal.verify(FORM, sign(signer, FORM), None, AT).serial is None
    only = portal.verify(FORM, None, sign(visitor, b"c"), AT)
    assert (only.result, only.basic4) == ("valid", None)
    assert portal.verify(FORM, None, None, AT).result == "unsigned"


def test_altered_form_is_invalid(portal: Portal, signer: Holder) -> None:
    assert portal.verify(FORM + b" ", sign(signer, FORM), None, AT).result == "invalid"


def test_a_login_proof_over_other_bytes_is_invalid(portal: Portal, visitor: Holder) -> None:
    proof = replace(sign(visitor, b"one"), content=b"two")
    assert portal.verify(FORM, None, proof, AT).result == "invalid"


def test_revocation_comes_from_the_crl(jpki: Jpki, portal: Portal) -> None:
    bad = jpki.signing.issue(0xBAD1, VALID, PERSON)
    assert portal.verify(FORM, sign(bad, FORM), None, AT).result == "revoked"
    assert Portal(jpki, [], []).verify(FORM, sign(bad, FORM), None, AT).result == "valid"
    visitor = jpki.authentication.issue(0xBAD2, VALID)
    assert portal.verify(FORM, None, sign(visitor, b"c"), AT).result == "revoked"


LOOKUPS = {
    "ocsp": "valid",
    "ocsp-revoked": "revoked",
    "ocsp-unknown": "invalid",
    "ocsp-stale": "invalid",
    "ocsp-forged": "invalid",
    "ocsp-try-later": "invalid",
}


@pytest.mark.parametrize(("lookup", "result"), LOOKUPS.items())
def test_ocsp_answers_decide(portal: Portal, signer: Holder, visitor: Holder, lookup: Lookup, result: str) -> None:
    assert portal.verify(FORM, sign(signer, FORM), sign(visitor, b"c"), AT, lookup).result == result
    assert portal.verify(FORM, None, sign(visitor, b"c"), AT, lookup).result == result


def test_ocsp_and_crl_agree(jpki: Jpki, portal: Portal) -> None:
    for serial in (0xBAD1, 0x600D):
        proof = sign(jpki.signing.issue(serial, VALID, PERSON), FORM)
        found = {portal.verify(FORM, proof, None, AT, lookup).result for lookup in get_args(Lookup)[:2]}
        assert found == {"revoked" if serial == 0xBAD1 else "valid"}


def test_an_expired_certificate_stays_expired_under_ocsp(jpki: Jpki, portal: Portal) -> None:
    old = jpki.signing.issue(77, (date(2020, 1, 1), date(2026, 11, 22)), PERSON)
    assert portal.verify(FORM, sign(old, FORM), None, AT, "ocsp").result == "expired"


def test_an_ocsp_answer_speaks_of_one_certificate_one_issuer_and_one_request(jpki: Jpki, signer: Holder) -> None:
    issuer, responder = jpki.signing.certificate, jpki.signing.responder
    other = jpki.signing.issue(0x600D, VALID, PERSON).certificate
    request, about_other = request_for(signer.certificate, issuer), request_for(other, issuer)
    answer = responder.answer(signer.certificate, request, "good", AT)
    assert status_in(answer, request, signer.certificate, issuer, AT) == "good"
    assert status_in(answer, request, signer.certificate, issuer, AT + timedelta(days=2)) is None
    assert status_in(answer, request, signer.certificate, issuer, AT - timedelta(days=2)) is None
    assert status_in(answer, about_other, other, issuer, AT) is None
    assert status_in(answer, request, signer.certificate, jpki.authentication.certificate, AT) is None
    replayed = responder.answer(signer.certificate, about_other, "good", AT)  # another request's nonce
    assert status_in(replayed, request, signer.certificate, issuer, AT) is None
    altered = bytearray(answer)
    altered[-1] ^= 1
    assert status_in(answer[:-1], request, signer.certificate, issuer, AT) is None
    assert status_in(bytes(altered[: len(altered) // 2]), request, signer.certificate, issuer, AT) is None
    flipped = answer.replace(b"\x80\x00", b"\x82\x00", 1)  # [0] good → [2] unknown, inside the signed part
    assert flipped != answer
    assert status_in(flipped, request, signer.certificate, issuer, AT) is None


def test_validity_ends_with_the_last_day_in_japan(portal: Portal, signer: Holder) -> None:
    proof = sign(signer, FORM)
    assert portal.verify(FORM, proof, None, AT).result == "valid"
    last = datetime(2029, 5, 5, 14, 59, 59, tzinfo=UTC)
    certificate = signer.certificate
    assert certificate.not_valid_after_utc == last
    assert certificate.not_valid_before_utc == datetime(2024, 12, 31, 15, 0, tzinfo=UTC)


def test_expired_certificate(jpki: Jpki, portal: Portal) -> None:
    old = jpki.signing.issue(77, (date(2020, 1, 1), date(2026, 11, 22)), PERSON)
    assert portal.verify(FORM, sign(old, FORM), None, AT).result == "expired"


def test_a_stale_or_future_crl_is_not_believed(portal: Portal, signer: Holder) -> None:
    proof = sign(signer, FORM)
    assert portal.verify(FORM, proof, None, AT - timedelta(days=30)).result == "invalid"
    assert portal.verify(FORM, proof, None, AT + timedelta(days=400)).result == "invalid"


def test_certificates_of_the_other_ca_or_another_root_are_invalid(jpki: Jpki, portal: Portal, visitor: Holder) -> None:
    swapped = sign(jpki.authentication.issue(5, VALID, PERSON), FORM)
    assert portal.verify(FORM, swapped, None, AT).result == "invalid"
    assert portal.verify(FORM, None, sign(jpki.signing.issue(6, VALID, PERSON), b"c"), AT).result == "invalid"
    forged = jpki.signing.issue(8, VALID, PERSON)
    stranger = Holder(forged.certificate, visitor.key)
    assert portal.verify(FORM, sign(stranger, FORM), None, AT).result == "invalid"


def test_issuing_is_deterministic(jpki: Jpki) -> None:
    def bytes_of(authority: Jpki) -> list[bytes]:
        holder = authority.signing.issue(0x1A2B3C, VALID, PERSON)
        return [
            authority.root.public_bytes(Encoding.DER),
            authority.authentication.certificate.public_bytes(Encoding.DER),
            holder.certificate.public_bytes(Encoding.DER),
            authority.signing.crl([3, 1, 2]).public_bytes(Encoding.DER),
            sign(holder, FORM).signature,
        ]

    assert bytes_of(Jpki(DAY)) == bytes_of(jpki)


def test_the_pool_holds_distinct_2048_bit_keys() -> None:
    keys: list[RSAPrivateKey] = [pool_key(number) for number in range(POOL)]
    assert {key.key_size for key in keys} == {2048}
    assert len({key.public_key().public_numbers().n for key in keys}) == POOL
    with pytest.raises(FileNotFoundError):
        pool_key(POOL)


def test_the_worlds_root_says_that_it_is_a_test(world: World) -> None:
    assert "NOT JPKI" in world.jpki.root.subject.rfc4514_string()
