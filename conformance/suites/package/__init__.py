"""Role ``package``: the validator of an application ZIP (5章③-2, ③-3), for whoever writes one.

Shares nothing with the writer in ``fixtures`` nor with the reader in ``reference_impl``: it has a ZIP reader of its own,
because common libraries hide exactly what must be judged. The rules are data (``rules.toml``).
"""
