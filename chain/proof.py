"""Inclusion and consistency proofs: made from a tree, checked with nothing but hashes.

Checking refuses by raising, so a forgotten comparison cannot pass for success. A proof of consistency with the empty
tree says nothing and is refused; who starts from nothing trusts the first root by other means.

Source: RFC 9162 sections 2.1.3 and 2.1.4; the text form is C2SP tlog-proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain.encoding import decode_base64, decode_size, encode_base64
from chain.merkle import Tree
from chain.subtree import Subtree, SubtreeProof, check_subtree, climb, prove_subtree, require_hashes
from chain.tree_hash import HASH_SIZE_BYTES, TreeHash
from domain.errors import InputError, IntegrityError

_HEADER = "c2sp.org/tlog-proof@v1"
_PATH_HASHES_MAX = 63


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Path from leaf ``index`` to the root of a tree of ``size`` leaves, the leaf's sibling first."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Hashes that show the tree of ``old_size`` leaves to be the start of the tree of ``new_size``."""

    old_size: int
    new_size: int
    path: tuple[bytes, ...]


def prove_inclusion(tree: Tree, index: int, size: int | None = None) -> InclusionProof:
    """Prove that leaf ``index`` is in the tree of ``size`` leaves.

    Raises:
        InputError: no such leaf in a tree of that size, or the tree is not that large.
    """
    size = tree.size if size is None else size
    if not 0 <= index < size <= tree.size:
        raise InputError(
            "no such entry in a log of that size",
            index=index,
            size=size,
            expected=f"index below size, size at most {tree.size}",
            todo="Ask for an index below the size of a checkpoint of this log",
        )
    return InclusionProof(index, size, tuple(climb(tree, level=0, index=index, size=size)))


def prove_consistency(tree: Tree, old_size: int, new_size: int | None = None) -> ConsistencyProof:
    """Prove that the tree of ``old_size`` leaves is a prefix of the tree of ``new_size``.

    Raises:
        InputError: sizes out of order, empty, or beyond the tree.
    """
    new_size = tree.size if new_size is None else new_size
    if not 0 < old_size <= new_size <= tree.size:
        raise InputError(
            "no consistency proof between these sizes",
            old_size=old_size,
            new_size=new_size,
            expected=f"1 <= old size <= new size <= {tree.size}",
            todo="Ask for two sizes of checkpoints of this log, the smaller first",
        )
    path = prove_subtree(tree, Subtree(0, old_size), new_size).path
    return ConsistencyProof(old_size, new_size, path)


def check_inclusion(tree_hash: TreeHash, proof: InclusionProof, leaf_hash: bytes, root: bytes) -> None:
    """Check that the leaf stands at the proof's index under the root.

    Raises:
        IntegrityError: it is not shown to.
    """
    require_hashes((leaf_hash, root, *proof.path))
    if not 0 <= proof.index < proof.size:
        raise IntegrityError("inclusion proof has an index outside its tree", index=proof.index, size=proof.size)
    computed, used = _inclusion_root(tree_hash, proof, leaf_hash)
    if used != len(proof.path):
        raise IntegrityError("inclusion proof has the wrong length", expected=used, got=len(proof.path))
    if computed != root:
        raise IntegrityError(
            "inclusion proof does not lead to the root", index=proof.index, expected=root.hex(), got=computed.hex()
        )


def check_subtree_inclusion(
    tree_hash: TreeHash, subtree: Subtree, index: int, path: tuple[bytes, ...], *, leaf_hash: bytes, root: bytes
) -> None:
    """Check that the leaf stands at ``index`` of the log within the subtree with that root.

    Raises:
        IntegrityError: it is not shown to, or no node covers such leaves.
    """
    if not subtree.is_valid:
        raise IntegrityError("no such subtree", start=subtree.start, end=subtree.end)
    proof = InclusionProof(index - subtree.start, subtree.end - subtree.start, path)
    check_inclusion(tree_hash, proof, leaf_hash, root)


def check_consistency(tree_hash: TreeHash, proof: ConsistencyProof, old_root: bytes, new_root: bytes) -> None:
    """Check that the new root's tree begins with the old root's.

    Raises:
        IntegrityError: it is not shown to.
    """
    if not 0 < proof.old_size <= proof.new_size:
        raise IntegrityError(
            "consistency proof has sizes out of order", old_size=proof.old_size, new_size=proof.new_size
        )
    check_subtree(tree_hash, SubtreeProof(Subtree(0, proof.old_size), proof.new_size, proof.path), old_root, new_root)


def format_proof(proof: InclusionProof, checkpoint: str) -> str:
    """Write the C2SP text form; the checkpoint must be the one of the proof's size."""
    hashes = "".join(f"{encode_base64(item)}\n" for item in proof.path)
    return f"{_HEADER}\nindex {proof.index}\n{hashes}\n{checkpoint}"


@dataclass(frozen=True, slots=True)
class ProofText:
    """A C2SP proof file, taken apart and not yet believed."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes


def parse_proof(text: str) -> ProofText:
    """Take a C2SP proof file apart.

    Raises:
        InputError: the text is not of that form.
    """
    head, gap, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != _HEADER:
        raise InputError(
            "not a proof file", expected=_HEADER, got=text[:40], todo="Give a file in C2SP tlog-proof form"
        )
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "), what="extra data")
    if not lines or not lines[0].startswith("index "):
        raise InputError("proof file has no index line", got=head[:80], todo="Give a complete proof file")
    index = decode_size(lines.pop(0).removeprefix("index "), what="index")
    path = tuple(decode_base64(line, what="proof hash") for line in lines)
    if len(path) > _PATH_HASHES_MAX or any(len(item) != HASH_SIZE_BYTES for item in path):
        raise InputError("proof file has hashes of the wrong number or length", index=index, hashes=len(path))
    return ProofText(index, path, checkpoint, extra)


def _inclusion_root(tree_hash: TreeHash, proof: InclusionProof, leaf_hash: bytes) -> tuple[bytes, int]:
    """Root that the path leads to, and how many hashes a path here must have."""
    computed, used = leaf_hash, 0
    index, last = proof.index, proof.size - 1
    while last:
        if index & 1 or index < last:
            sibling = proof.path[used] if used < len(proof.path) else b""
            computed = tree_hash.node(sibling, computed) if index & 1 else tree_hash.node(computed, sibling)
            used += 1
        index, last = index >> 1, last >> 1
    return computed, used
