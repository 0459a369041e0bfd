"""A tenant's, or the platform's, logs of all years read in pages, either way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from chain.shard import ARTIFACTS, ShardLog
from domain.errors import IntegrityError, NotFound
from domain.evidence import EntryId

Page = list[tuple[EntryId, bytes]]


def entries_after(shards: Sequence[ShardLog], after: EntryId | None, count: int) -> Page:
    """Entries behind one, oldest first, at most so many."""
    page: Page = []
    for shard in sorted(shards, key=lambda one: one.name):
        start = 0 if after is None or shard.name > after.log else after.index + 1
        if after is None or shard.name >= after.log:
            indices = range(start, min(shard.size, start + count - len(page)))
            page += [(shard.name.entry(index), shard.entry(index)) for index in indices]
    return page


def entries_before(shards: Sequence[ShardLog], before: EntryId | None, count: int) -> Page:
    """Entries ahead of one, or of the end, newest first, at most so many."""
    page: Page = []
    for shard in sorted(shards, key=lambda one: one.name, reverse=True):
        end = shard.size if before is None or shard.name < before.log else min(before.index, shard.size)
        if before is None or shard.name <= before.log:
            indices = range(end - 1, max(end - 1 - (count - len(page)), -1), -1)
            page += [(shard.name.entry(index), shard.entry(index)) for index in indices]
    return page


def artifact_of(shards: Sequence[ShardLog], sha256: str) -> bytes:
    """An artifact that one of the logs keeps.

    Raises:
        NotFound: none does.
        IntegrityError: it has other bytes than its name says.
    """
    for shard in shards:
        path = shard.place.state / ARTIFACTS / sha256
        if path.is_file():
            content = path.read_bytes()
            got = hashlib.sha256(content).hexdigest()
            if got != sha256:
                raise IntegrityError("kept artifact has changed", path=str(path), expected=sha256, got=got)
            return content
    raise NotFound("no such artifact", sha256=sha256)
