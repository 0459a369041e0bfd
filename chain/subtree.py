"""Proofs that a subtree's hash belongs to a tree: the general form of which consistency is a special case.

A subtree is a run of leaves that a node of some tree covers: it starts at a multiple of the smallest power of two that
is at least its length. A tree of an earlier size is the subtree that starts at zero.

Source: draft-ietf-plants-merkle-tree-certs, "Subtrees"; RFC 9162 section 2.1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain.merkle import Tree
from chain.tree_hash import HASH_SIZE_BYTES, TreeHash
from domain.errors import InputError, IntegrityError

LEAVES_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Subtree:
    """Leaves ``start`` to ``end`` of a tree, the end excluded."""

    start: int
    end: int

    @property
    def is_valid(self) -> bool:
        """Whether a node of some tree covers exactly these leaves; nothing at all counts as covered."""
        if not 0 <= self.start <= self.end <= LEAVES_MAX:
            return False
        length = self.end - self.start
        return length == 0 or self.start % (1 << (length - 1).bit_length()) == 0


@dataclass(frozen=True, slots=True)
class SubtreeProof:
    """Hashes that show a subtree to be part of the tree of ``size`` leaves."""

    subtree: Subtree
    size: int
    path: tuple[bytes, ...]


def prove_subtree(tree: Tree, subtree: Subtree, size: int | None = None) -> SubtreeProof:
    """Prove that a subtree is part of the tree of ``size`` leaves.

    Raises:
        InputError: no node covers such leaves, or the tree of that size does not hold them.
    """
    size = tree.size if size is None else size
    if not subtree.is_valid or not subtree.start < subtree.end <= size <= tree.size:
        raise InputError(
            "no such subtree in a log of that size",
            start=subtree.start,
            end=subtree.end,
            size=size,
            expected=f"start a multiple of the length rounded up to a power of two, end <= size <= {tree.size}",
            todo="Ask for a window instead, which may start and end anywhere",
        )
    level, index = _last_node(subtree, size)
    is_whole = subtree.start >> level == index
    first = () if is_whole else (tree.node(level, index, size),)
    return SubtreeProof(subtree, size, (*first, *climb(tree, level=level, index=index, size=size)))


def check_subtree(tree_hash: TreeHash, proof: SubtreeProof, subtree_root: bytes, root: bytes) -> None:
    """Check that the subtree with one root is part of the tree with the other.

    Of an empty subtree nothing is shown but that its root is the hash of nothing.

    Raises:
        IntegrityError: it is not shown to be.
    """
    subtree = proof.subtree
    if not subtree.is_valid or not subtree.end <= proof.size <= LEAVES_MAX:
        raise IntegrityError("no such subtree", start=subtree.start, end=subtree.end, size=proof.size)
    if subtree.start == subtree.end:
        if proof.path or subtree_root != tree_hash.empty:
            raise IntegrityError("root of nothing is not the hash of nothing", got=subtree_root.hex())
        return
    if (subtree.start, subtree.end) == (0, proof.size):
        if proof.path or subtree_root != root:
            raise IntegrityError("two roots of one size differ", size=proof.size)
        return
    require_hashes((subtree_root, root, *proof.path))
    inner, outer = _roots(tree_hash, proof, subtree_root)
    if inner != subtree_root:
        raise IntegrityError(
            "proof does not lead to the subtree's root", expected=subtree_root.hex(), got=inner.hex(), end=subtree.end
        )
    if outer != root:
        raise IntegrityError("proof does not lead to the tree's root", expected=root.hex(), got=outer.hex())


def climb(tree: Tree, *, level: int, index: int, size: int) -> list[bytes]:
    """Siblings on the way from a node to the root of the tree of ``size`` leaves."""
    siblings = []
    last = (size - 1) >> level
    while last:
        if index & 1:
            siblings.append(tree.node(level, index - 1, size))
        elif index < last:
            siblings.append(tree.node(level, index + 1, size))
        level, index, last = level + 1, index >> 1, last >> 1
    return siblings


def require_hashes(items: Sequence[bytes]) -> None:
    """Raise unless every item is as long as a hash."""
    for item in items:
        if len(item) != HASH_SIZE_BYTES:
            raise IntegrityError("hash has the wrong length", expected=HASH_SIZE_BYTES, got=len(item))


def _last_node(subtree: Subtree, size: int) -> tuple[int, int]:
    """Level and index of the last node of the subtree that the tree of ``size`` leaves also has."""
    length = subtree.end - subtree.start
    level = (length - 1).bit_length() if subtree.end == size else (length & -length).bit_length() - 1
    return level, (subtree.end - 1) >> level


def _roots(tree_hash: TreeHash, proof: SubtreeProof, subtree_root: bytes) -> tuple[bytes, bytes]:
    """Roots of the subtree and of the tree that the path leads to."""
    level, index = _last_node(proof.subtree, proof.size)
    first, last = proof.subtree.start >> level, (proof.size - 1) >> level
    path = list(reversed(proof.path))
    inner = outer = subtree_root if first == index else _take(path)
    while last:
        if index & 1:
            sibling = _take(path)
            outer = tree_hash.node(sibling, outer)
            if first < index:
                inner = tree_hash.node(sibling, inner)
        elif index < last:
            outer = tree_hash.node(outer, _take(path))
        first, index, last = first >> 1, index >> 1, last >> 1
    if path:
        raise IntegrityError("proof is too long", unused=len(path))
    return inner, outer


def _take(path: list[bytes]) -> bytes:
    if not path:
        raise IntegrityError("proof is too short")
    return path.pop()
