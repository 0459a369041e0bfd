"""A tenant's imported control mappings, kept as NDJSON in its folder, with the words of the policies they are about.

An import replaces what former imports said under the same source, and leaves other sources alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from domain.errors import IntegrityError, UnavailableError
from domain.finding import Control
from policy.controls.mapping import ControlMapping, Provenance, Strength

FILE: Final = "mappings.ndjson"


@dataclass(frozen=True, slots=True)
class Imported:
    """What is kept.

    Args:
        texts: by policy, the words that describe it, where an import came with them.
    """

    mappings: tuple[ControlMapping, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


class ComplianceStore:
    """Keeps the mappings of one tenant in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def load(self) -> Imported:
        """Everything that is kept.

        Raises:
            IntegrityError: the file is not as it was written.
        """
        if not self._path.exists():
            return Imported()
        known = self._path.stat()
        return _load(self._path, known.st_mtime_ns, known.st_size, known.st_ino)

    def add(self, mappings: Iterable[ControlMapping], texts: Mapping[str, str]) -> Imported:
        """Keep more, and return everything.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        added = tuple(mappings)
        sources = {mapping.source for mapping in added}
        former = self.load()
        kept = tuple(mapping for mapping in former.mappings if mapping.source not in sources)
        whole = Imported((*kept, *added), {**former.texts, **texts})
        self._write(whole)
        return whole

    def _write(self, whole: Imported) -> None:
        rows: list[dict[str, str]] = [_row(mapping) for mapping in whole.mappings]
        rows += [{"policy": policy, "text": text} for policy, text in sorted(whole.texts.items())]
        part = self._path.with_name(f"{FILE}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
            part.replace(self._path)
        except OSError as error:
            raise UnavailableError(
                "mappings cannot be written",
                path=str(self._path),
                reason=error.strerror,
                todo="Free some space, and import again",
            ) from None


@lru_cache(maxsize=8)
def _load(path: Path, mtime_ns: int, size_bytes: int, inode: int) -> Imported:
    """Read a file; one that did not change is read once. Every write makes a new file."""
    del mtime_ns, size_bytes, inode
    mappings: list[ControlMapping] = []
    texts: dict[str, str] = {}
    try:
        for line in path.read_bytes().splitlines():
            row = orjson.loads(line)
            if "text" in row:
                texts[row["policy"]] = row["text"]
            else:
                mappings.append(_mapping(row))
    except (ValueError, KeyError, TypeError) as failure:
        raise IntegrityError(
            "imported mappings are not as they were written",
            where=str(path),
            got=str(failure),
            todo="Delete the file and import again: pcg compliance import",
        ) from None
    return Imported(tuple(mappings), texts)


def _row(mapping: ControlMapping) -> dict[str, str]:
    return {
        "policy": mapping.policy,
        "framework": mapping.control.framework,
        "control": mapping.control.id,
        "provenance": mapping.provenance.value,
        "strength": mapping.strength.value,
        "source": mapping.source,
    }


def _mapping(row: Mapping[str, Any]) -> ControlMapping:
    return ControlMapping(
        row["policy"],
        Control(row["framework"], row["control"]),
        Provenance(row["provenance"]),
        Strength(row["strength"]),
        row["source"],
    )
