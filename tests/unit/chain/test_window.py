"""Subtrees and windows: every small one is proved, and anything left out, added, moved or changed is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.proof import prove_consistency
from chain.subtree import Subtree, SubtreeProof, check_subtree, prove_subtree
from chain.tree_hash import SHA3_256, SHA256, Twin
from chain.window import check_entries, check_window, prove_window
from domain.errors import InputError, IntegrityError
from tests.unit.chain.samples import open_writer, publish_small_log
from tests.unit.chain.test_merkle import leaves, plain_root, tree_of

SMALL = 20


def test_every_subtree_of_every_small_tree_is_proved_and_the_others_have_no_proof() -> None:
    entries, tree = leaves(SMALL), tree_of(SHA256, leaves(SMALL))
    for size in range(1, SMALL + 1):
        for start in range(size):
            for end in range(start + 1, size + 1):
                subtree = Subtree(start, end)
                if not subtree.is_valid:
                    with pytest.raises(InputError, match="no such subtree"):
                        prove_subtree(tree, subtree, size)
                    continue
                proof = prove_subtree(tree, subtree, size)
                check_subtree(SHA256, proof, plain_root(SHA256, entries[start:end]), tree.root(size))
                with pytest.raises(IntegrityError):
                    check_subtree(SHA256, proof, SHA256.leaf(b"other"), tree.root(size))


def test_a_tree_of_an_earlier_size_is_a_subtree() -> None:
    tree = tree_of(SHA3_256, leaves(SMALL))
    for size in range(1, SMALL + 1):
        assert prove_subtree(tree, Subtree(0, size)).path == prove_consistency(tree, size).path


def test_an_empty_subtree_shows_nothing_and_is_not_proved() -> None:
    with pytest.raises(InputError):
        prove_subtree(tree_of(SHA256, leaves(3)), Subtree(1, 1))
    check_subtree(SHA256, SubtreeProof(Subtree(1, 1), 3, ()), SHA256.empty, SHA256.leaf(b"any"))
    with pytest.raises(IntegrityError, match="hash of nothing"):
        check_subtree(SHA256, SubtreeProof(Subtree(1, 1), 3, ()), SHA256.leaf(b""), SHA256.leaf(b"any"))


@pytest.mark.parametrize("tree_hash", [SHA256, SHA3_256])
def test_every_window_of_every_small_tree_is_proved(tree_hash: object) -> None:
    assert tree_hash in {SHA256, SHA3_256}
    chosen = SHA256 if tree_hash == SHA256 else SHA3_256
    hashes, tree = chosen.leaves(leaves(SMALL)), tree_of(chosen, leaves(SMALL))
    for size in range(1, SMALL + 1):
        for start in range(size):
            for end in range(start + 1, size + 1):
                proof = prove_window(tree, start, end, size)
                check_window(chosen, proof, hashes[start:end], tree.root(size))


@settings(max_examples=60)
@given(st.integers(2, 600), st.data())
def test_an_entry_left_out_added_changed_or_moved_is_refused(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 2))
    end = data.draw(st.integers(start + 2, size))
    tree, hashes = tree_of(SHA256, leaves(size)), SHA256.leaves(leaves(size))
    inside, proof, at = hashes[start:end], prove_window(tree, start, end), data.draw(st.integers(0, end - start - 1))
    other = SHA256.leaf(b"other")
    check_window(SHA256, proof, inside, tree.root())
    wrong = [
        (proof, inside[:at] + inside[at + 1 :]),
        (proof, [*inside[:at], other, *inside[at:]]),
        (proof, [*inside[:at], other, *inside[at + 1 :]]),
        (proof, inside[::-1]),
        (replace(proof, end=end - 1), inside[:-1]),
        (replace(proof, start=start + 1), inside[1:]),
        (replace(proof, beside=(*proof.beside, other)), inside),
        (replace(proof, start=end), []),
    ]
    for changed, some in wrong:
        with pytest.raises(IntegrityError):
            check_window(SHA256, changed, some, tree.root())
    with pytest.raises(IntegrityError, match="root"):
        check_window(SHA256, proof, inside, other)


@pytest.mark.parametrize(("start", "end", "size"), [(-1, 2, 5), (2, 2, 5), (3, 2, 5), (0, 6, 5), (0, 2, 6)])
def test_there_is_no_proof_of_an_empty_window_or_one_beyond_the_log(start: int, end: int, size: int) -> None:
    with pytest.raises(InputError, match="no such window"):
        prove_window(tree_of(SHA256, leaves(5)), start, end, size)


def test_the_writer_proves_a_window_in_both_trees(tmp_path: Path) -> None:
    publish_small_log(tmp_path)
    with open_writer(tmp_path) as log:
        roots, entries = log.shard.root(11), [log.shard.entry(index) for index in range(3, 8)]
        proofs = log.shard.window_proof(3, 8, 11)
        check_entries(proofs, entries, roots)
        with pytest.raises(IntegrityError):
            check_entries(proofs, [*entries[:-1], log.shard.entry(8)], roots)
        with pytest.raises(IntegrityError, match="different windows"):
            check_entries(Twin(proofs.sha256, log.shard.window_proof(3, 8, 10).sha3_256), entries, roots)
