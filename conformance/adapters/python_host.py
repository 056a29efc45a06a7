"""Runs a vendor's adapter class in a process of its own: JSON lines in, JSON lines out.

A script of its own, standard library only, so that it runs under the vendor's interpreter as well:
``python python_host.py FILE CLASS``. One line asks, one line answers. Whatever the vendor's code prints goes to standard
error and never among the answers.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

CALLS = {
    "health": (), "sync": (), "import_now": (), "applications": (), "application": ("receipt_no",),
    "attachment": ("receipt_no", "seq"), "review": ("receipt_no", "change"), "identify": ("receipt_no", "person"),
}  # fmt: skip
MOST_WORDS = 2000


def load(file: str, name: str, settings: dict[str, str]) -> Any:
    """An instance of the vendor's class: made with the settings, or without when it takes none."""
    path = Path(file).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)(settings)


def answer(product: Any, request: dict[str, Any]) -> dict[str, Any]:
    """One call. A method that is missing is ``unseen``; an exception called ``Refused`` is the product's refusal."""
    name = request["call"]
    method = getattr(product, name, None)
    if method is None:
        return {"unseen": name}
    try:
        result = method(*(request["args"][one] for one in CALLS[name]))
    except Exception as error:  # the vendor's own code: whatever it raises is its answer
        words = f"{type(error).__name__}: {error}"[:MOST_WORDS]
        if type(error).__name__ == "Refused":
            return {"refused": {"status": int(getattr(error, "status", 409)), "message": str(error)[:MOST_WORDS]}}
        return {"problem": words}
    if isinstance(result, (bytes, bytearray)):
        return {"bytes": base64.b64encode(result).decode()}
    return {"result": result}


def main(file: str, name: str) -> None:
    """Answers until standard input ends. The first line carries the settings, the first answer what is unseen."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    product: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["call"] == "begin":
            try:
                product = load(file, name, request["args"])
                said: dict[str, Any] = {"result": sorted(str(one) for one in getattr(product, "unseen", ()))}
            except Exception as error:
                said = {"problem": f"{type(error).__name__}: {error}"[:MOST_WORDS]}
        else:
            said = answer(product, request)
        said["id"] = request["id"]
        try:
            text = json.dumps(said, ensure_ascii=True)
        except (TypeError, ValueError, RecursionError) as error:
            text = json.dumps({"id": request["id"], "problem": f"no JSON: {error}"[:MOST_WORDS]})
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
