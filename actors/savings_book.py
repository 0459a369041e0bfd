"""A tenant's ledger of savings, and what the platform costs: one file, replaced in one step, by one writer at a time.

A step is kept before it is recorded as evidence and gets its entry's id afterwards: if the process ends between, the
next one records what has no entry yet, under the same request id and time, so that it is recorded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from actors.folder_lock import locked_folder
from assessment.ledger import Saving, parse_saving, require_room, saving_row
from chain.durable import replace_file
from domain.errors import IntegrityError, NotFound
from domain.value import Json

_NAME: Final = "ledger.json"
_FORM: Final = 1

Record = Callable[[Saving, int], str]
"""Records one step of a saving, by its place, as evidence; the entry's id."""


@dataclass(frozen=True, slots=True)
class Book:
    """What is in the file."""

    savings: tuple[Saving, ...] = ()
    platform: Mapping[str, Json] | None = None


class SavingsBook:
    """Keeps one tenant's ledger in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Book:
        """The ledger as it is.

        Raises:
            IntegrityError: it is damaged.
        """
        path = self._folder / _NAME
        try:
            found = orjson.loads(path.read_bytes())
            return Book(tuple(map(parse_saving, found["savings"])), found["platform"])
        except FileNotFoundError:
            return Book()
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise IntegrityError(
                "the ledger of savings is damaged", where=str(path), todo="Restore it from a backup of the store"
            ) from None

    def saving(self, saving_id: str) -> Saving:
        """One saving.

        Raises:
            NotFound: there is none of this id.
        """
        return _found(self.read(), saving_id)

    def add(self, saving: Saving, record: Record) -> Saving:
        """Enter a saving; one of the same id that is there already stays."""
        with self._writing() as book:
            is_new = all(each.saving_id != saving.saving_id for each in book.savings)
            if is_new:
                require_room(book.savings)
            kept = self._settle(replace(book, savings=(*book.savings, saving)) if is_new else book, record)
        return _found(kept, saving.saving_id)

    def change(self, saving_id: str, change: Callable[[Saving], Saving], record: Record) -> Saving:
        """Change one saving.

        Raises:
            NotFound: there is none of this id.
        """
        with self._writing() as book:
            moved = change(_found(book, saving_id))
            changed = tuple(moved if each.saving_id == saving_id else each for each in book.savings)
            kept = self._settle(replace(book, savings=changed), record)
        return _found(kept, saving_id)

    def price(self, platform: Mapping[str, Json]) -> None:
        """Note what the platform costs."""
        with self._writing() as book:
            self._save(replace(book, platform=dict(platform)))

    def _settle(self, book: Book, record: Record) -> Book:
        """Keep the ledger, record what is not recorded, and keep the entries' ids; what is in the file then."""
        self._save(book)
        settled = replace(book, savings=tuple(_recorded(saving, record) for saving in book.savings))
        if settled.savings != book.savings:
            self._save(settled)
        return settled

    def _save(self, book: Book) -> None:
        rows: Sequence[dict[str, Any]] = [saving_row(each) for each in book.savings]
        content = {"form": _FORM, "savings": rows, "platform": book.platform}
        replace_file(
            self._folder / _NAME, orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2), mode=0o600
        )

    @contextmanager
    def _writing(self) -> Iterator[Book]:
        """The ledger while nobody else writes it."""
        with locked_folder(self._folder):
            yield self.read()


def _found(book: Book, saving_id: str) -> Saving:
    for each in book.savings:
        if each.saving_id == saving_id:
            return each
    raise NotFound("no such saving", saving_id=saving_id[:80], todo="See: pcg roi list")


def _recorded(saving: Saving, record: Record) -> Saving:
    if all(step.evidence_id for step in saving.steps):
        return saving
    steps = tuple(
        step if step.evidence_id else replace(step, evidence_id=record(saving, place))
        for place, step in enumerate(saving.steps)
    )
    return replace(saving, steps=steps)
