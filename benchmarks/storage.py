"""Publishing a log and journaling on a store, beside the same files put one by one in the same run.

Without an address a folder and memory are measured; with one, that store too: its options are given as NAME=VALUE.

    python -m benchmarks.storage [--leaves N] [--frames N] [--folder DIR] [--store ADDRESS [--option NAME=VALUE ...]]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report import Row, publish
from chain.cosigned import CosignedNote
from chain.frame import Run
from chain.merkle import Tree
from chain.object_journal import ObjectJournal
from chain.publication import Publication
from chain.publishing_mark import BlobMark
from chain.signer import FileSigner, Notary
from chain.storage.contract import BlobStore
from chain.storage.opening import open_store
from chain.tree_hash import BOTH, Twin

ORIGIN = "example.org/evidence/bench/2026"
ENTRY = b"x" * 300
ONE_BY_ONE_MAX = 500
BATCH = 1000
FASTER_MIN = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    parser.add_argument("--store", help="address of an object store")
    parser.add_argument("--option", action="append", default=[], help="one of its options, as NAME=VALUE")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        stores = {"folder": open_store(f"{folder}/files"), "memory": open_store("memory:///")}
        if options.store:
            given = dict(option.split("=", 1) for option in options.option)
            stores["store"] = open_store(options.store, given).below(f"{uuid.uuid4().hex}/")
        rows: list[Row] = []
        for name, store in stores.items():
            rows += publishing_rows(name, store, Path(folder) / f"state of {name}", options.leaves)
            rows += journal_rows(name, store, options.frames)
    publish("storage", rows)
    return 0


def publishing_rows(name: str, store: BlobStore, state: Path, leaves: int) -> list[Row]:
    """Publish a whole log, then put some of the same files one by one."""
    trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
    for tree in (trees.sha256, trees.sha3_256):
        tree.extend(tree.hash.leaves([ENTRY] * leaves))
    state.mkdir()
    signers = Twin(FileSigner(state / "a", name=ORIGIN), FileSigner(state / "b", name=f"{ORIGIN}/sha3-256"))
    notaries = (
        Notary(signers.sha256, BOTH.sha256, state / "signed"),
        Notary(signers.sha3_256, BOTH.sha3_256, state / "signed-sha3"),
    )
    notes = Twin(
        CosignedNote(notaries[0].sign(leaves, trees.sha256.root(), None)),
        CosignedNote(notaries[1].sign(leaves, trees.sha3_256.root(), None)),
    )
    published = store.below("log/")
    publication = Publication(published, BlobMark(store), Twin(signers.sha256.key, signers.sha3_256.key))
    took_s = timed(lambda: publication.write(trees, lambda start, stop: [ENTRY] * (stop - start), {}, notes))
    files = [item.name for item in published.listing()]
    some = [(path, published.get(path).content) for path in files[:ONE_BY_ONE_MAX]]
    apart = store.below("apart/")
    single_s = timed(lambda: [apart.put(path, content) for path, content in some])
    rate, single = len(files) / took_s, len(some) / single_s
    aim, met = (f">= {FASTER_MIN} x", rate / single >= FASTER_MIN) if name == "folder" else ("", None)
    return [
        Row(f"{name}: publish everything", rate, "files/s", "the same, one by one", rate / single, aim, met),
        Row(f"{name}: publish everything, leaves", leaves / took_s, "leaves/s"),
    ]


def journal_rows(name: str, store: BlobStore, frames: int) -> list[Row]:
    """Append frames, open again, gather, open again."""
    place, entries, waits = store.below("journal/"), [ENTRY] * BATCH, list[float]()
    journal, _ = opened(place)
    for _ in range(frames):
        waits.append(timed(lambda: journal.append([Run(ORIGIN, entries)], year=2026)))
    again, opening_s = opened(place)
    gathering_s = timed(lambda: again.gather(frames_min=1))
    _, gathered_s = opened(place)
    count = frames * BATCH
    waits.sort()
    return [
        Row(f"{name}: journal, batches of {BATCH}", count / sum(waits), "entries/s"),
        Row(f"{name}: journal, one batch, p99", 1e3 * waits[frames * 99 // 100], "ms"),
        Row(f"{name}: open the journal", count / opening_s, "entries/s"),
        Row(f"{name}: gather frames", count / gathering_s, "entries/s"),
        Row(f"{name}: open it gathered", count / gathered_s, "entries/s"),
    ]


def opened(store: BlobStore) -> tuple[ObjectJournal, float]:
    """A journal that was replayed, and how long that took."""
    journal = ObjectJournal(store, uuid.uuid4().hex)
    return journal, timed(lambda: [None for _ in journal.replay()])


def timed(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
