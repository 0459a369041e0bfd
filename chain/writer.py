"""The one writer of an evidence log.

A plain class: a process uses it directly, an actor wraps it. Not for several threads at once; the actor's mailbox, or
whoever holds the writer, puts calls in order. An acknowledged event is in the journal and synced; publishing makes it
visible to others under signed checkpoints.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from chain.checkpoint import origin_of, require_origin
from chain.cosignature import CosignerKey
from chain.cosigned import CosignedNote, CosignedRecord
from chain.durable import make_private_directory, replace_file
from chain.entry import digest_artifacts, encode_block, encode_event
from chain.envelope import NO_ARTIFACTS, read_envelope
from chain.fence import Fence
from chain.journal import Journal, Sync
from chain.log import Log
from chain.merkle import Tree
from chain.proof import (
    ConsistencyProof,
    InclusionProof,
    format_proof,
    prove_consistency,
    prove_inclusion,
)
from chain.publication import Publication
from chain.signer import FileSigner, Notary, Signer
from chain.tree_hash import BOTH, Twin
from chain.window import WindowProof, prove_window
from domain.clock import Clock, SystemClock, format_instant
from domain.errors import ConflictError, InputError, IntegrityError, NotFound
from domain.evidence import Artifact, EvidenceEvent, Receipt
from domain.tenancy import TenantId


@dataclass(frozen=True, slots=True)
class LogHead:
    """A published state of a log: its size, both roots in hex, and both signed checkpoints."""

    origin: str
    size: int
    root_sha256: str
    root_sha3_256: str
    checkpoint: str
    checkpoint_sha3: str


@dataclass(frozen=True, slots=True)
class _Batch:
    """New entries of one append, and the artifacts to keep before them."""

    entries: list[bytes]
    request_ids: list[str]
    artifacts: dict[str, Artifact]


class LogWriter:
    """Appends to, proves from, and publishes one log.

    Args:
        directory: what a stranger gets; holds no secret.
        state_directory: journal, keys, lock and epoch; its owner's alone.
        tenant: refuses events of anyone else; stands in block headers.
        signers: default is a key file per tree in the state directory, made at first use.
        clock: when blocks were sealed.
    """

    def __init__(
        self,
        directory: Path,
        state_directory: Path,
        *,
        origin: str,
        tenant: TenantId | None = None,
        signers: Twin[Signer] | None = None,
        clock: Clock | None = None,
        sync: Sync = os.fdatasync,
    ) -> None:
        self.origin = require_origin(origin)
        self._tenant = tenant
        self._clock = clock or SystemClock()
        self._state = state_directory
        make_private_directory(state_directory)
        make_private_directory(state_directory / "artifact")
        self._fence = Fence(state_directory)
        self._journal = Journal(state_directory / "journal", sync=sync)
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._log = self._replay()
            self._notaries = self._open_notaries(signers)
            keys = Twin(self._notaries.sha256.key, self._notaries.sha3_256.key)
            self._cosigned = CosignedRecord(self._state / "cosigned")
            self._publication = Publication(directory, state_directory / "publishing", keys)
            self._require_history()
            on_failure.pop_all()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let another writer in. Nothing is lost by not calling it."""
        self._journal.close()
        self._fence.close()

    @property
    def size(self) -> int:
        """Number of recorded entries, published or not."""
        return self._log.size

    def append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record events with one sync for all of them; on return they are durable.

        A request id that is already recorded gets its first receipt again.

        Raises:
            InputError: an event cannot be an entry; none of the batch is recorded.
            ConflictError: a request id came back with another content, or another writer has taken over.
            UnavailableError: the disk is full or failed; none of the batch is recorded.
        """
        self._fence.require_held()
        batch = self._admit(events)
        if batch.entries:
            for digest, artifact in sorted(batch.artifacts.items()):
                self._keep_artifact(digest, artifact)
            self._journal.append(batch.entries, epoch=self._fence.epoch)
            self._log.extend(batch.entries, batch.request_ids)
        return [self._receipt(event.request_id) for event in events]

    def publish(self, at: datetime | None = None) -> LogHead:
        """Seal what is new in a block, sign both checkpoints and write the folder.

        Args:
            at: the block's time; None asks the clock. With the time of its events a log's roots are repeatable.

        Raises:
            IntegrityError: the log does not extend what was last signed.
        """
        self._fence.require_held()
        if self._log.size > self._log.sealed_size:
            self._seal(at or self._clock.now())
        notes = Twin(*(self._sign(notary, tree) for notary, tree in self._signing()))
        cosigned = self._cosigned.of(notes.sha256)
        self._publication.write(
            self._log.trees,
            self._journal.entry,
            self._artifacts_to_publish(),
            Twin(cosigned, CosignedNote(notes.sha3_256)),
        )
        return self.head()

    def add_cosignatures(self, cosigned: str, cosigners: Sequence[CosignerKey]) -> LogHead:
        """Keep and publish what witnesses signed of the published SHA-256 checkpoint.

        Args:
            cosigned: the checkpoint with the log's signature first and the witnesses' below it.

        Raises:
            ConflictError: another checkpoint is the newest.
            IntegrityError: a signature is wrong, or of nobody among the cosigners.
        """
        self._fence.require_held()
        own = self._notaries.sha256.last_note
        if own is None or self._publication.size != self.head().size:
            raise ConflictError("evidence log has no published checkpoint", todo="Publish the log first")
        self._publication.write_checkpoint(self._cosigned.add(own, cosigned, self._notaries.sha256.key, cosigners))
        return self.head()

    def head(self) -> LogHead:
        """The state that was last published.

        Raises:
            NotFound: nothing was published yet.
        """
        first, second = self._notaries.sha256, self._notaries.sha3_256
        if first.last is None or second.last is None or first.last_note is None or second.last_note is None:
            raise NotFound("evidence log has no checkpoint yet", origin=self.origin, todo="Publish the log first")
        return LogHead(
            origin=self.origin,
            size=first.last.size,
            root_sha256=first.last.root.hex(),
            root_sha3_256=second.last.root.hex(),
            checkpoint=self._cosigned.of(first.last_note).note,
            checkpoint_sha3=second.last_note,
        )

    def entry(self, index: int) -> bytes:
        """An entry's bytes.

        Raises:
            NotFound: the log is not that long.
        """
        if not 0 <= index < self._log.size:
            raise NotFound("no such entry", origin=self.origin, index=index, size=self._log.size)
        return self._journal.entry(index)

    def receipt(self, request_id: str) -> Receipt | None:
        """What an earlier append answered; ``None`` where the request was never recorded."""
        return None if self._log.index_of(request_id) is None else self._receipt(request_id)

    def inclusion_proof(self, index: int, size: int | None = None) -> Twin[InclusionProof]:
        """Prove in both trees that an entry is in the log of that size; by default the recorded one."""
        trees = self._log.trees
        return Twin(prove_inclusion(trees.sha256, index, size), prove_inclusion(trees.sha3_256, index, size))

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> Twin[ConsistencyProof]:
        """Prove in both trees that the log of one size begins with the log of the other."""
        trees = self._log.trees
        return Twin(
            prove_consistency(trees.sha256, old_size, new_size), prove_consistency(trees.sha3_256, old_size, new_size)
        )

    def window_proof(self, start: int, end: int, size: int | None = None) -> Twin[WindowProof]:
        """Prove in both trees what the entries ``start`` to ``end`` are: all of them, none left out."""
        trees = self._log.trees
        return Twin(prove_window(trees.sha256, start, end, size), prove_window(trees.sha3_256, start, end, size))

    def proof_texts(self, index: int) -> Twin[str]:
        """Proof files under the published checkpoints, in C2SP's form."""
        head = self.head()
        proofs = self.inclusion_proof(index, head.size)
        return Twin(format_proof(proofs.sha256, head.checkpoint), format_proof(proofs.sha3_256, head.checkpoint_sha3))

    def root(self, size: int) -> Twin[bytes]:
        """Both roots of the log when it had ``size`` entries."""
        if not 0 <= size <= self._log.size:
            raise NotFound("the log never had that size", origin=self.origin, size=size, newest=self._log.size)
        return Twin(self._log.trees.sha256.root(size), self._log.trees.sha3_256.root(size))

    def _replay(self) -> Log:
        log = Log()
        for entries in self._journal.replay():
            log.replay(entries)
        return log

    def _open_notaries(self, signers: Twin[Signer] | None) -> Twin[Notary]:
        names = Twin(origin_of(self.origin, BOTH.sha256), origin_of(self.origin, BOTH.sha3_256))
        signers = signers or Twin(
            FileSigner(self._state / "log.key", name=names.sha256),
            FileSigner(self._state / "log-sha3.key", name=names.sha3_256),
        )
        if (signers.sha256.key.name, signers.sha3_256.key.name) != (names.sha256, names.sha3_256):
            raise InputError("signing keys have other names than the log", expected=names, got=signers.sha256.key.name)
        return Twin(
            Notary(signers.sha256, BOTH.sha256, self._state / "signed"),
            Notary(signers.sha3_256, BOTH.sha3_256, self._state / "signed-sha3"),
        )

    def _require_history(self) -> None:
        """Raise unless the journal still holds everything that was signed or published."""
        for notary, tree in self._signing():
            last = notary.last
            if last is not None and (last.size > tree.size or tree.root(last.size) != last.root):
                raise IntegrityError(
                    "journal does not hold what was signed",
                    origin=last.origin,
                    signed_size=last.size,
                    journal_size=tree.size,
                    todo="Restore the state directory from a copy; the published folder still verifies",
                )
        if self._publication.size > self._log.size:
            raise IntegrityError(
                "published folder is ahead of the journal",
                origin=self.origin,
                published_size=self._publication.size,
                journal_size=self._log.size,
                todo="Restore the state directory of this folder, or give an empty folder for a new log",
            )

    def _signing(self) -> list[tuple[Notary, Tree]]:
        return [(self._notaries.sha256, self._log.trees.sha256), (self._notaries.sha3_256, self._log.trees.sha3_256)]

    def _admit(self, events: Sequence[EvidenceEvent]) -> _Batch:
        """Encode the events that are not recorded yet; decide everything before anything is written."""
        batch = _Batch([], [], {})
        fresh: dict[str, bytes] = {}
        for event in events:
            if self._tenant is not None and event.tenant != self._tenant:
                raise NotFound("no such tenant's log here", tenant=event.tenant, request_id=event.request_id)
            digests = digest_artifacts(event) if event.artifacts else {}
            entry = encode_event(event, digests)
            index = self._log.index_of(event.request_id)
            known = fresh.get(event.request_id) if index is None else self._journal.entry(index)
            if known is None:
                fresh[event.request_id] = entry
                batch.entries.append(entry)
                batch.request_ids.append(event.request_id)
                batch.artifacts.update({digests[name].sha256: item for name, item in event.artifacts.items()})
            elif known != entry:
                raise ConflictError(
                    "request id is already recorded with another content",
                    request_id=event.request_id,
                    index=index,
                    todo="Give a new event a new request id",
                )
        return batch

    def _seal(self, at: datetime) -> None:
        block = self._log.next_block(format_instant(at))
        entry = encode_block(block, tenant=self._tenant, at=at)
        self._journal.append([entry], epoch=self._fence.epoch)
        self._log.replay([entry])

    def _sign(self, notary: Notary, tree: Tree) -> str:
        last = notary.last
        proof = prove_consistency(tree, last.size) if last is not None and last.size else None
        return notary.sign(tree.size, tree.root(), proof)

    def _receipt(self, request_id: str) -> Receipt:
        index = self._log.index_of(request_id)
        assert index is not None, "receipt for an event that is not recorded"
        trees = self._log.trees
        return Receipt(
            request_id=request_id,
            origin=self.origin,
            index=index,
            leaf_sha256=trees.sha256.nodes(0, index, index + 1).hex(),
            leaf_sha3_256=trees.sha3_256.nodes(0, index, index + 1).hex(),
        )

    def _keep_artifact(self, sha256: str, artifact: Artifact) -> None:
        path = self._state / "artifact" / sha256
        if not path.exists():
            replace_file(path, artifact.content, mode=0o600)

    def _artifacts_to_publish(self) -> Mapping[str, Path]:
        start = 0 if self._publication.needs_everything else self._publication.size
        found: dict[str, Path] = {}
        for index in range(start, self._log.size):
            entry = self._journal.entry(index)
            if entry.startswith(NO_ARTIFACTS):
                continue
            for reference in read_envelope(entry).artifacts:
                found[reference.sha256] = self._require_artifact(reference.sha256)
        return found

    def _require_artifact(self, sha256: str) -> Path:
        path = self._state / "artifact" / sha256
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise IntegrityError(
                "kept artifact is missing or changed",
                path=str(path),
                todo="Restore the state directory's artifact folder from a copy",
            )
        return path
