"""Words between the engine and its check process."""

RUN_DIR = "SHINSEI_RUN_DIR"
GO = b"go\n"
"""What a check process that was started with ``--wait`` reads when the records are there."""
