"""The billing rows that were read last, kept beside the graph, so that money outlives a restart.

One Parquet file; which file each row came from is kept with it, because rows that two files share count once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from domain.errors import IntegrityError, UnavailableError

_FILE: Final = "bill-v1.parquet"
_FRAME: Final = "pcg:file"


class KeptBill:
    """Keeps one tenant's bill in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._frames: tuple[pl.DataFrame, ...] | None = None

    @property
    def frames(self) -> tuple[pl.DataFrame, ...]:
        """The frames that were kept last, by this process or by one before; the same object while they are the same.

        Raises:
            IntegrityError: the file is damaged.
        """
        if self._frames is None:
            self._frames = self.load()
        return self._frames

    def forget(self) -> None:
        """Let go of what is in memory."""
        self._frames = None

    def save(self, frames: Sequence[pl.DataFrame]) -> None:
        """Keep these frames in place of those before.

        Raises:
            UnavailableError: the disk is full or the folder cannot be written.
        """
        numbered = [frame.with_columns(pl.lit(at, pl.Int32).alias(_FRAME)) for at, frame in enumerate(frames)]
        part = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            pl.concat(numbered, how="diagonal_relaxed").write_parquet(part)
            part.replace(self._path)
        except OSError as error:
            todo = "Free some space, or choose another folder with --store"
            raise UnavailableError(
                "the bill cannot be written", path=str(self._path), reason=error.strerror, todo=todo
            ) from None
        self._frames = tuple(frames)

    def load(self) -> tuple[pl.DataFrame, ...]:
        """The frames that were kept; none where no bill was read yet.

        Raises:
            IntegrityError: the file is damaged.
        """
        if not self._path.exists():
            return ()
        try:
            whole = pl.read_parquet(self._path)
        except pl.exceptions.PolarsError as error:
            todo = "Delete it and scan the bill again"
            raise IntegrityError(
                "the kept bill is damaged", path=str(self._path), reason=str(error), todo=todo
            ) from None
        return tuple(part.drop(_FRAME) for part in whole.partition_by(_FRAME, maintain_order=True))
