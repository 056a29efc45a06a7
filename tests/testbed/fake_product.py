"""A product that misbehaves, started by a target file: ``fake_product.py MODE READY_FILE``. Uses nothing of ours.

Modes: ``gone`` answers until the first job, then ends; ``sleepy`` starts a child of its own and never finishes a job;
``hostile`` puts what has ever escaped from a report wherever it can; ``empty`` does its jobs and never has anything;
``others`` holds an application of somebody else; ``personal:RECEIPT`` names real people wherever text can stand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOSTILE = "<script>alert(1)</script> ]]> [/][bold] \x1b[2J\x07\x9b31m \u202e逆 \u2028 \u0085 \x00 \ufffe fake-control-token-77 "
NOW = "2026-01-15T00:00:00+09:00"

OTHER = {
    "receipt_no": "250401REALPERSON", "procedure_id": "K01", "ingestion": "stored", "review": "unreviewed",
    "handover": "none", "received_at": NOW, "arrived_at": NOW, "imported_at": NOW, "version": 1,
}  # fmt: skip


REAL = (
    "山田太郎",
    "鈴木 次郎",
    "佐藤三郎",
    "大阪市北区2-3-4",
    "1955-05-05",
    "ヤマダ タロウ",
    "234567890123",
    "小笠原",
    "ニカイドウ",
)


def personal(receipt_no: str) -> dict[str, object]:
    """An application of the run in which a product with real residents mixes them up."""
    name, second, third, address, born, kana, number, bare, bare_kana = REAL
    candidate = {
        "atena_no": "1", "juki_atena_no": number, "name": name, "birth_date": born, "gender": "1", "address": address,
        "reasons": [f"{second}さんと同じ住所"],
    }  # fmt: skip
    said = f"{name}（{kana}）と取り違え。氏名: {second}。担当の{bare}が{bare_kana}に確認"
    return OTHER | {
        "receipt_no": receipt_no,
        "dantai_code": "991236",
        "quarantine_reason": said,
        "items": [{"item_id": "shimei", "label": "氏名", "group": "", "occurrence": 1, "value": third}],
        "attachments": [],
        "persons": [
            {
                "role": "signer", "state": "staff", "juki_atena_no": "", "core_system": "jido-teate", "atena_no": "",
                "method": None, "reasons": [said], "candidates": [candidate],
            }
        ],
        "core_errors": [said],
        "history": [{"at": NOW, "actor": f"窓口 {second}様", "what": "照会", "reason": said}],
    }  # fmt: skip


class Product(BaseHTTPRequestHandler):
    mode = "empty"
    receipt = ""
    imported = False

    def do_GET(self) -> None:
        if self.path.endswith("/health"):
            self.reply({"status": "ok", "product": "fake", "version": "0", "now": NOW})
        elif "/jobs/" in self.path:
            self.reply(self.job())
        elif "/applications?" in self.path:
            listed = [OTHER] if self.mode == "others" else []
            if self.mode == "personal" and Product.imported:
                listed = [OTHER | {"receipt_no": self.receipt}]
            self.reply({"total": len(listed), "items": listed})
        elif self.mode == "personal" and self.path.endswith(f"/applications/{self.receipt}"):
            self.reply(personal(self.receipt))
        elif self.mode == "hostile":
            body = b'{"items": [{"receipt_no": "\\ud800"}], "x": "' + HOSTILE.encode() + b'\xff"}'
            self.send_response(200, "O\x1bK")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Hostile", HOSTILE.encode("ascii", "ignore").decode().replace("\x00", ""))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.reply({"code": "not_found", "message": "ありません"}, 404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.mode == "gone":
            os._exit(1)
        Product.imported = True
        self.reply(self.job())

    def job(self) -> dict[str, str]:
        state = {"sleepy": "running", "hostile": "failed"}.get(self.mode, "done")
        message = {"hostile": HOSTILE * 10_000, "personal": "鈴木 次郎様の分は後で。小笠原の分も"}.get(self.mode, "")
        return {"job_id": "1", "kind": "import", "state": state, "message": message}

    def reply(self, data: object, status: int = 200) -> None:
        body = json.dumps(data, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:  # noqa: ARG002 - the base class's
        """Silent, except that a hostile product logs the harness's token."""
        if self.mode == "hostile":
            sys.stderr.write(f"{self.headers.get('Authorization')}\n")


def main(mode: str, ready_file: str) -> None:
    if mode == "dies":
        sys.exit("DATABASE_URL がありません \x1b[31m/ DATABASE_URL is not set")
    if mode == "silent":
        time.sleep(60)
    Product.mode, _, Product.receipt = mode.partition(":")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Product)
    if mode == "sleepy":
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(120)"])
    unfinished = Path(ready_file + ".tmp")
    unfinished.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), encoding="utf-8")
    unfinished.replace(ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
