"""One bit flipped in what a store keeps, and whoever checks it held to finding and naming it.

    python -m tests.simulation.tampering [--positions 2000] [--entries 100000] [--seed N] [--stride 1] [--folder DIR]

In a small store every file is changed position by position: what is published, and what its owner alone sees. In a
large one random positions are changed, several in one round but never two in one file, and each must be named. Three
look: the verifier, with the published folder alone; fsck, with the owner's folder; and opening the store to write. A
position counts as found if any of those who may look finds it, and as named if the first thing found about that file
is the entry that was changed, or the file itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from chain.batch import EntryBatch
from chain.checkpoint import parse_checkpoint
from chain.finding import Finding
from chain.fsck import check_state
from chain.layout import TILE_WIDTH, tile_name
from chain.note import parse_note
from chain.signer import FileSigner
from chain.tree_hash import HASH_SIZE_BYTES
from chain.verify import verify_directory
from chain.witness.cosigner import Ed25519Cosigner
from domain.errors import PolicyCortexError
from domain.tenancy import PLATFORM
from tests.unit.chain.samples import (
    ACME,
    GLOBEX,
    chain_folder,
    event,
    open_store,
    open_writer,
    publish_small_log,
    tenant_folder,
)

ROUND: Final = 50
TENANTS: Final = (ACME, GLOBEX, PLATFORM)


@dataclass
class Tally:
    """What became of the flipped bits.

    Args:
        found: by kind of file and finder.
        missed: positions that nobody found, or that were found under a wrong name.
    """

    positions: int = 0
    found: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    missed: list[str] = field(default_factory=list)

    def take(self, kind: str, place: str, finders: Sequence[str]) -> None:
        """Count one position."""
        self.positions += 1
        self.found[kind].update(finders)
        if not finders:
            self.missed.append(place)

    def summary(self) -> dict[str, object]:
        """For printing."""
        share = 1 - len(self.missed) / max(self.positions, 1)
        found = {kind: dict(count) for kind, count in sorted(self.found.items())}
        return {"positions": self.positions, "found_and_named": share, "by": found, "missed": self.missed[:50]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Change everything once; print what was found as JSON."""
    parser = argparse.ArgumentParser(description="Flip bits in a store and see that each is found.")
    parser.add_argument("--positions", type=int, default=2_000, help="random ones, in the large log")
    parser.add_argument("--entries", type=int, default=100_000, help="of the large log")
    parser.add_argument("--stride", type=int, default=1, help="every so many positions of the small store")
    parser.add_argument("--seed", type=int, default=20_261_126)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    options = parser.parse_args(arguments)
    sys.stderr.write(f"seed {options.seed}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        make_small_store(small)
        results = {"small": flip_everywhere(small, options.seed, stride=options.stride)}
        if options.positions:
            make_large_store(large, options.entries)
            results["large"] = flip_at_random(large, options.seed, positions=options.positions)
    answer = {"seed": options.seed, **{name: tally.summary() for name, tally in results.items()}}
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    return 1 if any(tally.missed for tally in results.values()) else 0


def make_small_store(folder: Path) -> None:
    """Two tenants, an artifact, a cosigned checkpoint, earlier partial tiles, and the platform's log over both.

    The journal's last frames hold what is recorded and not yet published.
    """
    publish_small_log(folder)
    with open_store(folder) as writer:
        writer.append(EntryBatch.encode([event(f"of globex {number}", tenant=GLOBEX) for number in range(3)]))
        writer.publish(GLOBEX)
        writer.publish_platform()
        shard = writer.shard(ACME)
        own = shard.head().checkpoint
        cosigner = Ed25519Cosigner(FileSigner(folder / "witness.key", name="witness.example/w1"))
        text = parse_note(own).text
        shard.add_cosignatures(own + cosigner.cosign(text, parse_checkpoint(text), 1_700_000_000).line, [cosigner.key])
        for number in range(2):
            writer.append(EntryBatch.encode([event(f"not published {number}")]))


def make_large_store(folder: Path, entries: int) -> None:
    """One log, published at half its length and at the whole."""
    with open_writer(folder) as log:
        for first in range(0, entries, 1000):
            log.append([event(f"large-{number}") for number in range(first, min(first + 1000, entries))])
            if first == entries // 2:
                log.publish()
        log.publish()


def flip_everywhere(store: Path, seed: int, *, stride: int = 1) -> Tally:
    """Every position of every file, one at a time."""
    tally, random = Tally(), Random(seed)
    for path in _files(store):
        whole, name = path.read_bytes(), path.relative_to(store).as_posix()
        for at in range(random.randrange(min(stride, len(whole))), len(whole), stride):
            with flipped({path: (at, random.randrange(8))}):
                is_private = name.startswith("chain/")
                finders = _who_in_private(store, path) if is_private else _who_in_published(store, path, whole, at)
            tally.take(_kind(name), f"{name} byte {at}", finders)
    return tally


def flip_at_random(store: Path, seed: int, *, positions: int) -> Tally:
    """Random positions of all published files, and a tenth as many of the journal."""
    tally, random = Tally(), Random(seed)
    files = _files(tenant_folder(store))
    sizes = [path.stat().st_size for path in files]
    chosen = [(path, random.randrange(path.stat().st_size)) for path in random.choices(files, sizes, k=positions)]
    for group in _rounds(chosen):
        wholes = {path: path.read_bytes() for path, _ in group}
        with flipped({path: (at, random.randrange(8)) for path, at in group}):
            seen = _look(store, tenant_folder(store))
        for path, at in group:
            name = path.relative_to(store).as_posix()
            finders = [who for who, found in seen.items() if _is_named(found, store, path, wholes[path], at)]
            tally.take(_kind(name), f"{name} byte {at}", finders)
    segments = _files(chain_folder(store) / "journal")
    for path in random.choices(segments, [path.stat().st_size for path in segments], k=positions // 10):
        at = random.randrange(path.stat().st_size)
        with flipped({path: (at, random.randrange(8))}):
            found = check_state(chain_folder(store), [tenant_folder(store)]).findings
        tally.take("private journal", f"{path.name} byte {at}", ["fsck"] if "journal" in found[0].where else [])
    return tally


@contextmanager
def flipped(places: Mapping[Path, tuple[int, int]]) -> Iterator[None]:
    """Files with one bit changed each, and restored afterwards."""
    wholes = {path: path.read_bytes() for path in places}
    for path, (at, bit) in places.items():
        changed = bytearray(wholes[path])
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
    try:
        yield
    finally:
        for path, whole in wholes.items():
            path.write_bytes(whole)


def _who_in_published(store: Path, path: Path, whole: bytes, at: int) -> list[str]:
    folder = next(folder for folder in _folders(store) if folder in path.parents)
    seen = _look(store, folder)
    return [who for who, found in seen.items() if _is_named(found[:1], store, path, whole, at)]


def _look(store: Path, folder: Path) -> dict[str, Sequence[Finding]]:
    return {
        "verify": verify_directory(folder).findings,
        "fsck": check_state(chain_folder(store), [folder]).findings,
    }


def _who_in_private(store: Path, path: Path) -> list[str]:
    """Who finds a change that only the owner can see, and names the file."""
    found = []
    try:
        findings = check_state(chain_folder(store), _folders(store)).findings
        first = findings[0].where.removeprefix("state ").rpartition("/")[2] if findings else ""
    except PolicyCortexError as error:
        first = path.name if path.name in str(error) else ""
    if first == ("journal" if path.parent.name == "journal" else path.name):
        found.append("fsck")
    with tempfile.TemporaryDirectory(dir=store.parent) as folder:
        copy = Path(shutil.copytree(store, Path(folder) / "copy"))
        try:
            _open(copy)
        except PolicyCortexError as error:
            if path.name in str(error):
                found.append("opening")
    return found


def _open(store: Path) -> None:
    """Open a store as its writer does: replay, then keys and signed checkpoints at first use."""
    with open_store(store) as writer:
        for tenant in TENANTS:
            shard = writer.shard(tenant)
            shard.open()
            shard.commitment(shard.own_note() or "")


def _is_named(found: Sequence[Finding], store: Path, path: Path, whole: bytes, at: int) -> bool:
    """Whether the first finding about the file is of the entry that was changed, or of the file where it has none."""
    folder = next(folder for folder in _folders(store) if folder in path.parents)
    year = next(parent for parent in path.parents if parent.parent == folder)
    name = path.relative_to(year).as_posix()
    mine = [item for item in found if item.where.removeprefix(f"{year.name}/") == name]
    if not mine:
        return False
    tile = tile_name(name)
    is_earlier = tile is not None and tile.width < TILE_WIDTH and not _is_newest(path, tile.width)
    if tile is None or is_earlier:
        return True
    if tile.level is None:
        return mine[0].entry_index == tile.index * TILE_WIDTH + _entry_at(whole, at)
    return mine[0].field in {f"hash {at // HASH_SIZE_BYTES}", f"byte {at}"}


def _is_newest(path: Path, width: int) -> bool:
    return width == max(int(item.name) for item in path.parent.iterdir())


def _entry_at(bundle: bytes, at: int) -> int:
    number = start = 0
    while True:
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
        if at < start:
            return number
        number += 1


def _rounds(chosen: Iterable[tuple[Path, int]]) -> list[list[tuple[Path, int]]]:
    """Positions of one kind of file together, no two in one file, and few enough that each is told."""
    rounds: dict[str, list[dict[Path, int]]] = defaultdict(list)
    for path, at in chosen:
        groups = rounds[_kind(path.as_posix())]
        group = next((group for group in groups if path not in group and len(group) < ROUND), None)
        if group is None:
            groups.append(group := {})
        group[path] = at
    return [list(group.items()) for groups in rounds.values() for group in groups]


def _kind(name: str) -> str:
    """What sort of file it is, for counting."""
    path = Path(name)
    if name.startswith("chain/"):
        return f"private {path.parent.name if path.parent.name in {'journal', 'artifact'} else path.name}"
    tree = "SHA3-256" if "sha3" in path.parts else "SHA-256"
    if "entries" in path.parts:
        return "entry bundles"
    if "tile" in path.parts:
        return f"{tree} tiles"
    return "artifact" if path.parent.name == "artifact" else path.name + (" sha3" if "sha3" in path.parts else "")


def _files(folder: Path) -> list[Path]:
    """Files with anything in them; the witness's own key is not the store's."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size)
    return [path for path in found if path.name != "witness.key"]


def _folders(store: Path) -> list[Path]:
    return [folder for tenant in TENANTS if (folder := tenant_folder(store, tenant)).is_dir()]


if __name__ == "__main__":
    raise SystemExit(main())
