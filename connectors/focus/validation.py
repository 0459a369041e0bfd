"""How well billing data keeps the specification's rules: counted over batches, with one example of each breach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import polars as pl

from connectors.focus.rules import MANDATORY, RULES, Level, Rule
from domain.errors import InputError
from domain.focus import SOURCE_FILE, SOURCE_ROW

_PRESENCE: Final = "Present"
_SUCCESSORS: Final = {"ProviderName": "1.3", "PublisherName": "1.3"}
SHOWN_LENGTH: Final = 120


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that some rows break.

    Args:
        rows: how many; 0 where a whole column is missing.
        file, row: the first of them.
        shown: what that row has in the rule's columns.
    """

    rule_id: str
    level: Level
    text: str
    rows: int
    file: str
    row: int
    shown: str


@dataclass(slots=True)
class _Tally:
    rule_id: str
    level: Level
    text: str
    file: str
    row: int
    shown: str
    rows: int = 0


@dataclass(slots=True)
class Validation:
    """Counts breaches over the batches of a delivery."""

    rows: int = 0
    asked: set[str] = field(default_factory=set)
    _found: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)

    def add(
        self,
        frame: pl.DataFrame,
        columns: Collection[str],
        broken: Sequence[tuple[Rule, int]],
        *,
        file: str,
        version: str,
        unreadable: Mapping[str, int],
    ) -> None:
        """Count a batch of one file's rows.

        Args:
            columns: the FOCUS columns that the file has.
            broken: what `broken_rules` says of the batch.
            unreadable: values that were lost in reading, by column.
        """
        if file not in self._files:
            self._files.add(file)
            self._missing(columns, file=file, version=version)
        self.rows += frame.height
        self.asked.update(rule.rule_id for rule in _asked(frozenset(columns)))
        for rule, count in broken:
            self._count(rule, frame, count, file=file)
        for name, count in unreadable.items():
            tally = self._tally(f"{name}-Readable", Level.MUST, "must be readable as what it is", file=file)
            tally.rows += count

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """What was found, refusals first, then by how many rows."""
        order = {level: place for place, level in enumerate(Level)}
        found = (Breach(t.rule_id, t.level, t.text, t.rows, t.file, t.row, t.shown) for t in self._found.values())
        return tuple(sorted(found, key=lambda breach: (order[breach.level], -breach.rows, breach.rule_id, breach.file)))

    def refuse(self) -> None:
        """Raise for what makes money wrong.

        Raises:
            InputError: some row breaks a rule of level `REFUSED`.
        """
        bad = [breach for breach in self.breaches if breach.level is Level.REFUSED]
        if not bad:
            return
        first = bad[0]
        raise InputError(
            f"{first.rule_id.partition('-')[0]} {first.text}",
            where=f"{first.file}:{first.row}",
            rule=first.rule_id,
            got=first.shown,
            rows=first.rows,
            other_rules=", ".join(sorted({breach.rule_id for breach in bad[1:]} - {first.rule_id})),
            todo="Correct the export and import it again; nothing of it was stored",
        )

    def _missing(self, columns: Collection[str], *, file: str, version: str) -> None:
        for name in MANDATORY:
            self.asked.add(f"{name}-{_PRESENCE}")
            is_gone = name == "PublisherName" and version == "1.4"
            if name not in columns and not is_gone:
                self._tally(f"{name}-{_PRESENCE}", Level.MUST, "must be a column of the dataset", file=file)

    def _count(self, rule: Rule, frame: pl.DataFrame, count: int, *, file: str) -> None:
        key = (rule.rule_id, file)
        if key not in self._found:
            example = frame.lazy().filter(rule.broken).select(SOURCE_FILE, SOURCE_ROW, *rule.columns).head(1).collect()
            row = example.row(0, named=True)
            shown = ", ".join(f"{name} {row[name]}" for name in rule.columns)[:SHOWN_LENGTH]
            tally = self._tally(rule.rule_id, rule.level, rule.text, file=file)
            tally.row, tally.shown = int(row[SOURCE_ROW]), shown
        self._found[key].rows += count

    def _tally(self, rule_id: str, level: Level, text: str, *, file: str) -> _Tally:
        return self._found.setdefault((rule_id, file), _Tally(rule_id, level, text, file, 0, ""))


def broken_rules(frame: pl.DataFrame, columns: Collection[str]) -> tuple[tuple[Rule, int], ...]:
    """The rules that some of a batch's rows break, and how many; needs no other batch.

    Args:
        columns: the FOCUS columns that the file has.
    """
    if not frame.height:
        return ()
    rules = _asked(frozenset(columns))
    counts = frame.select(rule.broken.fill_null(value=False).sum().alias(rule.rule_id) for rule in rules).row(0)
    return tuple((rule, int(count)) for rule, count in zip(rules, counts, strict=True) if count)


@lru_cache(maxsize=64)
def _asked(columns: frozenset[str]) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if set(rule.columns) <= columns)


def by_rule(breaches: Iterable[Breach]) -> dict[str, int]:
    """Rows that break each rule, over all files."""
    totals: dict[str, int] = {}
    for breach in breaches:
        totals[breach.rule_id] = totals.get(breach.rule_id, 0) + breach.rows
    return totals
