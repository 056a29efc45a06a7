"""The reference pages: one for each check, mutant, fault, verdict, exit code, setting and command, made from the data.

Generated (``shinsei docs build``), committed below ``docs/reference``; a test fails when a page is stale or missing.
"""
