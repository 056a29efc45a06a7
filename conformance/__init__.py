"""Conformance engine: catalogue → plan → run → events → reporters, one direction, nothing flows back."""

SUITE_VERSION = "0.1.0"
