"""Mutants of the package writer (role ``package``): one mistake each; ``killed_by`` are the validator's rules, exactly.

The writer runs inside whoever builds a package, so a mutant is applied to the loaded module (`testbed.mutants.hook.apply`)
and judged by `conformance.suites.package` on the plain case.
"""

from __future__ import annotations

from testbed.mutants.model import Mutant
from testbed.mutants.package import container, documents, forged

MUTANTS: tuple[Mutant, ...] = (*container.MUTANTS, *documents.MUTANTS, *forged.MUTANTS)
