"""Names of the environment variables between the engine and its child processes."""

RUN_DIR = "SHINSEI_RUN_DIR"
