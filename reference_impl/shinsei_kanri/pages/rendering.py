"""The templates, with values escaped and nothing undefined."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reference_impl.shinsei_kanri import views

TEMPLATES = Path(__file__).parent / "templates"
AUTH_NAMES = {
    "bearer-login": "ログインで得た認証トークンを、呼出しごとに付ける（Bearer）",
    "api-key": "基幹システムごとのAPI鍵を、呼出しごとに付ける",
    "oauth": "OAuth 2.0 クライアントクレデンシャルで得たアクセストークンを付ける（Bearer）",
    "none": "なし",
}
ITEM_TYPES = {
    "X": "半角文字",
    "N": "文字",
    "INT": "整数",
    "BOOL": "真偽",
    "DATE": "日付",
    "DATETIME": "日時",
    "CODE": "コード",
    "SERIAL": "シリアル番号",
    "DIGEST": "SHA-256（16進64桁）",
}
FORM_TYPES = {
    "text": "文字",
    "kana": "カナ",
    "date": "日付（YYYY-MM-DD）",
    "integer": "整数",
    "choice": "選択",
    "phone": "電話番号",
    "postal": "郵便番号",
    "flag": "チェック（1 / 0）",
}
PLACES = {"body": "本文", "query": "クエリ", "path": "パス", "header": "ヘッダ"}


@cache
def environment() -> Environment:
    found = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    found.filters["moment"] = lambda value: views.local(value).strftime("%Y-%m-%d %H:%M:%S")
    found.globals.update(auth_names=AUTH_NAMES, item_types=ITEM_TYPES, form_types=FORM_TYPES, places=PLACES)
    return found
