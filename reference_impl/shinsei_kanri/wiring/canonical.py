"""The items, operations and codes that this system's code knows, compared with the profile at start."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from interface_spec.errors import SpecError
from interface_spec.profile import Item, Profile
from reference_impl.shinsei_kanri.wiring import formats


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RECEIPT = _words("receipt_no")
_LINK = _words("serial atena_no valid_from valid_to state")
_FORM = _words("item_id label group occurrence value")
_ATTACHMENT = _words("seq label file_name size sha256")

OPERATIONS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "download.login": {"request": _words("dantai_code account secret"), "response": _words("token expires_in")},
    "download.list": {
        "request": _words("received_from received_to procedure_id offset limit"),
        "response": _words("total"),
        "row": _words("receipt_no procedure_id dantai_code received_at arrived_at size sha256"),
    },
    "download.get": {"request": _RECEIPT, "response": _words("sha256")},
    "link.full": {"response": _words("last_seq total"), "row": _LINK},
    "link.diff": {
        "request": _words("since"),
        "response": _words("last_seq total"),
        "row": _LINK | _words("seq change"),
    },
    "atena.full": {
        "response": _words("total"),
        "row": _words("atena_no juki_atena_no name kana birth_date gender address state"),
    },
    "togo.lookup": {
        "request": _words("gyomu_id atena_no"),
        "row": _words("atena_no togo_atena_no merged_into merged"),
    },
    "togo.reverse": {"request": _words("togo_atena_no"), "row": _words("gyomu_id atena_no")},
    "handover.list": {
        "request": _words("core_system procedure_id"),
        "response": _words("total"),
        "row": _words("receipt_no procedure_id completed_at"),
    },
    "handover.fetch": {
        "request": _RECEIPT,
        "response": _words(
            "receipt_no procedure_id received_at arrived_at imported_at completed_at "
            "signer_atena_no signer_method subject_atena_no subject_method"
        ),
        "row": _FORM,
    },
    "handover.attachments": {"request": _RECEIPT, "row": _ATTACHMENT},
    "handover.attachment": {"request": _words("receipt_no seq")},
    "handover.ack": {
        "request": _words("receipt_no result error_item error_reason"),
        "response": _words("state"),
    },
}

_DROP_FILE = _words("name records size sha256")
_DROP_HEAD = _words("kind number made_at core_system")
DROPS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "handover": {
        "applications": _words(
            "receipt_no procedure_id received_at arrived_at imported_at completed_at "
            "signer_atena_no signer_method subject_atena_no subject_method"
        ),
        "items": _FORM | _RECEIPT,
        "attachments": _ATTACHMENT | _RECEIPT,
        "manifest": _DROP_HEAD | _words("applications"),
    },
    "core_results": {
        "updates": _words("receipt_no procedure_id atena_no result updated_at"),
        "errors": _words("receipt_no procedure_id error_item occurrence check error_reason"),
        "manifest": _DROP_HEAD | _words("answers"),
    },
}
"""Drops by their files' rows, and the items of the manifest."""

BODIES: Mapping[str, frozenset[str]] = {
    "download.login": _words("json"),
    "download.list": _words("json csv"),
    "download.get": _words("binary"),
    "link.full": _words("json csv"),
    "link.diff": _words("json csv"),
    "atena.full": _words("json csv"),
    "togo.lookup": _words("json"),
    "togo.reverse": _words("json"),
    "handover.list": _words("json"),
    "handover.fetch": _words("json"),
    "handover.attachments": _words("json"),
    "handover.attachment": _words("binary"),
    "handover.ack": _words("json"),
}

AUTH: Mapping[str, frozenset[str]] = {
    "download": _words("bearer-login"),
    "link": _words("api-key none"),
    "atena": _words("api-key none"),
    "togo": _words("oauth"),
    "handover": _words("api-key"),
}
"""Hand-over needs keys: they tell the core systems apart."""

_TYPES: Mapping[str, frozenset[str]] = {
    "DATETIME": _words(
        "received_from received_to received_at arrived_at imported_at completed_at applied_at verified_at"
    ),
    "INT": _words("offset limit total size seq occurrence since last_seq attachment_count expires_in"),
    "DATE": _words("valid_from valid_to birth_date"),
    "CODE": _words("state gender result change applicant_kind origin signer_method subject_method"),
    "BOOL": _words("name_substituted address_substituted merged"),
    "SERIAL": _words("serial"),
    "DIGEST": _words("sha256"),
}
"""Item type → canonical names of that type; every other name is text (X or N)."""

DOCUMENTS: Mapping[str, frozenset[str]] = {
    "application": _words(
        "receipt_no procedure_id procedure_name dantai_code applied_at applicant_kind origin attachment_count"
    ),
    "attachments": _ATTACHMENT,
    "form": _FORM,
    "verification": _words(
        "result reason verified_at serial name name_substituted birth_date gender address address_substituted"
    ),
}
ROW_DOCUMENTS = frozenset({"attachments", "form"})

