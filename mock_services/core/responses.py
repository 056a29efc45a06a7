"""基幹 as a server: 宛名情報 out."""

from __future__ import annotations

from mock_services.core.models import AtenaStore
from mock_services.http import Answer
from mock_services.models import AtenaRecord
from mock_services.surface import Bound, write_answer
from mock_services.wiring import Value


def row(record: AtenaRecord) -> dict[str, Value]:
    return {
        "atena_no": record.atena_no,
        "juki_atena_no": record.juki_atena_no,
        "name": record.name,
        "kana": record.kana,
        "birth_date": record.birth_date,
        "gender": record.gender,
        "address": record.address,
        "state": record.state,
    }


def full(bound: Bound, store: AtenaStore) -> Answer:
    rows = [row(record) for record in store.full()]
    return write_answer(bound, bound.operation("full"), {"total": len(rows)}, rows)
