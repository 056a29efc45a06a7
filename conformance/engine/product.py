"""The adapter that a target asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from conformance.adapters.base import Adapter
from conformance.adapters.command import CommandAdapter
from conformance.adapters.http import HttpAdapter
from conformance.adapters.polling import PollingAdapter
from conformance.engine.processes import clean_environment
from conformance.engine.settings import address
from conformance.engine.tape import AdapterTape
from conformance.target import Target


def open_adapter(target: Target, ready: Mapping[str, str], token: str, folder: Path, tape: AdapterTape) -> Adapter:
    """The product's adapter; ``folder`` is that of target.toml. TargetError for an address that cannot be used."""
    choice = target.adapter
    adapter: Adapter
    if choice.kind == "command":
        adapter = CommandAdapter(
            choice.commands,
            folder,
            clean_environment({"SHINSEI_CONTROL_TOKEN": token}),
            tape.note,
            call_timeout=choice.call_timeout_seconds,
            job_timeout=choice.job_timeout_seconds,
        )
    else:
        adapter = HttpAdapter(
            address(target.endpoints.control, ready, "endpoints.control"),
            token,
            tape.take,
            call_timeout=choice.call_timeout_seconds,
            job_timeout=choice.job_timeout_seconds,
        )
    return PollingAdapter(adapter, choice.poll_seconds) if choice.trigger == "poll" else adapter
