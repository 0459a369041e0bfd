"""Trees and proofs obey their laws, for every pair of small sizes and against another implementation."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.encoding import decode_base64, decode_size
from chain.layout import TileName, tile_name, tiles
from chain.merkle import Tree
from chain.proof import (
    ConsistencyProof,
    InclusionProof,
    check_consistency,
    check_inclusion,
    format_proof,
    parse_proof,
    prove_consistency,
    prove_inclusion,
)
from chain.tree_hash import SHA3_256, SHA256, TreeHash
from domain.errors import InputError, IntegrityError

HASHES = [SHA256, SHA3_256]
SMALL = 40


def leaves(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def tree_of(tree_hash: TreeHash, entries: list[bytes]) -> Tree:
    tree = Tree(tree_hash)
    tree.extend(tree_hash.leaves(entries))
    return tree


def plain_root(tree_hash: TreeHash, entries: list[bytes]) -> bytes:
    """RFC 6962's own recursive definition."""
    if not entries:
        return tree_hash.empty
    if len(entries) == 1:
        return tree_hash.leaf(entries[0])
    half = 1 << ((len(entries) - 1).bit_length() - 1)
    return tree_hash.node(plain_root(tree_hash, entries[:half]), plain_root(tree_hash, entries[half:]))


@pytest.mark.parametrize("tree_hash", HASHES)
def test_the_root_of_every_size_is_the_one_of_the_definition(tree_hash: TreeHash) -> None:
    tree = tree_of(tree_hash, leaves(SMALL))
    for size in range(SMALL + 1):
        assert tree.root(size) == plain_root(tree_hash, leaves(size))


@pytest.mark.parametrize("tree_hash", HASHES)
def test_growth_is_computed_beside_the_tree_and_then_taken(tree_hash: TreeHash) -> None:
    for size in range(SMALL):
        for added in range(SMALL - size):
            tree = tree_of(tree_hash, leaves(size))
            growth = tree.growth(b"".join(tree_hash.leaves(leaves(size + added)[size:])))
            assert tree.root() == plain_root(tree_hash, leaves(size))
            tree.take(growth)
            assert tree.root() == plain_root(tree_hash, leaves(size + added))


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Tree(SHA3_256).root() == hashlib.sha3_256().digest()


@given(st.lists(st.integers(0, 9), max_size=12))
def test_the_tree_is_the_same_however_its_leaves_come(batches: list[int]) -> None:
    entries, grown = leaves(sum(batches)), Tree(SHA256)
    at = 0
    for count in batches:
        grown.extend(SHA256.leaves(entries[at : at + count]))
        at += count
    assert grown.root() == plain_root(SHA256, entries)


@pytest.mark.parametrize("tree_hash", HASHES)
def test_every_leaf_of_every_small_tree_is_proved(tree_hash: TreeHash) -> None:
    tree = tree_of(tree_hash, leaves(SMALL))
    for size in range(1, SMALL + 1):
        for index in range(size):
            proof = prove_inclusion(tree, index, size)
            check_inclusion(tree_hash, proof, tree_hash.leaf(leaves(SMALL)[index]), tree.root(size))


@pytest.mark.parametrize("tree_hash", HASHES)
def test_every_pair_of_small_trees_is_proved_consistent(tree_hash: TreeHash) -> None:
    tree = tree_of(tree_hash, leaves(SMALL))
    for new_size in range(1, SMALL + 1):
        for old_size in range(1, new_size + 1):
            proof = prove_consistency(tree, old_size, new_size)
            check_consistency(tree_hash, proof, tree.root(old_size), tree.root(new_size))


@settings(max_examples=60)
@given(st.integers(1, 700), st.data())
def test_a_proof_with_anything_changed_is_refused(size: int, data: st.DataObject) -> None:
    tree = tree_of(SHA3_256, leaves(size))
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = SHA3_256.leaf(leaves(size)[index]), tree.root(), prove_inclusion(tree, index)
    wrong = [
        (proof, SHA3_256.leaf(b"other"), root),
        (proof, leaf, SHA3_256.empty),
        (InclusionProof(index, size, (*proof.path, root)), leaf, root),
        (InclusionProof(size, size, proof.path), leaf, root),
        (proof, leaf[:-1], root),
    ]
    if proof.path:
        wrong += [
            (InclusionProof(index, size, proof.path[1:]), leaf, root),
            (InclusionProof(index ^ 1, size, proof.path), leaf, root),
            (InclusionProof(index, size, (root, *proof.path[1:])), leaf, root),
        ]
    for changed, some_leaf, some_root in wrong:
        with pytest.raises(IntegrityError):
            check_inclusion(SHA3_256, changed, some_leaf, some_root)


