"""A frontier has the root of the whole tree, wherever it begins and however it grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chain.frontier import Frontier
from chain.merkle import Tree
from chain.tree_hash import BOTH, TreeHash


@given(st.sampled_from([BOTH.sha256, BOTH.sha3_256]), st.integers(0, 70), st.lists(st.integers(0, 40), max_size=5))
def test_a_frontier_grows_as_the_tree_does(tree_hash: TreeHash, start: int, batches: list[int]) -> None:
    tree = Tree(tree_hash)
    leaves = tree_hash.leaves([number.to_bytes(2, "big") for number in range(start + sum(batches))])
    tree.extend(leaves)
    frontier = Frontier(tree_hash, start, _nodes(tree, start))
    for count in batches:
        frontier.extend(leaves[frontier.size : frontier.size + count])
        assert frontier.root() == tree.root(frontier.size)
    assert frontier.size == len(leaves)


def _nodes(tree: Tree, size: int) -> list[bytes]:
    nodes, at = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            nodes.append(tree.nodes(level, at >> level, (at >> level) + 1))
            at += 1 << level
    return nodes
