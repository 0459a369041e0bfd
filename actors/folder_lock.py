"""A folder that one process at a time writes, of all that share the file system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain.durable import make_private_directory
from domain.durable import locked


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing; wait while another one does."""
    make_private_directory(folder)
    with locked(folder / "lock"):
        yield
