"""Completeness: these entries, and no others, stand between two places of a log.

A window proof is what is left of the tree when the window's own leaves are taken out: one hash for every largest
subtree beside the window. Whoever has the window's entries computes the root from both. One entry left out, added,
changed or moved gives another root, and because the window is contiguous there is no place where one could be missing.

What it does not show: that an entry was ever handed to the log, or when. Times are bounded by the checkpoints and
their anchors at both ends.

Source: RFC 6962 section 2.1 (the tree); the construction follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chain.merkle import Tree
from chain.subtree import LEAVES_MAX, require_hashes
from chain.tree_hash import BOTH, TreeHash, Twin
from domain.errors import InputError, IntegrityError


@dataclass(frozen=True, slots=True)
class WindowProof:
    """Hashes beside the leaves ``start`` to ``end`` in the tree of ``size`` leaves, from left to right."""

    start: int
    end: int
    size: int
    beside: tuple[bytes, ...]


def prove_window(tree: Tree, start: int, end: int, size: int | None = None) -> WindowProof:
    """Prove what the leaves ``start`` to ``end`` of the tree of ``size`` leaves are.

    Raises:
        InputError: the window is empty, or reaches beyond the tree of that size.
    """
    size = tree.size if size is None else size
    if not 0 <= start < end <= size <= tree.size:
        raise InputError(
            "no such window in a log of that size",
            start=start,
            end=end,
            size=size,
            expected=f"0 <= start < end <= size <= {tree.size}",
            todo="Ask for at least one entry below the size of a checkpoint of this log",
        )
    beside = tuple(tree.subtree(low, high) for low, high, is_inside in _parts(start, end, size) if not is_inside)
    return WindowProof(start, end, size, beside)


def check_window(tree_hash: TreeHash, proof: WindowProof, leaf_hashes: Sequence[bytes], root: bytes) -> None:
    """Check that exactly these leaves stand in the window under the root.

    Raises:
        IntegrityError: they are not shown to.
    """
    if not 0 <= proof.start < proof.end <= proof.size <= LEAVES_MAX:
        raise IntegrityError("no such window", start=proof.start, end=proof.end, size=proof.size)
    if len(leaf_hashes) != proof.end - proof.start:
        raise IntegrityError(
            "window has another number of entries", expected=proof.end - proof.start, got=len(leaf_hashes)
        )
    parts = list(_parts(proof.start, proof.end, proof.size))
    expected = sum(not is_inside for _, _, is_inside in parts)
    if len(proof.beside) != expected:
        raise IntegrityError("window proof has the wrong length", expected=expected, got=len(proof.beside))
    require_hashes((*leaf_hashes, *proof.beside, root))
    beside = iter(proof.beside)
    hashes = {
        (low, high): _root_of(tree_hash, leaf_hashes[low - proof.start : high - proof.start])
        if inside
        else next(beside)
        for low, high, inside in parts
    }
    computed = _fold(tree_hash, hashes, 0, proof.size)
    if computed != root:
        raise IntegrityError(
            "window does not lead to the root",
            start=proof.start,
            end=proof.end,
            size=proof.size,
            expected=root.hex(),
            got=computed.hex(),
        )


def check_entries(proofs: Twin[WindowProof], entries: Sequence[bytes], roots: Twin[bytes]) -> None:
    """Check in both trees that exactly these entries stand in the window.

    Raises:
        IntegrityError: they are not shown to, or the two proofs are of different windows.
    """
    first, second = proofs.sha256, proofs.sha3_256
    if (first.start, first.end, first.size) != (second.start, second.end, second.size):
        raise IntegrityError("the two trees' proofs are of different windows", start=first.start, end=first.end)
    check_window(BOTH.sha256, first, BOTH.sha256.leaves(entries), roots.sha256)
    check_window(BOTH.sha3_256, second, BOTH.sha3_256.leaves(entries), roots.sha3_256)


def _parts(start: int, end: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """The largest subtrees that lie wholly inside or wholly outside the window, from left to right."""
    pending = [(0, size)]
    while pending:
        low, high = pending.pop()
        is_inside = start <= low and high <= end
        if is_inside or high <= start or end <= low:
            yield low, high, is_inside
        else:
            middle = _middle(low, high)
            pending += [(middle, high), (low, middle)]


def _middle(low: int, high: int) -> int:
    return low + (1 << ((high - low - 1).bit_length() - 1))


def _root_of(tree_hash: TreeHash, leaf_hashes: Sequence[bytes]) -> bytes:
    tree = Tree(tree_hash)
    tree.extend(leaf_hashes)
    return tree.root()


def _fold(tree_hash: TreeHash, hashes: dict[tuple[int, int], bytes], low: int, high: int) -> bytes:
    known = hashes.get((low, high))
    if known is not None:
        return known
    middle = _middle(low, high)
    return tree_hash.node(_fold(tree_hash, hashes, low, middle), _fold(tree_hash, hashes, middle, high))
