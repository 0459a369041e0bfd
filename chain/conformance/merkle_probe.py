"""Proofs in JSON, right and wrong ones, as transparency-dev/merkle publishes them.

Four shapes: inclusion, consistency, and both for subtrees. The hash function is SHA-256 unless the case or something
above it states another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from chain.conformance.json_case import Case, Fields, Shape, decoded, number
from chain.conformance.outcome import Tally
from chain.proof import (
    ConsistencyProof,
    InclusionProof,
    check_consistency,
    check_inclusion,
    check_subtree_inclusion,
)
from chain.subtree import Subtree, SubtreeProof, check_subtree
from chain.tree_hash import SHA3_256, SHA256, TreeHash
from domain.errors import InputError

_HASH_NAMES: Final = ("sha", "blake", "keccak", "md5", "sm3", "poseidon", "shake")
_HASHES: Final = {"sha256": SHA256, "sha2256": SHA256, "sha3256": SHA3_256}


def tree_hash_named(name: object) -> TreeHash | None:
    """The tree hash of that name in any usual spelling; ``None`` where the log has no such tree.

    What is no function's name (nothing at all, or a digest) states none.
    """
    plain = "".join(char for char in str(name).lower() if char.isalnum())
    return _HASHES.get(plain) if plain.startswith(_HASH_NAMES) else SHA256


def _inclusion(tree_hash: TreeHash, case: Case) -> Callable[[], None]:
    proof = InclusionProof(_number(case, "leafIdx"), _number(case, "treeSize"), _path(case))
    leaf_hash, root = _bytes(case, "leafHash"), _bytes(case, "root")
    return lambda: check_inclusion(tree_hash, proof, leaf_hash, root)


def _consistency(tree_hash: TreeHash, case: Case) -> Callable[[], None]:
    proof = ConsistencyProof(_number(case, "size1"), _number(case, "size2"), _path(case))
    old_root, new_root = _bytes(case, "root1"), _bytes(case, "root2")
    return lambda: check_consistency(tree_hash, proof, old_root, new_root)


def _subtree_inclusion(tree_hash: TreeHash, case: Case) -> Callable[[], None]:
    subtree, index, path = _subtree(case), _number(case, "leafIdx"), _path(case)
    leaf_hash, root = _bytes(case, "leafHash"), _bytes(case, "root")
    return lambda: check_subtree_inclusion(tree_hash, subtree, index, path, leaf_hash=leaf_hash, root=root)


def _subtree_consistency(tree_hash: TreeHash, case: Case) -> Callable[[], None]:
    proof = SubtreeProof(_subtree(case), _number(case, "size"), _path(case))
    subtree_root, root = _bytes(case, "root1"), _bytes(case, "root2")
    return lambda: check_subtree(tree_hash, proof, subtree_root, root)


def _shape(family: str, names: Collection[str], check: Callable[[TreeHash, Case], Callable[[], None]]) -> Shape:
    def matches(fields: Fields) -> bool:
        return all(name in fields for name in names) and not isinstance(fields["proof"], str)

    def judge(case: Case, tally: Tally) -> None:
        stated = case.stated("hash", "hashAlgorithm", "hash_algorithm", "hasher")
        tree_hash = tree_hash_named(stated)
        if tree_hash is None:
            tally.not_applicable[f"tree over {stated}, which no log here has"] += 1
            return
        accepts = case.is_accepted if case.is_accepted is not None else not case.source.is_to_be_refused
        tally.judge_refusal(case.source.name, case.name, accepts=accepts, action=check(tree_hash, case))

    return Shape(family, matches, judge)


def _number(case: Case, key: str) -> int:
    return number(case.fields[key], what=key)


def _bytes(case: Case, key: str) -> bytes:
    return decoded(case.fields[key], what=key)


def _path(case: Case) -> tuple[bytes, ...]:
    items = case.fields["proof"] or ()
    if not isinstance(items, list | tuple):
        raise InputError("vector has a field that is not a list", field="proof", got=ascii(items)[:80])
    return tuple(decoded(item, what="proof") for item in items)


def _subtree(case: Case) -> Subtree:
    return Subtree(_number(case, "start"), _number(case, "end"))


SHAPES: Final = (
    _shape("Merkle subtree inclusion", ("leafIdx", "start", "end", "root", "leafHash", "proof"), _subtree_inclusion),
    _shape("Merkle inclusion", ("leafIdx", "treeSize", "root", "leafHash", "proof"), _inclusion),
    _shape("Merkle subtree consistency", ("start", "end", "size", "root1", "root2", "proof"), _subtree_consistency),
    _shape("Merkle consistency", ("size1", "size2", "root1", "root2", "proof"), _consistency),
)
