"""Whole logs as files: every signed checkpoint derived again from the entries, and every tile compared.

Where all entries (or all leaf hashes) of the largest checkpoint are there, the product's own tree is built from them,
and roots, tiles and consistency proofs between all pairs of checkpoints are held against it. Where only some tiles are
there, the root is derived from these and each tile is compared with the one above it.
"""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import combinations, islice
from typing import Final

from chain.checkpoint import Checkpoint, parse_body, tree_hash_of
from chain.conformance.keyring import KeyRing, keys_beside
from chain.conformance.outcome import ACCEPTED, REFUSED, Report, Tally, attempt
from chain.conformance.source import Corpus, Source
from chain.conformance.tile_folder import NAMES, TileFile, TileFolder, folded, tile_folders
from chain.encoding import encode_base64
from chain.layout import TILE_HEIGHT, TILE_WIDTH
from chain.merkle import Tree
from chain.note import Note, parse_note
from chain.proof import check_consistency, prove_consistency
from chain.tree_hash import HASH_SIZE_BYTES, SHA256, TreeHash
from domain.errors import InputError

FAMILY: Final = "tlog-tiles logs"
STATIC_CT_FAMILY: Final = "static CT logs"
NO_KEY: Final = "signature not checked: its key is not beside it"

_LEAVES_MAX: Final = 20_000_000
_PAIRS_MAX: Final = 20_000
_CHECKPOINT_SIZE_BYTES_MAX: Final = 1_000_000
_FINGERPRINT_LENGTH: Final = 64


def run_tile_logs(corpus: Corpus, report: Report) -> None:
    """Run every log of the folder."""
    for tree in tile_folders(corpus):
        tally = report.tally(STATIC_CT_FAMILY if tree.is_static_ct else FAMILY)
        if tree.files[0].source.is_to_be_refused:
            alone = Tally()
            _Log(corpus, tree, alone).run()
            got = REFUSED if alone.missed else ACCEPTED
            tally.judge(tree.prefix.rstrip("/"), "log", expected=REFUSED, got=got)
        else:
            _Log(corpus, tree, tally).run()


def parse_signed(text: str) -> tuple[Note, Checkpoint]:
    """A note that states a checkpoint with a root of a hash's length; extension lines are allowed.

    Raises:
        InputError: it is something else.
    """
    note = parse_note(text)
    checkpoint, _ = parse_body(note.text)
    if len(checkpoint.root) != HASH_SIZE_BYTES:
        raise InputError("checkpoint has a root of another length", got=len(checkpoint.root), expected=HASH_SIZE_BYTES)
    return note, checkpoint


