"""Who brought a drift about, and when: the latest successful change that an audit log has of the resource.

An entry counts from when the baseline was declared until the drifted state was seen. Among several, one whose operation
names the drifted attribute comes before a later one that does not: who changed the encryption did not change the tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.drift import Attribution, AuditEntry, Drift, DriftKind
from graph.drift.match import key_of, last_of

SKEW: Final = timedelta(minutes=5)
"""How much later than the observation an entry may be: clocks differ, and log files cut seconds."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_VERBS: Final = frozenset({"put", "set", "update", "modify", "change", "create", "delete", "add", "remove", "attach",
                           "detach", "authorize", "revoke", "write", "action", "patch", "insert", "tag", "untag",
                           "microsoft", "compute", "the", "v1", "beta"})  # fmt: skip


@dataclass(slots=True)
class AuditIndex:
    """Audit entries by the ids that they name; those of one resource are in order of time."""

    by_key: dict[str, list[AuditEntry]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[AuditEntry]) -> AuditIndex:
        """An index of all of them."""
        index = cls()
        for entry in sorted(entries, key=lambda each: each.at):
            index.add(entry)
        return index

    def add(self, entry: AuditEntry) -> None:
        """Know one more entry, not older than those of the same resources."""
        keys = {key for uid in entry.resources if uid for key in (key_of(uid), last_of(key_of(uid)))}
        for key in keys:
            self.by_key.setdefault(key, []).append(entry)

    def about(self, uid: str) -> list[AuditEntry]:
        """Entries of a resource; by the last part of its id where none names all of it."""
        key = key_of(uid)
        return self.by_key.get(key) or self.by_key.get(last_of(key), [])


def attributed(drift: Drift, index: AuditIndex, declared_at: datetime | None) -> Drift:
    """The drift with who and when, where an entry says so."""
    found = _cause(drift, index, declared_at)
    if found is None:
        return drift
    by = Attribution(found.principal, found.at, found.operation, found.event_id)
    return replace(drift, by=by, changed_at=found.at)


def _cause(drift: Drift, index: AuditIndex, declared_at: datetime | None) -> AuditEntry | None:
    seen = drift.changed_at
    entries: list[AuditEntry] = [
        each
        for each in (*index.about(drift.moved_to or drift.uid), *(index.about(drift.uid) if drift.moved_to else ()))
        if each.is_success
        and (declared_at is None or each.at >= declared_at - SKEW)
        and (seen is None or each.at <= seen + SKEW)
    ]
    if not entries:
        return None
    wanted = _wanted(drift)

    def rank(entry: AuditEntry) -> tuple[int, datetime]:
        return len(wanted & words_of(entry.operation)), entry.at

    return max(entries, key=rank)


def _wanted(drift: Drift) -> set[str]:
    """Words by which an operation may name what drifted."""
    if drift.kind is DriftKind.MISSING:
        return {"delete", "terminate", "remove"}
    if drift.kind is DriftKind.UNMANAGED:
        return {"create", "run", "insert", "put"}
    found: set[str] = set()
    for attribute in drift.attributes:
        is_tag = attribute.path.startswith("tags.")
        found |= {"tags", "tag", "tagging"} if is_tag else words_of(attribute.path) - _VERBS
    return found


def words_of(name: str) -> set[str]:
    """The words of a name in any spelling, folded, without the plural."""
    words = (word.lower() for word in _WORD.findall(name))
    return {word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word for word in words}
