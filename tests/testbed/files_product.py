"""Makes the reference a product of files: ``python files_product.py FOLDER READY CONTROL COMMAND…``.

Starts COMMAND (the reference, which writes READY), then turns request files in FOLDER/in into calls of its control
interface and writes the tables of docs/examples/target-files.toml into FOLDER/out. Standard library only; when the
reference is up, it writes CONTROL as its own ready file.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

JST = timezone(timedelta(hours=9))
REVIEWS = {"unreviewed": "未審査", "reviewing": "審査中", "correction": "補正待ち", "completed": "審査完了", "rejected": "却下", "withdrawn": "取下げ"}  # fmt: skip
HANDOVERS = {"none": "―", "waiting": "連携待ち", "delivered": "連携済", "error": "連携エラー"}
PROCEDURES = {"K01": "0101", "C01": "0201", "S02": "0302"}
ROLES = {"signer": "申請者", "subject": "対象者"}
STATES = {"identified": "特定済", "staff": "職員確認", "none": "番号なし"}
METHODS = {"serial": "シリアル番号", "basic4": "基本4情報", "manual": "職員", None: ""}


def moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(JST).strftime("%Y/%m/%d %H:%M:%S")


def backwards(table: dict[Any, str], word: str) -> Any:
    return next(ours for ours, theirs in table.items() if theirs == word)


class Bridge:
    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.out, self.inbox, self.url, self.token = folder / "out", folder / "in", url, token

    def call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - the product this script has started
            f"{self.url}/control/v1{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def read(self, path: str) -> Any:
        return json.loads(self.call("GET", path)[1])

    def serve(self) -> None:
        while True:
            for asked in sorted(self.inbox.glob("*.csv")):
                word, number = re.fullmatch(r"([a-z]+)_(\d+)\.csv", asked.name).groups()  # type: ignore[union-attr]
                rows = list(csv.DictReader(asked.read_text(encoding="utf-8-sig").splitlines()))
                if word == "kakidashi":
                    self.export()
                else:
                    status, message = getattr(self, word)(rows[0] if rows else {})
                    said = (
                        "OK"
                        if status < 400
                        else "拒否"
                        if status < 500 and word not in ("torikomi", "saishinka")
                        else "NG"
                    )
                    self.table(f"{word}_{number}_kekka.csv", ["結果", "内容"], [[said, message]])
                asked.unlink()
            time.sleep(0.01)

    def job(self, path: str) -> tuple[int, str]:
        job = json.loads(self.call("POST", path)[1])
        while job["state"] == "running":
            time.sleep(0.02)
            job = self.read(f"/jobs/{job['job_id']}")
        return (200 if job["state"] == "done" else 500), job["message"]

    def saishinka(self, _: dict[str, str]) -> tuple[int, str]:
        return self.job("/sync")

    def torikomi(self, _: dict[str, str]) -> tuple[int, str]:
        return self.job("/imports")

    def shinsa(self, row: dict[str, str]) -> tuple[int, str]:
        change = {"to": backwards(REVIEWS, row["審査状況"]), "reason": row["理由"], "version": int(row["更新番号"])}
        status, data = self.call("POST", f"/applications/{row['受付番号']}/review", change)
        return status, "" if status < 400 else data.decode()

    def tokutei(self, row: dict[str, str]) -> tuple[int, str]:
        person = {"role": backwards(ROLES, row["区分"]), "atena_no": row["業務宛名番号"] or None, "reason": row["理由"]}
        status, data = self.call("POST", f"/applications/{row['受付番号']}/identify", person)
        return status, "" if status < 400 else data.decode()

    def export(self) -> None:
        listed: list[dict[str, Any]] = []
        while True:
            page = self.read(f"/applications?offset={len(listed)}&limit=200")
            listed += page["items"]
            if not page["items"] or len(listed) >= page["total"]:
                break
        details = [self.read(f"/applications/{one['receipt_no']}") for one in listed]
        self.table("申請一覧.csv", ["受付番号", "手続コード", "取込状態", "審査状況", "連携状態", "受付日時", "到達日時", "取込日時", "更新番号", "隔離理由"], [
            [d["receipt_no"], PROCEDURES[d["procedure_id"]], "1" if d["ingestion"] == "stored" else "9", REVIEWS[d["review"]],
             HANDOVERS[d["handover"]], moment(d["received_at"]), moment(d["arrived_at"]), moment(d["imported_at"]), d["version"],
             d["quarantine_reason"]] for d in details])  # fmt: skip
        self.table("申請項目.csv", ["受付番号", "項目ID", "項目名", "繰返し", "番号", "値"], [
            [d["receipt_no"], i["item_id"], i["label"], i["group"], i["occurrence"], i["value"]]
            for d in details for i in d["items"]])  # fmt: skip
        self.table("添付一覧.csv", ["受付番号", "連番", "種類", "ファイル名", "形式", "保存先"], [
            [d["receipt_no"], a["seq"], a["label"], a["file_name"], a["media_type"], self.keep(d["receipt_no"], a["seq"])]
            for d in details for a in d["attachments"]])  # fmt: skip
        self.table("申請者特定.csv", ["受付番号", "区分", "結果", "方法", "住基宛名番号", "業務", "業務宛名番号", "理由"], [
            [d["receipt_no"], ROLES[p["role"]], STATES[p["state"]], METHODS[p["method"]], p["juki_atena_no"], p["core_system"],
             p["atena_no"], "；".join(p["reasons"])] for d in details for p in d["persons"]])  # fmt: skip
        self.table("候補者.csv", ["受付番号", "区分", "業務宛名番号", "住基宛名番号", "氏名", "生年月日", "性別", "住所", "理由"], [
            [d["receipt_no"], ROLES[p["role"]], c["atena_no"], c["juki_atena_no"], c["name"], c["birth_date"], c["gender"],
             c["address"], "；".join(c["reasons"])] for d in details for p in d["persons"] for c in p["candidates"]])  # fmt: skip
        self.table(
            "連携エラー.csv", ["受付番号", "内容"], [[d["receipt_no"], e] for d in details for e in d["core_errors"]]
        )

    def keep(self, receipt_no: str, seq: int) -> str:
        """An attachment as a file, once."""
        name = f"tenpu/{receipt_no}_{seq}"
        if not (self.out / name).exists():
            (self.out / name).write_bytes(self.call("GET", f"/applications/{receipt_no}/attachments/{seq}")[1])
        return name

    def table(self, name: str, heading: list[str], rows: list[list[object]]) -> None:
        unfinished = self.out / f".{name}"
        with unfinished.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heading)
            writer.writerows(rows)
        unfinished.replace(self.out / name)


def main(folder: Path, ready: Path, control: Path, command: list[str]) -> None:
    for name in ("in", "out/tenpu"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command) as product:
        while not ready.is_file():
            if product.poll() is not None:
                sys.exit(product.returncode)
            time.sleep(0.02)
        text = ready.read_text(encoding="utf-8")
        bridge = Bridge(folder, json.loads(text)["url"], os.environ["SHINSEI_AM_CONTROL_TOKEN"])
        bridge.export()
        control.write_text(text, encoding="utf-8")
        bridge.serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
