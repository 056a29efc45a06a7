"""An OpenAPI document as one plain page: nothing is fetched from anywhere, so it reads in a closed network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

_METHODS = ("get", "put", "post", "delete", "patch")
_REFERENCE, _LINK = re.compile(r"#/components/schemas/([\w.-]+)"), r'<a href="#\1">#/components/schemas/\1</a>'
_STYLE = """
:root { color-scheme: light }
body { font: 16px/1.7 "Noto Sans JP", "Noto Sans CJK JP", sans-serif; color: #1a1a1c; background: #fff; max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.5 } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #949494 }
details { border: 1px solid #b3b3b3; border-radius: 8px; margin: .5rem 0; padding: .5rem 1rem }
summary { cursor: pointer; overflow-wrap: anywhere } summary:focus-visible, a:focus-visible { outline: 4px solid #000; outline-offset: 2px; background: #ffd43d }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: #0017c1 }
code, pre { font-family: "Noto Sans Mono", monospace; font-size: .9rem } pre { background: #f2f2f2; padding: .75rem; overflow-x: auto; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere }
.text { white-space: pre-line } a { color: #0017c1 }
"""


def api_page(openapi: dict[str, Any], document: str, others: Mapping[str, str]) -> str:
    """The whole page. ``document``: where the JSON is; ``others``: title → address of the pages beside it."""
    by_tag: dict[str, list[str]] = {}
    for path, calls in openapi.get("paths", {}).items():
        for method in _METHODS:
            if method in calls:
                call = calls[method]
                by_tag.setdefault((call.get("tags") or [""])[0], []).append(_call(method, path, call))
    said = {one["name"]: one.get("description", "") for one in openapi.get("tags", [])}
    parts = [
        f"<h2>{escape(said.get(tag) or tag or '呼出し / Calls')}</h2>{''.join(calls)}" for tag, calls in by_tag.items()
    ]
    schemas = openapi.get("components", {}).get("schemas", {})
    models = "".join(
        f'<details><summary><code>{escape(name)}</code></summary><div id="{escape(name)}">{_json(schema)}</div></details>'
        for name, schema in sorted(schemas.items())
    )
    title = escape(openapi["info"]["title"])
    shown = f"<h2>データの形 / Schemas</h2>{models}" if models else ""
    return (
        '<!doctype html><html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>'
        f'<p><a href="{escape(document)}">OpenAPI (JSON)</a></p>{_nav(others)}'
        f"{''.join(parts)}{shown}</main></body></html>"
    )


def _nav(others: Mapping[str, str]) -> str:
    links = "".join(f'<li><a href="{escape(where)}">{escape(title)}</a></li>' for title, where in others.items())
    return f'<nav aria-label="ほかのシステム / other systems"><ul>{links}</ul></nav>' if links else ""


def _call(method: str, path: str, call: dict[str, Any]) -> str:
    said, text = escape(call.get("summary") or ""), escape(call.get("description") or "")
    taken = {name: call[name] for name in ("parameters", "requestBody") if name in call}
    shown = _json(taken) if taken else ""
    answers = ", ".join(call.get("responses", {}))
    return (
        f'<details><summary><span class="method">{method.upper()}</span><code>{escape(path)}</code> {said}</summary>'
        f'<p class="text">{text}</p>{shown}<p>応答 / answers: {escape(answers)}</p></details>'
    )


def _json(value: object) -> str:
    """As text, where every reference to a schema leads to it (which opens what it stands in)."""
    text = escape(json.dumps(value, ensure_ascii=False, indent=1))
    return f"<pre>{_REFERENCE.sub(_LINK, text)}</pre>"
