from testbed.mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = ()
