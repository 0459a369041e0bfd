"""One log: a tenant's (or the platform's) evidence of one year, to be read, proved from, signed and published.

What is recorded is decided by the writer (`chain.writer`); a shard takes what is durable and answers questions. Keys,
signed checkpoints and the published folder are opened at first use, so that a store of many logs opens fast; from then
on the shard refuses to go on where the journal does not hold what was signed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from chain.checkpoint import origin_of, parse_checkpoint, require_origin
from chain.checkpoint_commitment import NONCE_SIZE_BYTES, commitment_of, nonce_of, open_secret, seal_secret
from chain.cosignature import CosignerKey
from chain.cosigned import CosignedNote, CosignedRecord
from chain.durable import create_private, make_private_directory, replace_file
from chain.entry import FormerShard, encode_block
from chain.envelope import NO_ARTIFACTS, read_envelope
from chain.journal import JournalStore
from chain.keys.freeze import Marker, Stage, read_marker
from chain.keys.history import HistoryReader, KeyHistory
from chain.keys.key_list import TreeKeys
from chain.keys.log_keys import LogKeys, choose_signers
from chain.layout import is_log
from chain.log import Log
from chain.merkle import Growth, Tree
from chain.note import parse_note
from chain.proof import ConsistencyProof, InclusionProof, format_proof, prove_consistency, prove_inclusion
from chain.publication import Publication
from chain.signed_checkpoints import CHECKPOINTS_FILE, SignedCheckpoints, SignedPair
from chain.signer import Notary, Signer
from chain.storage.contract import BlobStore
from chain.storage.files import FileStore
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.window import WindowProof, prove_window
from domain.clock import format_instant
from domain.errors import ConflictError, InputError, IntegrityError, NotFound
from domain.evidence import LogName, Receipt
from domain.tenancy import TenantId

ARTIFACTS: Final = "artifact"
COMMITMENT_FILE: Final = "commitment.key"
READ_TOGETHER: Final = 1024

OpenSigners = Callable[[str], Sequence[Twin[Signer]]]
"""Every pair of keys that is held for an origin, oldest first; which of them sign, the log's entries say."""


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
class ShardPlace:
    """Where a shard is kept.

    Args:
        state: keys, signed checkpoints and artifacts; its owner's alone.
        folder: what strangers get; holds no secret. The parent of a directory holds one such folder a year and nothing
            else; in a store each log has a folder for itself.
    """

    state: Path
    folder: Path | BlobStore

    @property
    def published(self) -> BlobStore:
        """The published files, wherever they are."""
        return FileStore(self.folder) if isinstance(self.folder, Path) else self.folder


@dataclass(frozen=True, slots=True)
class _Books:
    """What signing and publishing need."""

    notaries: Twin[Notary]
    cosigned: CosignedRecord
    publication: Publication


