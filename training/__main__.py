"""Entry point: ``python -m training anomalies|backtest|evaluate|patterns …``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from training import anomaly_check, backtest, evaluate, pattern_check

COMMANDS: Mapping[str, Callable[[Sequence[str] | None], int]] = {
    "anomalies": anomaly_check.main,
    "backtest": backtest.main,
    "evaluate": evaluate.main,
    "patterns": pattern_check.main,
}


def main(arguments: list[str]) -> int:
    """Hand the rest of the command line to the command that its first word names."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        sys.stderr.write(f"usage: python -m training {'|'.join(COMMANDS)} …\n")
        return 2
    return command(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
