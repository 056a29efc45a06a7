"""Mutants of the reference 申請管理システム, one module a clause, in the order of the suite."""

from __future__ import annotations

from testbed.mutants.am import c3_1_torikomi, c3_2_kakuno, c3_3_tokutei, c3_4_shokai, c3_5_renkei
from testbed.mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *c3_1_torikomi.MUTANTS,
    *c3_2_kakuno.MUTANTS,
    *c3_3_tokutei.MUTANTS,
    *c3_4_shokai.MUTANTS,
    *c3_5_renkei.MUTANTS,
)