class ShardLog:
    """One log.

    Args:
        signers: gives the keys of an origin; default is a key file per tree in the state folder, made at first use.
    """

    def __init__(
        self,
        origin: str,
        tenant: TenantId,
        name: LogName,
        *,
        journal: JournalStore,
        place: ShardPlace,
        signers: OpenSigners | None = None,
    ) -> None:
        self.origin = require_origin(origin)
        self.tenant = tenant
        self.name = name
        self.place = place
        self.log = Log()
        self._journal = journal
        self._open_signers = signers or self._file_signers
        self._books: _Books | None = None
        self._frozen: Marker | None = None
        self._trusted_size = 0
        self._signed = SignedCheckpoints(place.state / CHECKPOINTS_FILE)

    @property
    def year(self) -> int:
        """Of the log's name."""
        return self.name.year

    @property
    def size(self) -> int:
        """Number of recorded entries, published or not."""
        return self.log.size

    @property
    def published_size(self) -> int:
        """Number of entries that strangers can read."""
        return self._opened.publication.size

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever recorded or signed here."""
        return self.size == 0 and self.own_note() is None

    def replay(self, entries: Sequence[bytes]) -> None:
        """Take entries that the journal holds, hashing them anew."""
        self.log.replay(entries)
        self._trusted_size = self.size

    def take(self, request_ids: Sequence[str], growth: Twin[Growth]) -> None:
        """Take entries that are durable by what they add to the trees."""
        self.log.extend(request_ids, growth)

    def keep_artifact(self, sha256: str, content: bytes) -> None:
        """Keep an artifact, synced, before any entry names it."""
        make_private_directory(self.place.state / ARTIFACTS)
        path = self.place.state / ARTIFACTS / sha256
        if not path.exists():
            replace_file(path, content, mode=0o600)

    def open(self) -> None:
        """Open keys, signed checkpoints and the published folder.

        A frozen log needs none of them any more, and its keys may be lost.

        Raises:
            IntegrityError: the journal does not hold what was signed or published.
        """
        if self.frozen is None:
            _ = self._opened

    def block(self, at: datetime) -> bytes | None:
        """The header that seals what is new, as an entry; ``None`` where nothing is.

        Leaves that a sender hashed are hashed again here, from the journal's own bytes: what is signed was read back.

        Raises:
            IntegrityError: an entry is not what was hashed.
        """
        if self.size == self.log.sealed_size:
            return None
        self._require_leaves()
        return encode_block(self.log.next_block(format_instant(at)), tenant=self.tenant, at=at)

    def publish(self) -> LogHead:
        """Sign both checkpoints of what is sealed, and write the folder; of a frozen log nothing is signed any more."""
        if self.frozen is not None:
            return self.signed_head()
        books = self._opened
        self._keep_signed(books.notaries)  # one that died between signing and keeping left a pair behind
        notes = Twin(*(self._sign(notary, tree) for notary, tree in self._signing(books.notaries)))
        self._keep_signed(books.notaries)
        books.publication.write(
            self.log.trees,
            partial(self._journal.entries, self.origin),
            self._artifacts_to_publish(books.publication),
            Twin(books.cosigned.of(notes.sha256), CosignedNote(notes.sha3_256)),
        )
        return self.head()

    def add_cosignatures(self, cosigned: str, cosigners: Sequence[CosignerKey]) -> LogHead:
        """Keep and publish what witnesses signed of the published SHA-256 checkpoint.

        Args:
            cosigned: the checkpoint with the log's signature first and the witnesses' below it.

        Raises:
            ConflictError: another checkpoint is the newest, or another writer has taken over.
            IntegrityError: a signature is wrong, or of nobody among the cosigners.
        """
        self._journal.require_held()
        books, own = self._opened, self.own_note()
        if own is None or books.publication.size != self.head().size:
            raise ConflictError("evidence log has no published checkpoint", todo="Publish the log first")
        books.publication.write_checkpoint(books.cosigned.add(own, cosigned, books.notaries.sha256.keys, cosigners))
        return self.head()

    def head(self) -> LogHead:
        """The state that was last published.

        Raises:
            NotFound: nothing was published yet.
        """
        if self.frozen is not None:
            return self.signed_head()
        notaries = self._opened.notaries if self.own_note() else None
        first, second = (notaries.sha256, notaries.sha3_256) if notaries else (None, None)
        if not (first and second and first.last and second.last and first.last_note and second.last_note):
            raise NotFound("evidence log has no checkpoint yet", origin=self.origin, todo="Publish the log first")
        return LogHead(
            origin=self.origin,
            size=first.last.size,
            root_sha256=first.last.root.hex(),
            root_sha3_256=second.last.root.hex(),
            checkpoint=self._opened.cosigned.of(first.last_note).note,
            checkpoint_sha3=second.last_note,
        )

    def signed_head(self) -> LogHead:
        """The state that was last signed, by the records of it alone: its keys may be lost.

        Raises:
            NotFound: nothing was signed yet.
        """
        paths = (self.place.state / "signed", self.place.state / "signed-sha3")
        if not all(path.exists() for path in paths):
            raise NotFound("evidence log has no checkpoint yet", origin=self.origin, todo="Publish the log first")
        notes = Twin(*(path.read_text("utf-8") for path in paths))
        first, second = (parse_checkpoint(parse_note(note).text) for note in (notes.sha256, notes.sha3_256))
        cosigned = CosignedRecord(self.place.state / "cosigned").of(notes.sha256).note
        return LogHead(self.origin, first.size, first.root.hex(), second.root.hex(), cosigned, notes.sha3_256)

    @property
    def marker(self) -> Marker | None:
        """What the state says of a freeze, under way or done."""
        return self._frozen or read_marker(self.place.state)

    @property
    def frozen(self) -> Marker | None:
        """The marker of a log that is frozen: nothing is recorded or signed in it any more."""
        if self._frozen is None and (marker := self.marker) is not None and marker.stage is Stage.FROZEN:
            self._frozen = marker
        return self._frozen

    def signers(self) -> Twin[Signer]:
        """The keys that sign now, or signed last."""
        history, held = self.key_history(), self._open_signers(self.origin)
        return Twin(
            choose_signers(history.sha256, [pair.sha256 for pair in held])[0],
            choose_signers(history.sha3_256, [pair.sha3_256 for pair in held])[0],
        )

    def key_history(self) -> Twin[KeyHistory]:
        """Which keys were the log's at which size, by its recorded entries."""
        readers = [HistoryReader(origin_of(self.origin, tree_hash)) for tree_hash in (BOTH.sha256, BOTH.sha3_256)]
        for index in self.log.key_entries:
            entry = self._read(index)
            for reader in readers:
                reader.take(index, entry)
        return Twin(readers[0].history, readers[1].history)

    def reopen(self) -> None:
        """Sign from now on with the keys that the recorded entries name."""
        self._books = None
        self.open()

    def own_note(self) -> str | None:
        """The newest signed SHA-256 checkpoint without cosignatures; ``None`` where nothing was signed."""
        path = self.place.state / "signed"
        is_signed = self._books is not None or path.exists()
        if self.frozen is not None:
            return path.read_text("utf-8")
        return self._opened.notaries.sha256.last_note if is_signed else None

    def signed_checkpoints(self) -> tuple[SignedPair, ...]:
        """What was signed of both trees, oldest first; of long ago not every one."""
        return self._signed.pairs() if self.own_note() else ()

    def ending(self) -> FormerShard:
        """How this log ended, as the next year's first entry states it."""
        head, own = self.head(), self.own_note()
        assert own is not None, "a published log has a signed checkpoint"
        return FormerShard(head.origin, head.size, head.root_sha256, head.root_sha3_256, own, head.checkpoint_sha3)

    def commitment(self, note: str) -> tuple[bytes, str]:
        """Nonce of and commitment to one of this log's own checkpoints."""
        path = self.place.state / COMMITMENT_FILE
        if not path.exists():
            make_private_directory(self.place.state)
            create_private(path, seal_secret(os.urandom(NONCE_SIZE_BYTES)))
        nonce = nonce_of(open_secret(path.read_bytes(), where=str(path)), note)
        return nonce, commitment_of(nonce, note)

    def entry(self, index: int) -> bytes:
        """An entry's bytes.

        Raises:
            NotFound: the log is not that long.
        """
        if not 0 <= index < self.size:
            raise NotFound("no such entry", origin=self.origin, index=index, size=self.size)
        return self._read(index)

    def find(self, request_id: str) -> tuple[int, bytes] | None:
        """Index and bytes of a request's entry; ``None`` where it was never recorded here."""
        for index in self.log.requests.candidates(request_id):
            entry = self._read(index)
            if orjson.loads(entry)["request_id"] == request_id:
                return index, entry
        return None

    def receipt(self, request_id: str) -> Receipt | None:
        """What an earlier append answered; ``None`` where the request was never recorded here."""
        found = self.find(request_id)
        if found is None:
            return None
        index, trees = found[0], self.log.trees
        leaves = (tree.nodes(0, index, index + 1).hex() for tree in (trees.sha256, trees.sha3_256))
        return Receipt(request_id, self.origin, self.name.entry(index), *leaves)

    def inclusion_proof(self, index: int, size: int | None = None) -> Twin[InclusionProof]:
        """Prove in both trees that an entry is in the log of that size; by default the recorded one."""
        trees = self.log.trees
        return Twin(prove_inclusion(trees.sha256, index, size), prove_inclusion(trees.sha3_256, index, size))

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> Twin[ConsistencyProof]:
        """Prove in both trees that the log of one size begins with the log of the other."""
        trees = self.log.trees
        return Twin(
            prove_consistency(trees.sha256, old_size, new_size), prove_consistency(trees.sha3_256, old_size, new_size)
        )

    def window_proof(self, start: int, end: int, size: int | None = None) -> Twin[WindowProof]:
        """Prove in both trees what the entries ``start`` to ``end`` are: all of them, none left out."""
        trees = self.log.trees
        return Twin(prove_window(trees.sha256, start, end, size), prove_window(trees.sha3_256, start, end, size))

    def proof_texts(self, index: int) -> Twin[str]:
        """Proof files under the published checkpoints, in C2SP's form."""
        head = self.head()
        proofs = self.inclusion_proof(index, head.size)
        return Twin(format_proof(proofs.sha256, head.checkpoint), format_proof(proofs.sha3_256, head.checkpoint_sha3))

    def root(self, size: int) -> Twin[bytes]:
        """Both roots of the log when it had ``size`` entries."""
        if not 0 <= size <= self.size:
            raise NotFound("the log never had that size", origin=self.origin, size=size, newest=self.size)
        return Twin(self.log.trees.sha256.root(size), self.log.trees.sha3_256.root(size))

    @property
    def _opened(self) -> _Books:
        if self._books is None:
            self._books = self._open()
        return self._books

    def _open(self) -> _Books:
        state, folder = self.place.state, self.place.folder
        make_private_directory(state)
        if isinstance(folder, Path):
            _require_years(folder.parent)
        held = self._open_signers(self.origin)
        names = Twin(origin_of(self.origin, BOTH.sha256), origin_of(self.origin, BOTH.sha3_256))
        for pair in held:
            if (pair.sha256.key.name, pair.sha3_256.key.name) != (names.sha256, names.sha3_256):
                raise InputError("signing keys have other names than the log", expected=names, got=pair.sha256.key.name)
        history = self.key_history()
        signers = Twin(
            choose_signers(history.sha256, [pair.sha256 for pair in held]),
            choose_signers(history.sha3_256, [pair.sha3_256 for pair in held]),
        )
        notaries = Twin(
            _notary(signers.sha256, BOTH.sha256, state / "signed", history.sha256),
            _notary(signers.sha3_256, BOTH.sha3_256, state / "signed-sha3", history.sha3_256),
        )
        keys = Twin(
            TreeKeys(notaries.sha256.keys, history.sha256.keys), TreeKeys(notaries.sha3_256.keys, history.sha3_256.keys)
        )
        active = Twin(notaries.sha256.key, notaries.sha3_256.key)
        publication = Publication(folder, state / "publishing", active, rotating=keys)
        books = _Books(notaries, CosignedRecord(state / "cosigned"), publication)
        self._require_history(books)
        return books

    def _file_signers(self, origin: str) -> Sequence[Twin[Signer]]:
        return LogKeys(self.place.state, origin=origin).held()

    def _require_history(self, books: _Books) -> None:
        """Raise unless the journal still holds everything that was signed or published."""
        for notary, tree in self._signing(books.notaries):
            last = notary.last
            if last is not None and (last.size > tree.size or tree.root(last.size) != last.root):
                raise IntegrityError(
                    "journal does not hold what was signed",
                    origin=last.origin,
                    signed_size=last.size,
                    journal_size=tree.size,
                    todo="Restore the journal's folder from a copy; the published folder still verifies",
                )
        if books.publication.size > self.size:
            raise IntegrityError(
                "published folder is ahead of the journal",
                origin=self.origin,
                published_size=books.publication.size,
                journal_size=self.size,
                todo="Restore the journal of this folder, or give an empty folder for a new log",
            )

    def _signing(self, notaries: Twin[Notary]) -> list[tuple[Notary, Tree]]:
        return [(notaries.sha256, self.log.trees.sha256), (notaries.sha3_256, self.log.trees.sha3_256)]

    def _keep_signed(self, notaries: Twin[Notary]) -> None:
        first, second = notaries.sha256, notaries.sha3_256
        if first.last and second.last and first.last_note and second.last_note and first.last.size == second.last.size:
            self._signed.keep(SignedPair(first.last.size, Twin(first.last_note, second.last_note)))

    def _sign(self, notary: Notary, tree: Tree) -> str:
        last = notary.last
        proof = prove_consistency(tree, last.size) if last is not None and last.size else None
        return notary.sign(tree.size, tree.root(), proof)

    def _require_leaves(self) -> None:
        tree = self.log.trees.sha3_256
        for start, entries in self._parts(self._trusted_size):
            leaves = tree.hash.leaves(entries)
            if b"".join(leaves) == tree.nodes(0, start, start + len(entries)):
                continue
            for index, expected in enumerate(leaves, start):
                if expected != (got := tree.nodes(0, index, index + 1)):
                    raise IntegrityError(
                        "an entry's SHA3-256 leaf is not its sender's",
                        origin=self.origin,
                        index=index,
                        expected=expected.hex(),
                        got=got.hex(),
                        todo="Open the store again: its trees are derived from the journal; nothing was signed",
                    )
        self._trusted_size = self.size

    def _read(self, index: int) -> bytes:
        return self._journal.entry(self.origin, index)

    def _parts(self, start: int) -> Iterator[tuple[int, list[bytes]]]:
        """The entries from an index on, in parts, each with its first index."""
        for first in range(start, self.size, READ_TOGETHER):
            yield first, self._journal.entries(self.origin, first, min(first + READ_TOGETHER, self.size))

    def _artifacts_to_publish(self, publication: Publication) -> Mapping[str, Path]:
        start = 0 if publication.needs_everything else publication.size
        found: dict[str, Path] = {}
        for _, entries in self._parts(start):
            for entry in entries:
                if entry.startswith(NO_ARTIFACTS):
                    continue
                for reference in read_envelope(entry).artifacts:
                    found[reference.sha256] = self._require_artifact(reference.sha256)
        return found

    def _require_artifact(self, sha256: str) -> Path:
        path = self.place.state / ARTIFACTS / sha256
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise IntegrityError(
                "kept artifact is missing or changed",
                path=str(path),
                todo="Restore the log's artifact folder from a copy",
            )
        return path


def _notary(signers: Sequence[Signer], tree_hash: TreeHash, record: Path, history: KeyHistory) -> Notary:
    return Notary(signers[0], tree_hash, record, beside=signers[1:], known=history.keys)


def _require_years(folder: Path) -> None:
    """Raise where the folder of a tenant's logs holds anything but years."""
    strangers = sorted(path.name for path in folder.glob("*") if not is_log(path.name))
    if strangers:
        raise ConflictError(
            "folder is not empty and holds no evidence logs by year",
            path=str(folder),
            got=strangers[:5],
            todo="Move what is in it away, or give an empty folder for the evidence",
        )