@settings(max_examples=60)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_consistency_composes_and_a_changed_history_is_refused(first: int, more: int, most: int) -> None:
    sizes = (first, first + more, first + more + most)
    tree, other = tree_of(SHA256, leaves(sizes[2])), tree_of(SHA256, [b"x", *leaves(sizes[2])[1:]])
    for old, new in pairwise(sizes):
        check_consistency(SHA256, prove_consistency(tree, old, new), tree.root(old), tree.root(new))
        with pytest.raises(IntegrityError):
            check_consistency(SHA256, prove_consistency(other, old, new), tree.root(old), other.root(new))


def test_consistency_proofs_of_the_wrong_shape_are_refused() -> None:
    tree = tree_of(SHA256, leaves(11))
    right = prove_consistency(tree, 6, 11)
    for proof in [
        ConsistencyProof(0, 11, ()),
        ConsistencyProof(11, 6, right.path),
        ConsistencyProof(6, 11, right.path[:-1]),
        ConsistencyProof(6, 11, (*right.path, tree.root())),
        ConsistencyProof(6, 11, (b"short", *right.path[1:])),
        ConsistencyProof(6, 6, right.path),
        ConsistencyProof(6, 11, (tree.root(), *right.path[1:])),
    ]:
        with pytest.raises(IntegrityError):
            check_consistency(SHA256, proof, tree.root(6), tree.root(11))
    with pytest.raises(IntegrityError):
        check_consistency(SHA256, right, tree.root(6), tree.root(10))
    assert tree.root(6) != tree.root(11)


def test_another_implementation_gives_the_same_roots() -> None:
    pymerkle = pytest.importorskip("pymerkle")
    for tree_hash, name in ((SHA256, "sha256"), (SHA3_256, "sha3_256")):
        other = pymerkle.InmemoryTree(algorithm=name)
        for entry in leaves(100):
            other.append_entry(entry)
        tree = tree_of(tree_hash, leaves(100))
        for size in range(1, 101):
            assert other.get_root(size) == tree.root(size)


def test_proof_files_read_back_what_was_written() -> None:
    tree = tree_of(SHA256, leaves(9))
    for index in (0, 8):
        proof = prove_inclusion(tree, index)
        parsed = parse_proof(format_proof(proof, "checkpoint\n"))
        assert (parsed.index, parsed.path, parsed.checkpoint) == (index, proof.path, "checkpoint\n")


@pytest.mark.parametrize("text", ["", "YQ", "YR==", "YQ==\n", "Y Q=", "é", "YQ==YQ=="])
def test_base64_has_one_spelling(text: str) -> None:
    if text:
        with pytest.raises(InputError):
            decode_base64(text, what="it")
    assert decode_base64("YQ==", what="it") == b"a"


@pytest.mark.parametrize("text", ["", "-1", "01", "+1", "1 ", "٣", "9999999999999999999"])
def test_numbers_have_one_spelling(text: str) -> None:
    with pytest.raises(InputError):
        decode_size(text, what="size")


def test_tiles_are_named_as_tlog_tiles_names_them() -> None:
    assert TileName("", 0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert [name.path for name in tiles(SHA256, 70_000, start=69_900)] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert [name.path for name in tiles(SHA3_256, 256)] == ["sha3/tile/0/000", "sha3/tile/1/000.p/1"]


@given(st.sampled_from(["", "sha3/"]), st.integers(0, 63), st.integers(0, 10**9), st.integers(1, 256))
def test_every_tile_name_reads_back(prefix: str, level: int, index: int, width: int) -> None:
    name = TileName(prefix, level, index, width)
    assert tile_name(name.path) == name


@pytest.mark.parametrize(
    "text",
    ["", "other\nindex 0\n\nc\n", "c2sp.org/tlog-proof@v1\n\nc\n", "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nc\n"],
)
def test_a_text_that_is_no_proof_file_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_proof(text)


def test_extra_data_of_a_proof_file_is_read_and_not_believed() -> None:
    assert parse_proof("c2sp.org/tlog-proof@v1\nextra YQ==\nindex 3\n\nc\n").extra == b"a"
