"""Mutants of rulesets: the reference rules with one deliberate mistake each, as data; and how they are run against the suite."""
