"""A stored file as an HTTP answer: large ones are read from the database as fast as the caller takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, Table
from starlette.responses import Response, StreamingResponse

from reference_impl.shinsei_kanri.storage import files


def stored_file(
    engine: Engine, table: Table, media_type: str, headers: Mapping[str, str] | None = None, **key: Any
) -> Response | None:
    """The ``body`` of the row with this key; None when there is no such row."""
    with engine.connect() as connection:
        found = files.small(connection, table, **key)
    if found is None:
        return None
    size, body = found
    given = dict(headers or {})
    if body is not None:
        return Response(body, media_type=media_type, headers=given)
    return StreamingResponse(
        files.pieces(engine, table, **key), media_type=media_type, headers=given | {"Content-Length": str(size)}
    )
