"""Comparing what is stored with what the entries give, and deciding which of the two was changed.

If the entries lead to the signed root, they are right and every tile must follow from them. If they do not but the
stored leaf hashes of a tree do, the tiles are right and the entries that differ from them are the changed ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chain.checkpoint import Checkpoint
from chain.finding import Findings
from chain.folder import Folder
from chain.layout import TILE_HEIGHT, TILE_WIDTH, TileName, bundles, checkpoint_path, tile_name, tiles
from chain.merkle import Tree
from chain.tree_hash import BOTH, HASH_SIZE_BYTES, TreeHash, Twin

_NO_ENTRY = b""


@dataclass(slots=True)
class Contents:
    """The entries of a folder as read, good or bad, and the trees that are believed.

    Args:
        bad: indices of entries that are shown to be changed or missing.
    """

    entries: list[bytes]
    trees: Twin[Tree]
    bad: set[int] = field(default_factory=set)


def read_contents(folder: Folder, findings: Findings, heads: Twin[Checkpoint]) -> Contents:
    """Read all entries and tiles of the signed size and report what does not follow from the signed roots."""
    size = heads.sha256.size
    entries: list[bytes] = []
    broken: dict[int, str] = {}
    for name in bundles(size):
        entries += _read_bundle(folder, name, broken)
    bad: dict[int, str] = {}
    trees = Twin(
        _believed(folder, BOTH.sha256, entries, heads.sha256, findings=findings, bad=bad),
        _believed(folder, BOTH.sha3_256, entries, heads.sha3_256, findings=findings, bad=bad),
    )
    for index, got in sorted({**bad, **broken}.items()):
        leaf = trees.sha256.nodes(0, index, index + 1).hex()
        where = next(bundles(min(size, (index // TILE_WIDTH + 1) * TILE_WIDTH), start=index)).path
        expected = f"an entry with leaf hash {leaf}"
        findings.add(where, field="entry", expected=expected, got=got, entry_index=index)
    contents = Contents(entries, trees, {*bad, *broken})
    for tree in (trees.sha256, trees.sha3_256):
        for name in tiles(tree.hash, size):
            _compare_tile(folder, findings, name, tree)
    _check_earlier_partials(folder, findings, contents)
    return contents


def _read_bundle(folder: Folder, name: TileName, broken: dict[int, str]) -> list[bytes]:
    """Exactly as many entries as the bundle must have; what cannot be taken apart is marked and left empty."""
    first, content = name.index * TILE_WIDTH, folder.read(name.path)
    if content is None:
        broken.update({first + at: "no such file" for at in range(name.width)})
        return [_NO_ENTRY] * name.width
    entries: list[bytes] = []
    at = 0
    while at < len(content) and len(entries) < name.width:
        stop = at + 2 + int.from_bytes(content[at : at + 2], "big")
        entries.append(content[at + 2 : stop])
        at = stop
    if at != len(content):
        broken[first + len(entries) - 1] = "a length that does not end where the bundle ends"
    missing = range(len(entries), name.width)
    broken.update({first + at: "nothing: the bundle ends before it" for at in missing})
    return entries + [_NO_ENTRY] * len(missing)


def _believed(
    folder: Folder,
    tree_hash: TreeHash,
    entries: list[bytes],
    head: Checkpoint,
    *,
    findings: Findings,
    bad: dict[int, str],
) -> Tree:
    """The tree that has the signed root, from the entries or else from the stored leaf hashes."""
    computed = Tree(tree_hash)
    computed.extend(tree_hash.leaves(entries))
    if computed.root() == head.root:
        return computed
    stored = Tree(tree_hash)
    stored.extend(_stored_leaves(folder, tree_hash, head.size))
    for index in range(head.size):
        leaf = computed.nodes(0, index, index + 1)
        if leaf != stored.nodes(0, index, index + 1):
            bad.setdefault(index, f"one with {tree_hash.name} leaf hash {leaf.hex()}")
    if stored.root() == head.root:
        return stored
    findings.add(
        checkpoint_path(tree_hash),
        field="root hash",
        expected=head.root.hex(),
        got=f"{computed.root().hex()} by entries",
    )
    return computed


def _stored_leaves(folder: Folder, tree_hash: TreeHash, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    for name in tiles(tree_hash, size):
        if name.level == 0:
            content = (folder.read(name.path) or b"").ljust(name.width * HASH_SIZE_BYTES, b"\0")
            leaves += _hashes(content)[: name.width]
    return leaves


def _compare_tile(folder: Folder, findings: Findings, name: TileName, tree: Tree) -> None:
    content = folder.read(name.path)
    if content is None:
        findings.add(name.path, field="file", expected="a hash tile", got="no such file")
        return
    first = name.index * TILE_WIDTH
    expected = tree.nodes(TILE_HEIGHT * (name.level or 0), first, first + name.width)
    if content == expected:
        return
    if len(content) != len(expected):
        findings.add(name.path, field="length", expected=len(expected), got=len(content))
    for position, (want, got) in enumerate(zip(_hashes(expected), _hashes(content), strict=False)):
        if want != got:
            index = first + position if name.level == 0 else None
            findings.add(name.path, field=f"hash {position}", expected=want.hex(), got=got.hex(), entry_index=index)


def _check_earlier_partials(folder: Folder, findings: Findings, contents: Contents) -> None:
    """Partial tiles of earlier checkpoints may stay; each must be the start of today's tile."""
    size = contents.trees.sha256.size
    for path in folder.remaining():
        name = tile_name(path)
        if name is None or name.width == TILE_WIDTH:
            continue
        tree = contents.trees.sha3_256 if name.prefix else contents.trees.sha256
        if name.level is None:
            if name.index * TILE_WIDTH + name.width <= size:
                _compare_bundle(folder, findings, name, contents)
        elif name.index * TILE_WIDTH + name.width <= size >> (TILE_HEIGHT * name.level):
            _compare_tile(folder, findings, name, tree)


def _compare_bundle(folder: Folder, findings: Findings, name: TileName, contents: Contents) -> None:
    first = name.index * TILE_WIDTH
    broken: dict[int, str] = {}
    entries = _read_bundle(folder, name, broken)
    for index, entry in enumerate(entries, start=first):
        if index not in contents.bad and (index in broken or entry != contents.entries[index]):
            findings.add(
                name.path, field="entry", expected="the entry of the newest bundle", got="another", entry_index=index
            )


def _hashes(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_SIZE_BYTES] for at in range(0, len(content), HASH_SIZE_BYTES)]
