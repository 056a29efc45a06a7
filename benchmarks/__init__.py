"""Benchmarks: each states a bound measured in the same run, and a ratio to it. ``python -m benchmarks [NAME …]``."""
