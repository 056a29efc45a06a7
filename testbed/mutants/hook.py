"""Replaces one attribute of a product module the moment that module is loaded, from outside the product.

The product knows nothing of it. Every process of the product that loads the module writes one line to the log,
which is the proof that the mutant was live.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from testbed.mutants.model import Mutant

NAME = "SHINSEI_MUTANT"
LOG = "SHINSEI_MUTANT_LOG"
STALE = 3


class _Loader(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, mutant: Mutant) -> None:
        self._inner, self._mutant = inner, mutant

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        apply(self._mutant, module)
        log = os.environ.get(LOG)
        if log:
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123 - one line, one write
                file.write(f"{os.getpid()} {self._mutant.name}\n")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._mutant)
        return spec


def apply(mutant: Mutant, module: ModuleType) -> None:
    """Replaces the mutant's target in ``module``. AttributeError when the target no longer exists."""
    *owners, last = mutant.path
    owner: object = module
    for name in owners:
        owner = getattr(owner, name)
    original = vars(owner).get(last)
    if original is None:
        raise AttributeError(f"mutant {mutant.name}: no such target {mutant.target}")
    setattr(owner, last, mutant.replace(original))


def install(mutant: Mutant) -> None:
    """Makes the mutant live for every later import in this process."""
    if mutant.module in sys.modules:
        raise RuntimeError(f"mutant {mutant.name}: {mutant.module} was loaded before the hook")
    sys.meta_path.insert(0, _Finder(mutant))
