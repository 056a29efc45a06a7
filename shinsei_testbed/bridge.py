"""Our flat packages inside somebody else's process, under a name of ours: `shinsei_testbed.lib.fixtures` and so on.

A vendor's tests run in the vendor's own interpreter, where `fixtures` may be the package of that name on PyPI or the
vendor's own folder. So nothing is put on `sys.path` and no name is taken: our modules are loaded from `lib_dir()` as
`shinsei_testbed.lib.*`, and their absolute imports of one another are read as that (docs/adr/0023).
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from shinsei_testbed import lib_dir

PREFIX = "shinsei_testbed.lib"
OFFERED = ("fixtures", "interface_spec")
"""Packages that a vendor's process may load; the rest runs in processes of its own."""


class _Imports(ast.NodeTransformer):
    """``from fixtures.x import y`` → ``from shinsei_testbed.lib.fixtures.x import y``."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module is not None and node.module.partition(".")[0] in OFFERED:
            node.module = f"{PREFIX}.{node.module}"
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for one in node.names:
            if one.name.partition(".")[0] in OFFERED:
                raise SyntaxError(f"import {one.name}: write it as from … import …")
        return node


class _Loader(SourceFileLoader):
    """Compiles with the imports changed; neither reads nor writes cached bytecode, which stands for other imports."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = _Imports().visit(ast.parse(self.get_data(path), path))
        code: CodeType = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname == PREFIX:
            return ModuleSpec(PREFIX, None, is_package=True)
        if not fullname.startswith(f"{PREFIX}."):
            return None
        parts = fullname.removeprefix(f"{PREFIX}.").split(".")
        if parts[0] not in OFFERED:
            return None
        place = lib_dir().joinpath(*parts)
        package = (place / "__init__.py").is_file()
        file = place / "__init__.py" if package else place.with_suffix(".py")
        if not file.is_file():
            return None
        folders = [str(place)] if package else None
        return spec_from_file_location(
            fullname, file, loader=_Loader(fullname, str(file)), submodule_search_locations=folders
        )


def load(module: str) -> Any:
    """Our module ``fixtures.…`` or ``interface_spec.…``. ModuleNotFoundError for any other."""
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # before the finder of the parent's folder
    return importlib.import_module(f"{PREFIX}.{module}")
