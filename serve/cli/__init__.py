"""The command line, `pcg`. Starting it imports nothing heavy; each command imports what it needs when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `pcg` with this process's arguments and exit with its status."""
    from serve.cli.errors import run  # noqa: PLC0415 (importing this package has no effect)

    sys.exit(run(sys.argv[1:]))
