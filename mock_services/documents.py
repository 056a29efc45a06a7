"""OpenAPI of every door of a world, as JSON and as pages, on the control API: ``/docs``, ``/docs/DOOR``, ``/docs/DOOR.json``.

Surfaces of the profile are described by the generated specification, where whoever starts the world has laid it
(``run_dir/spec``); screens and neighbours describe themselves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from mock_services.api_page import api_page
from mock_services.asgi import ServiceApp
from mock_services.errors import UnknownError
from mock_services.world import World

_SURFACES = ("download", "link", "atena", "togo", "portal")
"""Surfaces of the profile that a world answers as a server."""


def documents(world: World) -> dict[str, dict[str, Any]]:
    """Door → its OpenAPI document."""
    found: dict[str, dict[str, Any]] = {}
    folder = world.config.run_dir / "spec" / "openapi"
    doors = {name: app for system in world.systems.values() for name, app in system.doors().items()}
    for name in _SURFACES:
        if name in ("download", "link", "atena") or name in doors:
            found |= _generated(folder / f"{name}.json", name)
    for name, app in doors.items():
        if isinstance(app, ServiceApp) and app.openapi is not None:
            found[name] = app.openapi()
    return found


def _generated(path: Path, name: str) -> dict[str, dict[str, Any]]:
    return {name: json.loads(path.read_text(encoding="utf-8"))} if path.is_file() else {}


def add_documents(app: FastAPI, world: World) -> None:
    """The pages, on the control API."""
    found = documents(world)
    titles = {document["info"]["title"]: f"/docs/{name}" for name, document in found.items()}
    if (world.config.run_dir / "spec").is_dir():
        titles["仕様書の全体（ファイルの受渡しも） / the whole specification, files included"] = "/spec/index.html"
    nav = {app.title: "/docs"} | titles

    @app.get("/docs", include_in_schema=False)
    async def own() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi(), "/openapi.json", titles))

    @app.get("/docs/{door}", include_in_schema=False, response_model=None)
    async def one(door: str) -> HTMLResponse | JSONResponse:
        document = found.get(door.removesuffix(".json"))
        if document is None:
            raise UnknownError(f"その入口の文書はありません（あるもの: {', '.join(found)}） / no such door")
        if door.endswith(".json"):
            return JSONResponse(document)
        others = {title: where for title, where in nav.items() if where != f"/docs/{door}"}
        return HTMLResponse(api_page(document, f"/docs/{door}.json", others))
