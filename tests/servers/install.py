"""Install the outside programs: every module of this package that has an `install` function."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import tests.servers


def main(names: Sequence[str]) -> int:
    """Install them by name, or all; says what failed and ends with 1."""
    failed = []
    for name in names or sorted(module.name for module in pkgutil.iter_modules(tests.servers.__path__)):
        module = importlib.import_module(f"tests.servers.{name}")
        if not hasattr(module, "install"):
            continue
        try:
            module.install()
            sys.stdout.write(f"{name}: ready\n")
        except Exception as error:  # noqa: BLE001 (each is independent; all failures are told)
            sys.stdout.write(f"{name}: {error}\n")
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
