"""Which keys were a log's, by the entries about keys that a pack holds: those of its part, and those beside it.

A pack is a part of a log, so it cannot show that no entry about keys is missing: what a withheld retirement would
refute, only the whole log refutes. What it holds is checked as in a whole log: every endorsement and every place.

Source: docs/adr/0008-key-rotation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chain.checkpoint import Checkpoint, origin_of
from chain.keys.history import HistoryReader, KeyHistory
from chain.pack import ENTRIES, KEY_ENTRIES, KeyEntry, LogRange, parse_key_entries
from chain.proof import InclusionProof, check_inclusion
from chain.tree_hash import BOTH, TreeHash, Twin
from domain.errors import IntegrityError, PolicyCortexError

Add = Callable[[str, str, object, object, int | None], None]
"""Takes a finding: file, field, expected, got, entry."""

_MARK = b'"type":"key_'


class PackKeys:
    """The entries about keys of one part of a log.

    Args:
        files: contents by name within the part's folder.
        add: takes what is wrong.
    """

    def __init__(self, part: LogRange, files: Mapping[str, bytes], add: Add) -> None:
        self._part = part
        self._add = add
        self._outside = self._parse(files.get(KEY_ENTRIES))
        lines = files[ENTRIES].split(b"\n")
        within = [(part.start + at, line) for at, line in enumerate(lines) if _MARK in line]
        self._events = sorted([*within, *((each.index, each.entry) for each in self._outside)])

    def history(self, tree_hash: TreeHash, size: int) -> KeyHistory:
        """The keys of a tree of that size; nothing is believed where an entry about them is refuted."""
        reader = HistoryReader(origin_of(self._part.origin, tree_hash))
        for index, entry in self._events:
            if index < size:
                try:
                    reader.take(index, entry)
                except IntegrityError as error:
                    where = KEY_ENTRIES if index in {each.index for each in self._outside} else ENTRIES
                    self._add(where, "body", "an entry about keys that holds", error.facts["reason"], index)
                    return KeyHistory(reader.origin)
        return reader.history

    def check_inclusion(self, heads: Twin[Checkpoint]) -> None:
        """The entries beside the part are in the log under the checkpoint too."""
        for each in self._outside:
            for tree_hash, head, path in (
                (BOTH.sha256, heads.sha256, each.paths.sha256),
                (BOTH.sha3_256, heads.sha3_256, each.paths.sha3_256),
            ):
                try:
                    proof = InclusionProof(each.index, head.size, path)
                    check_inclusion(tree_hash, proof, tree_hash.leaf(each.entry), head.root)
                except PolicyCortexError as error:
                    self._add(KEY_ENTRIES, "proof", "a proof that the entry is in the log", error, each.index)

    def _parse(self, content: bytes | None) -> Sequence[KeyEntry]:
        if content is None:
            return ()
        try:
            found = parse_key_entries(content)
        except PolicyCortexError as error:
            self._add(KEY_ENTRIES, "form", "entries about keys with their proofs", error, None)
            return ()
        for each in found:
            if self._part.start <= each.index < self._part.end:
                self._add(KEY_ENTRIES, "index", "an entry outside of the part", each.index, each.index)
                return ()
        return found
