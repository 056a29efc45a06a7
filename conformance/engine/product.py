"""The adapter that a target asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.adapters.base import Adapter
from conformance.adapters.command import CommandAdapter
from conformance.adapters.desk import Desk
from conformance.adapters.files import FilesAdapter
from conformance.adapters.http import HttpAdapter
from conformance.adapters.operator import OperatorAdapter
from conformance.adapters.polling import PollingAdapter, Watch
from conformance.adapters.python import PythonAdapter
from conformance.adapters.settings import OperatorChoice, PythonChoice
from conformance.engine.processes import clean_environment
from conformance.engine.settings import address, expand
from conformance.engine.tape import AdapterTape
from conformance.target import Target, TargetError
from interface_spec.procedures import load_procedures

LOG = "adapter.log"
PAGE_FILE = "operator-page.txt"
"""Address of the operator's page while the run goes on; readable by its owner only, gone at the end."""


@dataclass(frozen=True)
class Surroundings:
    """What an adapter may need of a run. ``folder`` is that of target.toml, ``values`` fill ``{placeholders}``."""

    folder: Path
    run_dir: Path
    ready: Mapping[str, str]
    values: Mapping[str, str]
    token: str
    tape: AdapterTape
    tell: Callable[[str, str, float], None] = lambda _ja, _en, _seconds: None
    """Told what is waited for (Japanese, English) and how long."""
    watch: Watch | None = None
    """Eyes on a product that takes in on its own schedule."""


def open_adapter(target: Target, around: Surroundings) -> Adapter:
    """The product's adapter. TargetError for an address or a placeholder that cannot be used."""
    choice = target.adapter
    adapter = _inner(target, around)
    if choice.trigger != "poll":
        return adapter

    def tell(left: float) -> None:
        around.tell(
            f"製品の周期を待つ（あと {left:.0f} 秒）",
            f"waiting for the product's own schedule ({left:.0f} s left)",
            left,
        )

    looks = choice.kind != "operator"
    return PollingAdapter(adapter, choice.poll_seconds, tell=tell, watch=around.watch, looks=looks)


def _inner(target: Target, around: Surroundings) -> Adapter:
    choice = target.adapter
    call, job = choice.call_timeout_seconds, choice.job_timeout_seconds
    env = {"SHINSEI_CONTROL_TOKEN": around.token} if around.token else {}
    if choice.kind == "command":
        return CommandAdapter(
            choice.commands, around.folder, clean_environment(env), around.tape.note, call_timeout=call, job_timeout=job
        )
    if choice.files is not None:
        product = (target.product.name, target.product.version)
        return FilesAdapter(choice.files, around.folder, product, around.tape.note, call_timeout=call, job_timeout=job)
    if choice.python is not None:
        return PythonAdapter(
            choice.python,
            around.folder,
            python_settings(choice.python, around),
            clean_environment({**env, **inherited(choice.python.inherit_env)}),
            around.tape.note,
            around.run_dir / LOG,
            call_timeout=call,
            job_timeout=job,
        )
    if choice.kind == "operator":
        return _operator(target, choice.operator or OperatorChoice(), around)
    return HttpAdapter(
        address(target.endpoints.control, around.ready, "endpoints.control"),
        around.token,
        around.tape.take,
        call_timeout=call,
        job_timeout=job,
    )


def python_settings(choice: PythonChoice, around: Surroundings) -> dict[str, str]:
    """``[adapter.python.settings]`` with its placeholders filled in."""
    known = {**around.values, **around.ready}
    return {name: expand(value, known, f"adapter.python.settings.{name}") for name, value in choice.settings.items()}


def inherited(names: tuple[str, ...]) -> dict[str, str]:
    """Those of the variables ``names`` that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def _operator(target: Target, choice: OperatorChoice, around: Surroundings) -> OperatorAdapter:
    """A desk with a page, and with the terminal when there is one. TargetError when the page's port is taken."""
    from conformance.adapters.desk_page import Page  # pages and forms: loaded for this adapter only
    from conformance.adapters.desk_terminal import Terminal

    desk = Desk(around.run_dir)
    try:
        page = Page(desk, choice.page_port)
    except OSError as error:
        raise TargetError(
            "adapter.operator.page_port",
            f"ポート {choice.page_port} を使えません（{error.strerror}）",
            f"port {choice.page_port} cannot be used ({error.strerror})",
        ) from None
    desk.windows.append(page)
    address_file = around.run_dir / PAGE_FILE
    address_file.touch(mode=0o600)
    address_file.write_text(page.url + "\n", encoding="utf-8")
    if choice.terminal and sys.stdin.isatty():
        desk.windows.append(Terminal(desk, sys.stdin.fileno(), sys.stderr, page.url))
    else:
        sys.stderr.write(f"操作の頁 / page for the operator: {page.url}\n")
    product = (target.product.name, target.product.version)
    core = {name: one.core_system for name, one in load_procedures().items()}
    return OperatorAdapter(desk, choice, product, lambda procedure: core[procedure], around.tape.note)
