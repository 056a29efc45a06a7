"""手順書 5章③-3 申請者特定: 検証結果データから、正しい人を、その業務の番号で。別人に決めない。"""

from __future__ import annotations

from conformance.kit import check, fail
from conformance.outcomes import unverified
from conformance.record import Record
from conformance.suites.am.views import must_be_identified, must_go_to_staff, must_not_be_wrong, person, right_number
from interface_spec.control import Method, PersonState, Role


def _by(run: Record, case: str, method: Method) -> None:
    one = must_be_identified(run, case)
    if one.method is not method:
        fail(
            "特定の方法が違う",
            "identified by another way",
            case=case,
            expected=method,
            actual=str(one.method),
        )


@check("AM-3.3-01a")
def signature_data_decide_not_typed_ones(run: Record) -> None:
    must_not_be_wrong(run, "k01-typed-other")
    must_be_identified(run, "k01-typed-other")


@check("AM-3.3-01b")
def nobody_is_taken_for_somebody_else(run: Record) -> None:
    looked_at = 0
    for name in run.cases:
        if run.summaries("first", name):
            must_not_be_wrong(run, name)
            looked_at += 1
    if not looked_at:
        raise unverified("特定の結果を一つも確認できない", "no identification could be looked at")


@check("AM-3.3-02a")
def declared_ways_identify(run: Record) -> None:
    must_be_identified(run, "k01-plain")
    must_be_identified(run, "k01-basic4-only")


@check("AM-3.3-03a")
def a_serial_becomes_a_number(run: Record) -> None:
    for name in ("k01-serial-only", "k01-renewed-card"):
        _by(run, name, Method.SERIAL)


@check("AM-3.3-03b")
def hex_and_decimal_are_not_confused(run: Record) -> None:
    must_not_be_wrong(run, "k01-serial-digits-trap")
    must_be_identified(run, "k01-serial-digits-trap")


@check("AM-3.3-03c")
def any_valid_certificate_identifies(run: Record) -> None:
    _by(run, "k01-second-card", Method.SERIAL)


@check("AM-3.3-05a")
def the_four_items_identify_without_a_serial(run: Record) -> None:
    _by(run, "k01-basic4-only", Method.BASIC4)


@check("AM-3.3-06a")
def namesakes_are_told_apart(run: Record) -> None:
    must_not_be_wrong(run, "k01-namesake")
    must_be_identified(run, "k01-namesake")


@check("AM-3.3-07a")
def an_unknown_serial_falls_back(run: Record) -> None:
    must_be_identified(run, "k01-unknown-serial")


@check("AM-3.3-07b")
def a_withdrawn_link_falls_back(run: Record) -> None:
    run.done("links")
    run.done("sync:second")
    must_be_identified(run, "k01-withdrawn-link", snapshot="second")


@check("AM-3.3-81a")
def ambiguity_goes_to_staff(run: Record) -> None:
    must_go_to_staff(run, "k01-ambiguous")
    must_go_to_staff(run, "k01-non-resident")


@check("AM-3.3-81b")
def disagreement_goes_to_staff(run: Record) -> None:
    must_go_to_staff(run, "k01-disagreeing")


@check("AM-3.3-82a")
def the_core_gets_its_own_number(run: Record) -> None:
    for name in ("c01-self", "c01-family"):
        truth = run.case(name)
        got = run.received("completed", name)
        wanted = {
            "signer_atena_no": right_number(truth, Role.SIGNER),
            "subject_atena_no": right_number(truth, Role.SUBJECT),
        }
        for field, expected in wanted.items():
            actual = str(got.fields.get(field) or "")
            if actual and actual != expected:
                fail(
                    "基幹に、別の番号空間の宛名番号（別人の番号）が渡った",
                    "the core got a number of another number space: another person's",
                    case=name,
                    expected=f"{truth.core_system} {expected}",
                    actual=f"{field} {actual}",
                )


@check("AM-3.3-83a")
def signer_and_subject_are_identified_apart(run: Record) -> None:
    name = "c01-family"
    truth = run.case(name)
    if truth.signer is None or truth.subject is None:
        raise unverified("試験データに署名者と対象者がそろっていない", "the case lacks signer or subject", case=name)
    must_not_be_wrong(run, name, role=Role.SIGNER)
    must_not_be_wrong(run, name, role=Role.SUBJECT)
    subject = person(run.detail("first", name), Role.SUBJECT, name)
    if subject.atena_no and subject.atena_no == right_number(truth, Role.SIGNER):
        fail(
            "署名した家族を被保険者として登録した",
            "the signing relative was registered as the insured person",
            case=name,
            expected=right_number(truth, Role.SUBJECT),
            actual=subject.atena_no,
        )


@check("AM-3.3-84a")
def a_late_link_identifies_later(run: Record) -> None:
    name = "k01-late-serial"
    before = person(run.detail("first", name), Role.SIGNER, name)
    if before.state is PersonState.IDENTIFIED:
        fail(
            "番号紐付情報が届く前に特定したことになっている",
            "identified before the link arrived",
            case=name,
            expected="職員の判断待ち / handed to staff",
            actual=before.atena_no,
        )
    run.done("sync:second")
    must_be_identified(run, name, snapshot="second")


@check("AM-3.3-84b")
def the_last_change_of_a_link_counts(run: Record) -> None:
    run.done("links")
    run.done("sync:second")
    must_not_be_wrong(run, "k01-late-serial", snapshot="second")


@check("AM-3.3-85a")
def bad_verification_identifies_nobody(run: Record) -> None:
    for name in ("k01-revoked", "k01-expired", "k01-invalid-signature", "k01-unsigned"):
        must_go_to_staff(run, name)


@check("AM-3.3-86a")
def variants_go_to_staff_with_reasons(run: Record) -> None:
    for name in ("k01-name-substituted", "k01-address-variant"):
        must_not_be_wrong(run, name)
        one = person(run.detail("first", name), Role.SIGNER, name)
        if one.state is PersonState.STAFF and not one.reasons:
            fail(
                "職員に回した理由が示されない",
                "no reason is shown to staff",
                case=name,
                expected="理由 / a reason",
                actual="（なし） / (none)",
            )
        if one.state is PersonState.STAFF and not one.candidates:
            fail(
                "表記の違うだけの本人が候補に挙がらない",
                "the person, written differently, is not among the candidates",
                case=name,
                expected="候補 / candidates",
                actual="（なし） / (none)",
            )
