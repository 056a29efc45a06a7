"""The surface ``handover`` as the core systems know it (5章③-5): its items, and their binding to the profile."""

from __future__ import annotations

from interface_spec.profile import Profile
from mock_services.surface import Bound, Shape, bind, need_codes

SHAPES = {
    "list": Shape(
        request={"core_system": "text", "procedure_id": "text"},
        response={"total": "INT"},
        row={"receipt_no": "text", "procedure_id": "text", "completed_at": "DATETIME"},
        body=("json", "csv"),
    ),
    "fetch": Shape(
        request={"receipt_no": "text"},
        response={
            "receipt_no": "text",
            "procedure_id": "text",
            "received_at": "DATETIME",
            "arrived_at": "DATETIME",
            "imported_at": "DATETIME",
            "completed_at": "DATETIME",
            "signer_atena_no": "text",
            "signer_method": "CODE",
            "subject_atena_no": "text",
            "subject_method": "CODE",
        },
        row={"item_id": "text", "label": "text", "group": "text", "occurrence": "INT", "value": "text"},
        body=("json", "csv"),
    ),
    "attachments": Shape(
        request={"receipt_no": "text"},
        row={"seq": "INT", "label": "text", "file_name": "text", "size": "INT", "sha256": "DIGEST"},
        body=("json", "csv"),
    ),
    "attachment": Shape(request={"receipt_no": "text", "seq": "INT"}, body=("binary",)),
    "ack": Shape(
        request={"receipt_no": "text", "result": "CODE", "error_item": "text", "error_reason": "text"},
        response={"state": "CODE"},
        body=("json", "none"),
    ),
}
ERRORS = ("bad_request", "unauthorized", "not_found", "conflict")


def bind_handover(profile: Profile) -> Bound:
    """The surface ``handover``; SpecError when the profile names other items than the code knows."""
    bound = bind(profile, "handover", SHAPES, errors=ERRORS, auth=["api-key", "none"])
    need_codes(profile, "surfaces.handover.ack", bound.operation("ack").request["result"], ["updated", "error"])
    return bound
