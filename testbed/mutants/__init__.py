"""Mutants: in-repo products with one deliberate mistake each, to prove that the suite catches it."""
