"""A person at the operator's page, without a browser: reads the form as a browser would and answers it truthfully.

What it answers it looks up in the reference through its control interface, as a member of staff would on the screen.
"""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from interface_spec import control

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 64
TOKEN = "reference-control-0000"


@dataclass
class Form(HTMLParser):
    """The form of a page: its question, its fields (by the question's own names) and its hidden number."""

    question: str = ""
    number: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    _select: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.question = given["data-question"]
        if given.get("name") == "number":
            self.number = given["value"]
        if "data-name" in given:
            self.fields[given["data-name"]] = given["name"]
            self._select = given["data-name"] if tag == "select" else ""
            if given.get("type") == "file":
                self.files.add(given["data-name"])
        if tag == "option":
            self.options.setdefault(self._select, []).append(given["value"])


def read(page: str) -> Form:
    form = Form()
    form.feed(page)
    form.close()
    return form


class Clerk(threading.Thread):
    """Answers every question of one run until the run is over, or ``stop_at`` (a piece of a question's key) comes."""

    def __init__(self, run_dir: Path, stop_at: str = "") -> None:
        super().__init__(daemon=True)
        self.run_dir, self.stop_at = run_dir, stop_at
        self.over = threading.Event()
        self.asked: list[str] = []
        self.trouble = ""

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # told by the test, not lost in a thread
            self.trouble = repr(error)

    def _work(self) -> None:
        url = self._wait_for("operator-page.txt", str.strip)
        product = self._wait_for("product-ready.json", lambda text: str(json.loads(text)["url"]))
        with (
            httpx.Client(trust_env=False, timeout=30) as page,
            httpx.Client(
                base_url=product, trust_env=False, timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}
            ) as self.product,
        ):
            while not self.over.is_set():
                try:
                    form = read(page.get(url).text)
                except httpx.TransportError:
                    return
                if not form.question:
                    time.sleep(0.02)
                    continue
                if self.stop_at and self.stop_at in form.question:
                    return
                self.asked.append(form.question)
                self._send(page, url, form)

    def _send(self, page: httpx.Client, url: str, form: Form) -> None:
        values, handed = self._answer(form)
        data = {form.fields[name]: value for name, value in values.items() if name in form.fields}
        files: dict[str, tuple[str, bytes]] = {form.fields[name]: given for name, given in handed.items()}
        files["picture"] = ("画面.png", PICTURE)
        answer = page.post(url, data={"number": form.number, **data}, files=files)
        if answer.status_code != 303:
            wrong = answer.text.partition('role="alert">')[2].partition("<")[0]
            raise AssertionError(f"{form.question}: {answer.status_code} {wrong}")

    def _wait_for(self, name: str, of: Callable[[str], str]) -> str:
        path = self.run_dir / name
        while not self.over.is_set():
            try:
                return of(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                time.sleep(0.02)
        raise RuntimeError("the run is over")

    # -- what the person sees and does ---------------------------------------------------------------------------------

    def _answer(self, form: Form) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
        _, word, *rest = form.question.split(":")
        if word == "health":
            return {"works": "yes"}, {}
        if word in ("sync", "import"):
            return self._job(control.SYNC if word == "sync" else control.IMPORTS), {}
        if word == "list":
            return self._list(form), {}
        if word == "show":
            return self._show(rest[0]), {}
        if word == "attachment":
            data = self.product.get(control.ATTACHMENT.format(receipt_no=rest[0], seq=rest[1]))
            return {}, {"file": ("tenpu", data.content)} if data.status_code == 200 else {}
        if word == "review":
            reason = "要件を満たさないため（試験）" if rest[1] in ("rejected", "withdrawn", "correction") else ""
            return self._change(control.REVIEW, rest[0], {"to": rest[1], "reason": reason}), {}
        person = {"role": rest[1], "atena_no": rest[2] or None, "reason": "職員が確認"}
        return self._change(control.IDENTIFY, rest[0], person), {}

    def _job(self, path: str) -> dict[str, str]:
        job = self.product.post(path).json()
        while job["state"] == "running":
            time.sleep(0.02)
            job = self.product.get(control.JOB.format(job_id=job["job_id"])).json()
        return {"result": "done" if job["state"] == "done" else "failed", "message": job["message"][:200]}

    def _all(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.product.get(control.APPLICATIONS, params={"offset": len(found), "limit": 200}).json()
            found += page["items"]
            if not page["items"] or len(found) >= page["total"]:
                return {one["receipt_no"]: one for one in found}

    def _list(self, form: Form) -> dict[str, str]:
        there, answer = self._all(), {}
        for name in form.fields:
            receipt, _, what = name.rpartition(".")
            one = there.get(receipt)
            if what == "listed":
                answer[name] = one["ingestion"] if one else "none"
            elif one:
                answer[name] = one[what]
        return answer

    def _show(self, receipt_no: str) -> dict[str, str]:
        one = self.product.get(control.APPLICATION.format(receipt_no=receipt_no)).json()
        answer = {"quarantine_reason": one["quarantine_reason"], "core_errors": "；".join(one["core_errors"])}
        self.persons = {person["role"]: person for person in one["persons"]}
        for role in ("signer", "subject"):
            person = self.persons.get(role)
            answer[f"{role}.state"] = (person["method"] or person["state"]) if person else "unknown"
            if person:
                answer[f"{role}.atena_no"] = person["atena_no"]
                answer[f"{role}.reasons"] = "；".join(person["reasons"])
                answer[f"{role}.candidates"] = " ".join(c["atena_no"] for c in person["candidates"])
        table = io.StringIO(newline="")
        writer = csv.writer(table, dialect="excel-tab")
        writer.writerows([i["item_id"], i["value"], i["group"], i["occurrence"]] for i in one["items"])
        names = "\n".join(a["file_name"] for a in sorted(one["attachments"], key=lambda a: int(a["seq"])))
        return {**answer, "items": table.getvalue(), "attachments": names}

    def _change(self, path: str, receipt_no: str, body: dict[str, Any]) -> dict[str, str]:
        done = self.product.post(path.format(receipt_no=receipt_no), json=body)
        now = self.product.get(control.APPLICATION.format(receipt_no=receipt_no)).json()
        result = "done" if done.is_success else "broken" if done.status_code >= 500 else "refused"
        return {"result": result, "review": now["review"], "message": "" if done.is_success else done.text[:200]}