ERRORS: Mapping[str, frozenset[str]] = {
    "download": _words("bad_request bad_credentials bad_token forbidden too_many maintenance"),
    "handover": _words("bad_request unauthorized not_found conflict"),
}

CODES: Mapping[str, frozenset[str]] = {
    "verification_result": _words("valid"),
    "gender_jpki": _words("male female unknown"),
    "gender_municipal": _words("male female unknown"),
    "certificate_state": _words("valid"),
    "change_kind": _words("upsert delete"),
    "resident_state": _words("deceased erased"),
    "identification_method": _words("serial basic4 manual"),
    "core_result": _words("updated error"),
    "handover_state": _words("none waiting delivered error"),
}

LIMITS = _words("list_page package_bytes unpacked_bytes package_entries no_answer")


def check(profile: Profile) -> None:
    """Raise SpecError unless the profile names exactly what this system's code reads and writes."""
    name = profile.profile.id
    for place, parts in OPERATIONS.items():
        surface, operation_name = place.split(".")
        if surface not in profile.surfaces or operation_name not in profile.surfaces[surface].operations:
            raise SpecError(name, f"surfaces.{place}", "この操作がありません / the operation is missing")
        operation = profile.operation(surface, operation_name)
        for part in ("request", "response", "row"):
            items = getattr(operation, part)
            _same(name, f"surfaces.{place}.{part}", items, parts.get(part, frozenset()))
            _types(name, f"surfaces.{place}.{part}", items)
        if operation.body not in BODIES[place]:
            known = ", ".join(sorted(BODIES[place]))
            raise SpecError(name, f"surfaces.{place}.body", f"{known} だけを扱えます / not supported by this system")
        if operation.body == "json" and operation.row and operation.rows is None:
            raise SpecError(name, f"surfaces.{place}.rows", "行の配列の名前がありません / the row array has no name")
    for document, items in DOCUMENTS.items():
        if document not in profile.package.documents:
            raise SpecError(name, f"package.documents.{document}", "この文書がありません / the document is missing")
        found = profile.package.documents[document]
        given = found.row if document in ROW_DOCUMENTS else found.items
        _same(name, f"package.documents.{document}", given, items)
        _types(name, f"package.documents.{document}", given)
    _same(name, "package.documents", profile.package.documents, DOCUMENTS)
    for drop_name, files in DROPS.items():
        _drop(profile, drop_name, files)
    for surface, wanted in ERRORS.items():
        _contains(name, f"surfaces.{surface}.errors", profile.surfaces[surface].errors, wanted)
    _contains(name, "codes", profile.codes, CODES)
    for code_list, values in CODES.items():
        _contains(name, f"codes.{code_list}.values", profile.codes[code_list].values, values)
    _contains(name, "limits", profile.limits, LIMITS)
    _zones(profile)
    for surface, ways in AUTH.items():
        if profile.surfaces[surface].auth not in ways:
            known = ", ".join(sorted(ways))
            raise SpecError(name, f"surfaces.{surface}.auth", f"{known} だけを扱えます / not supported by this system")


def _drop(profile: Profile, drop_name: str, files: Mapping[str, frozenset[str]]) -> None:
    name, place = profile.profile.id, f"drops.{drop_name}"
    if drop_name not in profile.drops:
        raise SpecError(name, place, "この受渡しがありません / the drop is missing")
    drop = profile.drops[drop_name]
    _same(name, f"{place}.files", drop.files, set(files) - {"manifest"})
    for file_name, file in drop.files.items():
        _same(name, f"{place}.files.{file_name}", file.row, files[file_name])
    _same(name, f"{place}.manifest.items", drop.manifest.items, files["manifest"])
    _same(name, f"{place}.manifest.row", drop.manifest.row, _DROP_FILE)


def _types(name: str, place: str, given: Mapping[str, Item]) -> None:
    expected = {item: kind for kind, items in _TYPES.items() for item in items}
    for item_name, item in given.items():
        kinds = (expected[item_name],) if item_name in expected else ("X", "N")
        if item.type not in kinds:
            raise SpecError(name, f"{place}.{item_name}.type", f"{' か '.join(kinds)} にします / must be that type")


def _same(name: str, place: str, given: Iterable[str], known: Iterable[str]) -> None:
    _contains(name, place, given, known)
    for extra in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(extra, sorted(known), 1)
        hint = f"（{near[0]} では？）" if near else ""
        raise SpecError(name, f"{place}.{extra}", f"知らない項目です{hint} / this system does not know the item")


def _contains(name: str, place: str, given: Iterable[str], known: Iterable[str]) -> None:
    missing = sorted(set(known) - set(given))
    if missing:
        raise SpecError(name, f"{place}.{missing[0]}", "必須の項目がありません / required item is missing")


def _zones(profile: Profile) -> None:
    for place, item in profile.items():
        if item.zone is not None:
            try:
                formats.zone(item.zone)
            except ValueError as error:
                raise SpecError(profile.profile.id, f"{place}.zone", str(error)) from None
