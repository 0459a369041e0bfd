"""Entry point: ``python -m training anomalies|backtest|evaluate|pairs|patterns|renew|train|tune …``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from training import anomaly_check, backtest, evaluate, pattern_check, renewal

Command = Callable[[Sequence[str] | None], int]
COMMANDS: Mapping[str, Command] = {
    "anomalies": anomaly_check.main,
    "backtest": backtest.main,
    "evaluate": evaluate.main,
    "patterns": pattern_check.main,
    "renew": renewal.main,
}
WITH_TORCH: Mapping[str, str] = {
    "pairs": "training.network.pairing",
    "train": "training.network.train",
    "tune": "training.distributed",
}
"""Commands that need the extra `gnn`, by the module that has them."""


def main(arguments: list[str]) -> int:
    """Hand the rest of the command line to the command that its first word names."""
    name = arguments[0] if arguments else ""
    if name in WITH_TORCH:
        return _with_torch(name, arguments[1:])
    if name not in COMMANDS:
        sys.stderr.write(f"usage: python -m training {'|'.join(sorted((*COMMANDS, *WITH_TORCH)))} …\n")
        return 2
    return COMMANDS[name](arguments[1:])


def _with_torch(name: str, arguments: list[str]) -> int:
    try:
        command: Command = importlib.import_module(WITH_TORCH[name]).main
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"{name} needs {missing.name}. Install the extra: uv pip install 'policycortex[gnn]'\n")
        return 2
    return command(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
