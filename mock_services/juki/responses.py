"""既存住基: canonical requests in, answers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from mock_services.http import Answer
from mock_services.juki.models import LinkStore
from mock_services.models import LinkRecord
from mock_services.surface import Bound, write_answer
from mock_services.wiring import Record, Value


def link_row(link: LinkRecord) -> dict[str, Value]:
    return {
        "serial": link.serial,
        "atena_no": link.atena_no,
        "valid_from": link.valid_from,
        "valid_to": link.valid_to,
        "state": link.state,
    }


def full(bound: Bound, store: LinkStore, _asked: Record) -> Answer:
    rows = [link_row(link) for link in store.full()]
    return write_answer(bound, bound.operation("full"), {"last_seq": store.last_seq, "total": len(rows)}, rows)


def diff(bound: Bound, store: LinkStore, asked: Record) -> Answer:
    rows: list[dict[str, Value]] = [
        {"seq": change.seq, "change": change.kind, **link_row(change.row)}
        for change in store.since(cast(int, asked["since"]))
    ]
    return write_answer(bound, bound.operation("diff"), {"last_seq": store.last_seq, "total": len(rows)}, rows)


def lookup(bound: Bound, store: LinkStore, asked: Record) -> Answer:
    rows = [link_row(link) for link in store.lookup(str(asked["serial"]))]
    return write_answer(bound, bound.operation("lookup"), {}, rows)


OPERATIONS: dict[str, Callable[[Bound, LinkStore, Record], Answer]] = {"full": full, "diff": diff, "lookup": lookup}