class _Log:
    """One log and what is said of it."""

    def __init__(self, corpus: Corpus, tree: TileFolder, tally: Tally) -> None:
        self._corpus = corpus
        self._tree = tree
        self._tally = tally
        self._beside = [source for source in corpus.folder(tree.prefix.rstrip("/")) if not source.is_documentation]

    def run(self) -> None:
        checkpoints = self._checkpoints()
        if not checkpoints:
            self._tally.not_applicable["log without a checkpoint"] += 1
        heads = {checkpoint.size: (source, checkpoint) for source, checkpoint in checkpoints}
        tree_hash = tree_hash_of(checkpoints[0][1].origin) if checkpoints else SHA256
        whole = self._whole(tree_hash, max(heads, default=0))
        for source, checkpoint in checkpoints:
            self._judge_root(tree_hash, whole, source, checkpoint)
        for file in self._tree.files:
            self._judge_file(tree_hash, whole, file)
        if whole is not None:
            self._judge_pairs(whole, [heads[size] for size in sorted(heads)])
        self._judge_tree_heads(heads)
        self._judge_issuers()

    def _checkpoints(self) -> list[tuple[Source, Checkpoint]]:
        """Checkpoints beside the tiles, with their signatures judged."""
        keys = keys_beside(self._corpus, self._tree.prefix.rstrip("/"))
        found = []
        for source in self._beside:
            if source.size_bytes > _CHECKPOINT_SIZE_BYTES_MAX:
                continue
            signed, fault = attempt(partial(self._signed, source))
            if signed is not None:
                self._corpus.take(source)
                found.append((source, signed[1]))
                self._judge_signatures(source, keys, *signed)
            elif source.base.startswith("checkpoint"):
                self._corpus.take(source)
                self._tally.judge(source.name, "checkpoint", expected="a signed checkpoint", got=fault)
        return found

    def _judge_signatures(self, source: Source, keys: KeyRing, note: Note, checkpoint: Checkpoint) -> None:
        """No known key's signature may be wrong; where no key is known, say so."""
        right, wrong = keys.faults(note, checkpoint)
        if right or wrong:
            self._tally.judge(source.name, "signature", expected="", got="; ".join(wrong))
        else:
            self._tally.remarks[NO_KEY] += 1

    def _signed(self, source: Source) -> tuple[Note, Checkpoint]:
        return parse_signed(source.text())

    def _whole(self, tree_hash: TreeHash, size: int) -> Tree | None:
        """The product's tree over all that follows without a gap, where that is at least ``size`` leaves."""
        tree = Tree(tree_hash)
        index = 0
        while tree.size == index * TILE_WIDTH and tree.size < _LEAVES_MAX:
            hashes, _ = attempt(partial(self._tree.leaf_hashes, tree_hash, index))
            if not hashes:
                break
            tree.extend(hashes)
            index += 1
        return tree if tree.size >= size else None

    def _judge_root(self, tree_hash: TreeHash, whole: Tree | None, source: Source, checkpoint: Checkpoint) -> None:
        if whole is not None:
            root, fault = whole.root(checkpoint.size), ""
        else:
            derived, fault = attempt(partial(self._tree.root, tree_hash, checkpoint.size))
            if derived is None and not fault:
                self._tally.not_applicable["root not derived: its tiles are not all here"] += 1
                return
            root = derived or b""
        label = f"root of {checkpoint.size}"
        self._tally.judge(source.name, label, expected=checkpoint.root.hex(), got=fault or root.hex())

    def _judge_file(self, tree_hash: TreeHash, whole: Tree | None, file: TileFile) -> None:
        if file.kind == NAMES:
            self._tally.not_applicable["names tile: not specified"] += 1
        elif file.kind.isdigit():
            self._judge_tile(tree_hash, whole, file, int(file.kind))
        else:
            self._judge_bundle(tree_hash, whole, file)

    def _judge_tile(self, tree_hash: TreeHash, whole: Tree | None, file: TileFile, level: int) -> None:
        hashes, fault = attempt(partial(self._tree.hashes, file))
        if hashes is None or len(hashes) != file.width:
            self._tally.judge(file.source.name, "tile", expected=f"{file.width} hashes", got=fault or len(hashes or ()))
            return
        stop = file.start + file.width
        if whole is not None and stop <= whole.size >> (TILE_HEIGHT * level):
            expected = whole.nodes(TILE_HEIGHT * level, file.start, stop)
            self._tally.judge(file.source.name, "tile", expected=expected, got=b"".join(hashes))
            return
        above = self._tree.above(file, level)
        if above is None:
            self._tally.not_applicable["tile with nothing here to compare it with"] += 1
        else:
            self._tally.judge(file.source.name, "tile", expected=above, got=folded(tree_hash, hashes))

    def _judge_bundle(self, tree_hash: TreeHash, whole: Tree | None, file: TileFile) -> None:
        leaves, fault = attempt(partial(self._tree.leaves, file))
        if leaves is None:
            self._tally.judge(file.source.name, "entries", expected=f"{file.width} entries", got=fault)
            return
        got = tree_hash.leaves(leaf.hashed for leaf in leaves)
        if whole is not None and file.start + file.width <= whole.size:
            joined = whole.nodes(0, file.start, file.start + file.width)
            expected = [joined[at : at + HASH_SIZE_BYTES] for at in range(0, len(joined), HASH_SIZE_BYTES)]
        else:
            expected = attempt(partial(self._tree.stored_leaf_hashes, file))[0] or []
        if not expected:
            self._tally.not_applicable["entries with no leaf hashes here to compare them with"] += 1
        else:
            wrong = next((at for at, (a, b) in enumerate(zip(expected, got, strict=True)) if a != b), None)
            self._tally.judge(
                file.source.name,
                "entries",
                expected="the leaves of the tree",
                got="the leaves of the tree" if wrong is None else f"another entry {file.start + wrong}",
            )
        for at, leaf in enumerate(leaves):
            if leaf.index not in {None, file.start + at}:
                label = f"index of entry {file.start + at}"
                self._tally.judge(file.source.name, label, expected=file.start + at, got=leaf.index)

    def _judge_pairs(self, whole: Tree, heads: list[tuple[Source, Checkpoint]]) -> None:
        """Consistency of all pairs of checkpoints: shown with the right roots, refused with the roots swapped."""
        pairs = combinations([head for head in heads if head[1].size], 2)
        for (_, old), (source, new) in islice(pairs, _PAIRS_MAX):
            proof = prove_consistency(whole, old.size, new.size)
            label, check = f"consistency of {old.size} and {new.size}", partial(check_consistency, whole.hash, proof)
            self._tally.judge_refusal(source.name, label, accepts=True, action=partial(check, old.root, new.root))
            swapped = partial(check, new.root, old.root)
            self._tally.judge_refusal(source.name, f"{label}, swapped", accepts=False, action=swapped)

    def _judge_tree_heads(self, heads: dict[int, tuple[Source, Checkpoint]]) -> None:
        """A CT log's description may state its last tree head."""
        for source in self._beside:
            if not source.base.endswith(".json"):
                continue
            document, _ = attempt(source.json)
            head = document.get("final_tree_head") if isinstance(document, dict) else None
            if isinstance(head, dict) and head.get("tree_size") in heads:
                _, checkpoint = heads[head["tree_size"]]
                root = encode_base64(checkpoint.root)
                self._tally.judge(source.name, "final tree head", expected=head.get("sha256_root_hash"), got=root)

    def _judge_issuers(self) -> None:
        if not self._tree.is_static_ct:
            return
        for source in self._corpus.folder(f"{self._tree.prefix}issuer"):
            if len(source.base) == _FINGERPRINT_LENGTH:
                self._corpus.take(source)
                got = hashlib.sha256(source.read()).hexdigest()
                self._tally.judge(source.name, "issuer", expected=source.base, got=got)
