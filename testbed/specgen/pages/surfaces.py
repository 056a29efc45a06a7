"""One page per interface over HTTP."""

from __future__ import annotations

from interface_spec.profile import Operation, Profile, Surface
from testbed.specgen.model import Block, Cell, Facts, Page, Section, Text
from testbed.specgen.tables import body_of, errors_table, items_table, operations_table, text_of

AUTH = {
    "bearer-login": "ログインで得た認証トークンを、呼出しごとに付ける（Bearer）",
    "api-key": "呼出し元ごとのAPI鍵を、呼出しごとに付ける",
    "oauth": "OAuth 2.0 クライアントクレデンシャルで得たアクセストークンを、呼出しごとに付ける（Bearer）",
    "none": "なし",
}


def pages(profile: Profile) -> tuple[Page, ...]:
    return tuple(surface_page(profile, name, one) for name, one in profile.surfaces.items())


def surface_page(profile: Profile, name: str, surface: Surface) -> Page:
    every = surface.operations | surface.undeclared
    sections = [Section("概要", "gaiyo", _overview(profile, name, surface))]
    sections += [Section(one.ja, key, operation_blocks(one), level=2) for key, one in every.items()]
    if surface.errors:
        sections.append(Section("エラー", "errors", errors_blocks(surface)))
    return Page(
        f"if-{name}", surface.ja, f"{surface.client} → {surface.server}", tuple(sections), group="HTTPで呼び出すもの"
    )


def _overview(profile: Profile, name: str, surface: Surface) -> tuple[Block, ...]:
    pairs: list[tuple[str, str | Cell]] = [
        ("提供する側", surface.server),
        ("呼び出す側", surface.client),
        ("認証", AUTH[surface.auth]),
    ]
    if surface.auth != "none":
        pairs.append(("認証のヘッダ", Cell(surface.auth_header, code=True)))
    if surface.oauth is not None:
        oauth = surface.oauth
        pairs += [
            ("トークン", Cell(f"POST {oauth.token_path}", code=True)),
            ("クライアント認証", f"{oauth.client_auth}（{oauth.algorithm}、有効 {oauth.assertion_seconds} 秒）"),
            ("クライアントID", f"{oauth.client_id_length} 文字、秘密は {oauth.secret_least} 文字以上"),
            ("有効時間", f"{oauth.token_seconds} 秒、更新トークンなし"),
            ("スコープ", Cell(" ".join(oauth.scopes), code=True)),
        ]
    if surface.envelope is not None:
        parts = surface.envelope
        pairs.append(
            (
                "応答の枠",
                Cell(
                    f"{parts.metadata}.{parts.title} / {parts.links}.{parts.self_link}.{parts.href} / {parts.result}",
                    code=True,
                ),
            )
        )
    if not surface.json_on_timeout:
        pairs.append(("時間切れと保守", "JSONのない5xxで答える"))
    if any(one.body == "csv" for one in surface.operations.values()):
        pairs.append(("CSVの書き方", text_of(surface.file)))
    if surface.dialect:
        dialect = profile.dialects[surface.dialect]
        pairs.append(("方言", f"{surface.dialect}: {dialect.ja}"))
    pairs.append(("出所", Cell(surface.provenance, tone=surface.provenance)))
    pairs.append(("OpenAPI", Cell(f"openapi/{name}.json", link=f"openapi/{name}.json")))
    blocks: list[Block] = [Facts(tuple(pairs))]
    if surface.note:
        blocks.append(Text(surface.note))
    blocks.append(operations_table(surface))
    return tuple(blocks)


def operation_blocks(operation: Operation) -> tuple[Block, ...]:
    """What one call asks and answers."""
    blocks: list[Block] = [
        Facts(
            (
                ("呼出し", Cell(f"{operation.method} {operation.path}", code=True)),
                ("成功時の状態", str(operation.status)),
                ("応答", body_of(operation) + (f"、行の配列は {operation.rows}" if operation.rows else "")),
                *((("スコープ", Cell(operation.scope, code=True)),) if operation.scope else ()),
                ("出所", Cell(operation.provenance, tone=operation.provenance)),
            )
        )
    ]
    if not operation.declared:
        blocks.append(Text("この契約では有効にしていない。有効にするには、上書きファイルで declared = true と書く。"))
    if operation.note:
        blocks.append(Text(operation.note))
    if operation.request:
        blocks.append(items_table(operation.request, "要求の項目", place=True))
    if operation.request_row:
        blocks.append(items_table(operation.request_row, f"要求の行（配列 {operation.request_rows}）", place=False))
    if operation.upload:
        blocks.append(Text("要求の本文はファイルそのもの。"))
    if operation.response:
        blocks.append(items_table(operation.response, "応答の項目", place=True))
    if operation.row:
        array = f"配列 {operation.rows}" if operation.body == "json" else "CSVの列（この順）"
        blocks.append(items_table(operation.row, f"応答の行（{array}）", place=False))
    return tuple(blocks)


def errors_blocks(surface: Surface) -> tuple[Block, ...]:
    """How an error looks, and the table of errors."""
    if surface.envelope is None:
        names = surface.error_body
        shape = f"本文は JSON。コードは {names.code}、文言は {names.message}。"
    else:
        parts = surface.envelope
        shape = f"本文は JSON、{parts.errors}[] に {parts.error_code} と {parts.error_message}。"
    return (Text(shape), errors_table(surface))
