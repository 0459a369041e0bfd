"""Checking what entries say: their form, the chain of blocks, and the artifacts they name."""

from __future__ import annotations

import hashlib

from chain.envelope import NO_BLOCK, ArtifactReference, BlockReference, Envelope, block_hash, read_envelope
from chain.finding import Findings
from chain.folder import Folder
from chain.layout import TILE_WIDTH, artifact_path, bundles
from chain.tile_check import Contents
from domain.errors import InputError


class EntryCheck:
    """Reads every entry that is not already refuted."""

    def __init__(self, folder: Folder, findings: Findings, contents: Contents) -> None:
        self._folder = folder
        self._findings = findings
        self._contents = contents
        self._request_ids: dict[str, int] = {}
        self._digests: dict[str, tuple[str, str, int] | None] = {}
        self._prev: str | None = NO_BLOCK
        self.blocks = 0

    @property
    def artifacts(self) -> int:
        return len(self._digests)

    def run(self) -> None:
        for index, entry in enumerate(self._contents.entries):
            if index in self._contents.bad:
                self._prev = None
                continue
            try:
                envelope = read_envelope(entry)
            except InputError as error:
                self._report(index, "form", "an entry of version 1", str(error))
                continue
            self._check(index, entry, envelope)

    def _check(self, index: int, entry: bytes, envelope: Envelope) -> None:
        first = self._request_ids.setdefault(envelope.request_id, index)
        if first != index:
            self._report(index, "request_id", "an id that no other entry has", f"that of entry {first}")
        for reference in envelope.artifacts:
            self._check_artifact(index, reference)
        if envelope.block is not None:
            self._check_block(index, envelope.block)
            self._prev = block_hash(entry)
            self.blocks += 1

    def _check_block(self, index: int, block: BlockReference) -> None:
        """A header states the log before it; after a refuted entry its neighbours' names cannot be judged."""
        trees = self._contents.trees
        expected = {
            "size": (index, block.size),
            "root_sha256": (trees.sha256.root(index).hex(), block.root_sha256),
            "root_sha3_256": (trees.sha3_256.root(index).hex(), block.root_sha3_256),
        }
        if not self._contents.bad:
            expected["height"] = (self.blocks, block.height)
        if self._prev is not None:
            expected["prev"] = (self._prev, block.prev)
        for field, (want, got) in expected.items():
            if want != got:
                self._report(index, f"body.{field}", want, got)

    def _check_artifact(self, index: int, reference: ArtifactReference) -> None:
        where = artifact_path(reference.sha256)
        if where not in self._digests:
            content = self._folder.read(where)
            self._digests[where] = None if content is None else _digests(content)
        got = self._digests[where]
        want = (reference.sha256, reference.sha3_256, reference.size_bytes)
        if got is None:
            self._findings.add(where, field="file", expected="an artifact", got="no such file", entry_index=index)
        elif got != want:
            self._findings.add(where, field="content", expected=want, got=got, entry_index=index)

    def _report(self, index: int, field: str, expected: object, got: object) -> None:
        size = min(self._contents.trees.sha256.size, (index // TILE_WIDTH + 1) * TILE_WIDTH)
        where = next(bundles(size, start=index)).path
        self._findings.add(where, field=field, expected=expected, got=got, entry_index=index)


def _digests(content: bytes) -> tuple[str, str, int]:
    return hashlib.sha256(content).hexdigest(), hashlib.sha3_256(content).hexdigest(), len(content)
