"""The command line as a module, for child processes: ``module_command("testbed.cli.run", "check", "am", …)``."""

from __future__ import annotations

from testbed.cli import main

if __name__ == "__main__":
    main()
