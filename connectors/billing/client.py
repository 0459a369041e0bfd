"""The contract of billing clients: a month of a provider's bill, whole, as files that an import takes.

A client writes into a folder of its own making and moves it to where it was asked to only when everything is there.
Whatever goes wrong before leaves nothing behind, so that an import sees a whole month or none.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from domain.errors import ConflictError, InputError


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched.

    Args:
        files: in the folder asked for; none where the provider has nothing for the month.
        rows: as the provider counts them; None where it does not.
        notes: what a reader of the figures must know.
    """

    files: tuple[Path, ...]
    rows: int | None = None
    notes: tuple[str, ...] = ()


class BillingClient(Protocol):
    """Fetches bills. A fetch can be repeated: the same month gives the same rows, or what was restated since."""

    def fetch(self, month: date, into: Path) -> Fetched:
        """Fetch one month, given by its first day, into a folder that is not there yet.

        Raises:
            AccessDenied: the credential is refused.
            NotFound: the provider has no such scope, table or export.
            UnavailableError: the provider did not answer, or asked for more patience than there is.
            IncompleteError: the provider gave less than it said there is. Nothing is left in the folder.
        """


@contextmanager
def whole(month: date, into: Path) -> Iterator[Path]:
    """A folder beside `into` that takes its place if nothing goes wrong.

    Raises:
        InputError: not the first day of a month.
        ConflictError: `into` is there already.
    """
    if month.day != 1:
        raise InputError("not the first day of a month", got=month.isoformat(), todo="Name a month: 2026-10")
    if into.exists():
        raise ConflictError("the folder is there already", path=str(into), todo="Name a folder that is not")
    staging = into.with_name(f"{into.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.replace(into)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def following_month(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
