"""A published log read tile by tile proves what the whole log proves, and reads little for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.layout import bundles, tiles
from chain.merkle import Tree
from chain.proof import prove_consistency, prove_inclusion
from chain.published_tree import PublishedEntries, PublishedTree
from chain.tile_content import bundle_content, tile_content
from chain.tree_hash import BOTH, TreeHash
from chain.window import prove_window
from domain.errors import IntegrityError
from tests.unit.chain.samples import ACME, Wrist, event, open_store, published_folder

SIZES = (1, 2, 255, 256, 257, 513, 70_001)


def published(tree: Tree) -> dict[str, bytes]:
    return {name.path: tile_content(name, tree) for name in tiles(tree.hash, tree.size)}


def grown(tree_hash: TreeHash, size: int) -> Tree:
    tree = Tree(tree_hash)
    tree.extend([tree_hash.leaf(b"%d" % number) for number in range(size)])
    return tree


@pytest.mark.parametrize("tree_hash", [BOTH.sha256, BOTH.sha3_256])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_prove_what_the_tree_proves(tree_hash: TreeHash, size: int) -> None:
    tree = grown(tree_hash, size)
    read = PublishedTree(tree_hash, size, published(tree).get)
    assert (read.size, read.root()) == (size, tree.root())
    old, index = max(1, size // 3), size // 2
    assert prove_inclusion(read, index) == prove_inclusion(tree, index)
    assert prove_consistency(read, old) == prove_consistency(tree, old)
    assert prove_window(read, index, index + 1) == prove_window(tree, index, index + 1)


def test_a_proof_from_a_large_log_reads_a_handful_of_tiles() -> None:
    tree = grown(BOTH.sha256, 70_001)
    files, asked = published(tree), list[str]()

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    prove_window(PublishedTree(BOTH.sha256, 70_001, read), 30_000, 31_000)
    assert len(asked) <= 10 < len(files)


def test_a_partial_tile_that_was_completed_since_is_read_from_the_whole_one() -> None:
    small, large = grown(BOTH.sha256, 300), grown(BOTH.sha256, 1_000)
    files = {name: tile for name, tile in published(small).items() if not name.startswith("tile/0/")}
    read = PublishedTree(BOTH.sha256, 300, {**published(large), **files}.get)
    assert read.root() == small.root()
    names = [b"%d" % number for number in range(1_000)]
    written = {name.path: bundle_content(name, lambda start, stop: names[start:stop]) for name in bundles(1_000)}
    assert PublishedEntries(300, written.get).entry(299) == b"299"


@pytest.mark.parametrize(("damaged", "why"), [(None, "missing"), (b"\0" * 31, "too short"), (b"", "too short")])
def test_a_tile_that_is_gone_or_cut_is_named(damaged: bytes | None, why: str) -> None:
    def read(path: str) -> bytes | None:
        del path
        return damaged

    actions: tuple[Callable[[], object], ...] = (
        PublishedTree(BOTH.sha256, 20, read).root,
        lambda: PublishedEntries(20, read).entry(3),
    )
    for act in actions:
        with pytest.raises(IntegrityError, match=why):
            act()


def test_entries_of_a_published_folder_are_those_that_were_recorded(tmp_path: Path) -> None:
    with open_store(tmp_path, Wrist()) as writer:
        writer.append(EntryBatch.encode([event(f"e{number}") for number in range(300)]))
        size = writer.publish(ACME).size
        shard = writer.shard(ACME)
        entries = PublishedEntries(size, lambda path: (published_folder(tmp_path) / path).read_bytes())
        assert [entries.entry(index) for index in range(size)] == [shard.entry(index) for index in range(size)]
