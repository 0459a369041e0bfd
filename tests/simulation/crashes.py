"""The writer killed at every place where it changes a file, and held to what it acknowledged.

    python -m tests.simulation.crashes [--crashes 600] [--seed N] [--folder DIR]

First a fixed piece of work is done once to count its places; then it is done again from the same start for each of
them and killed there, by turns as `kill -9` would and with a power cut's losses. The rest of the crashes follow each
other in one store that grows, at random places, opening and repairing included. After each one the store must open,
hold every acknowledged entry where its receipt says, hold none twice, and extend every checkpoint that was let out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.simulation.failing_disk import KILLED, REAL, FailingDisk

TENANTS = ("acme", "globex", "initech")

_RANDOM_PLACE_MAX = 160


@dataclass
class Acknowledged:
    """What the writer let out, over all of its lives.

    Args:
        kept: by tenant and request, the entry's id and leaf.
        heads: by origin, size and both roots of every checkpoint.
        places: where it was killed.
    """

    kept: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    heads: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    places: Counter[str] = field(default_factory=Counter)

    def hear(self, line: str) -> None:
        """Take one word of the writer's; receipts of one request must agree for ever."""
        match line.split("\t"):
            case ["kept", tenant, request, entry_id, leaf]:
                found = (entry_id, leaf)
                if self.kept.setdefault((tenant, request), found) != found:
                    raise AssertionError(f"{tenant} {request} was acknowledged twice: {found} and before otherwise")
            case ["head", origin, size, sha256, sha3]:
                self.heads.setdefault(origin, []).append((int(size), sha256, sha3))
            case ["died", place]:
                self.places[place] += 1
            case _:
                raise AssertionError(f"the writer said {line!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Crash as often as asked; print what was done as JSON."""
    parser = argparse.ArgumentParser(description="Kill the evidence writer at every place where it changes a file.")
    parser.add_argument("--crashes", type=int, default=600, help="how many in all, at least")
    parser.add_argument("--seed", type=int, default=20_261_126)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    parser.add_argument("--only-random", action="store_true", help="leave the fixed piece of work out")
    options = parser.parse_args(arguments)
    sys.stderr.write(f"seed {options.seed}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        simulation = Simulation(Path(folder), options.seed)
        if not options.only_random:
            simulation.every_place()
        simulation.at_random(max(0, options.crashes - simulation.crashes))
        sys.stdout.write(json.dumps(simulation.summary(), indent=1) + "\n")
    return 0


class Simulation:
    """Writers that die, one after the other, below one folder.

    Must be made before anything of the product is imported: it puts the disk's wrappers into `os`.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        assert not any(name.startswith("chain.") for name in sys.modules), "the disk comes before the product"
        self._folder = folder
        self._random = Random(seed)
        self._seed = seed
        self._say: int = -1
        self._disk = FailingDisk(folder, lambda place: self._tell("died", place))
        self._disk.install()
        self._all = Counter[str]()
        self._kept = 0
        self.crashes = 0

    def every_place(self) -> None:
        """Kill a fixed piece of work at each of its places, from the same start."""
        start = self._folder / "start"
        before = Acknowledged()
        assert self._life(before, lambda: self._work(start, turns=2, seed=1)) == 0
        repeated = self._folder / "again"
        for place in range(1, self._places_of_work(start) + 1):
            shutil.copytree(start, repeated)
            said = Acknowledged(dict(before.kept), {origin: list(heads) for origin, heads in before.heads.items()})
            loses = (place + self._seed) % 2 == 0
            self._crash(repeated, said, place=place, loses=loses, turns=3, seed=2, year=2027)
            shutil.rmtree(repeated)

    def at_random(self, crashes: int) -> None:
        """Crash one store again and again; the year changes half-way."""
        said, store = Acknowledged(), self._folder / "grown"
        for number in range(crashes):
            place = self._random.randrange(1, _RANDOM_PLACE_MAX)
            year = 2026 + (2 * number) // max(1, crashes)
            self._crash(store, said, place=place, loses=number % 2 == 0, turns=1_000, seed=number, year=year)
        if crashes:
            verify_published(store, 2027)
        self._kept += len(said.kept)

    def summary(self) -> dict[str, object]:
        """What was done; nothing was lost, or this would not be reached."""
        return {
            "crashes": self.crashes,
            "seed": self._seed,
            "acknowledged_in_the_grown_store": self._kept,
            "lost": 0,
            "forks": 0,
            "places": dict(sorted(self._all.items())),
        }

    def _crash(
        self, store: Path, said: Acknowledged, *, place: int, loses: bool, turns: int, seed: int, year: int
    ) -> None:
        def work() -> None:
            self._disk.arm(place, seed=self._seed + seed, loses=loses)
            self._work(store, turns=turns, seed=seed, year=year)

        status = self._life(said, work)
        assert status in {0, KILLED}, f"the writer ended with {status} at place {place}, seed {seed}"
        if status == KILLED:
            self.crashes += 1
        check(store, said, year)
        self._all += said.places
        said.places.clear()

    def _places_of_work(self, start: Path) -> int:
        """How many places the fixed work of `every_place` has."""
        counted, said = self._folder / "counted", Acknowledged()
        shutil.copytree(start, counted)

        def work() -> None:
            self._disk.arm(1 << 40, seed=0, loses=False)
            self._work(counted, turns=3, seed=2, year=2027)
            self._tell("died", str(self._disk.places.total()))

        assert self._life(said, work) == 0
        shutil.rmtree(counted)
        return int(next(iter(said.places)))

    def _life(self, said: Acknowledged, work: Callable[[], None]) -> int:
        """One process: does the work and says what it acknowledges; returns its exit status."""
        hear, self._say = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(hear)
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(status)
        os.close(self._say)
        with os.fdopen(hear, "r") as words:
            for line in words.read().splitlines(keepends=True):
                if line.endswith("\n"):
                    said.hear(line[:-1])
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _tell(self, *words: str) -> None:
        REAL["write"](self._say, ("\t".join(words) + "\n").encode())

    def _work(self, store: Path, *, turns: int, seed: int, year: int = 2026) -> None:
        """Append batches of three tenants, some of them repeats, some with artifacts, and publish between."""
        from chain.batch import EntryBatch  # noqa: PLC0415 (after the disk's wrappers)
        from domain.evidence import Artifact  # noqa: PLC0415
        from domain.tenancy import PLATFORM, TenantId  # noqa: PLC0415
        from tests.unit.chain.samples import event  # noqa: PLC0415

        random, tenants = Random(seed), [TenantId(name) for name in TENANTS]
        with _open(store, year) as writer:
            for turn in range(turns):
                batch = EntryBatch.encode(
                    event(
                        f"{year}-{seed}-{turn}-{number}",
                        tenant=random.choice(tenants),
                        artifacts={"a": Artifact("text/plain", b"%d" % random.randrange(9))} if number % 5 == 4 else {},
                    )
                    for number in range(random.randrange(1, 12))
                )
                for _ in range(random.randrange(1, 3)):  # a caller that saw no answer repeats
                    for entry, receipt in zip(batch, writer.append(batch).receipts(batch), strict=True):
                        self._tell("kept", entry.tenant, receipt.request_id, str(receipt.id), receipt.leaf_sha256)
                if turn % 2:
                    head = writer.publish(random.choice(tenants))
                    self._tell("head", head.origin, str(head.size), head.root_sha256, head.root_sha3_256)
                if turn % 3 == 2:
                    head = writer.publish_platform()
                    self._tell("head", head.origin, str(head.size), head.root_sha256, head.root_sha3_256)
                    assert writer.shard(PLATFORM).size == head.size


def check(store: Path, said: Acknowledged, year: int) -> None:
    """Open the store as the next process would and hold it to everything that was said.

    Raises:
        AssertionError: something was lost, doubled or changed, or a checkpoint is not extended.
    """
    from domain.tenancy import PLATFORM, TenantId  # noqa: PLC0415 (after the disk's wrappers)

    with _open(store, year) as writer:
        for (tenant, request), found in said.kept.items():
            receipt = writer.receipt(TenantId(tenant), request)
            assert receipt is not None, f"{tenant} {request} was acknowledged and is lost"
            assert (str(receipt.id), receipt.leaf_sha256) == found, f"{tenant} {request} has moved or changed"
        for tenant in sorted({tenant for tenant, _ in said.kept}):
            for shard in writer.shards(TenantId(tenant)):
                ids = [json.loads(shard.entry(index))["request_id"] for index in range(shard.size)]
                assert len(set(ids)) == len(ids), f"{shard.origin} has a request twice"
        shards = {
            shard.origin: shard
            for tenant in {*(tenant for tenant, _ in said.kept), PLATFORM}
            for shard in writer.shards(TenantId(tenant))
        }
        for origin, heads in said.heads.items():
            for size, sha256, sha3 in heads:
                root = shards[origin].root(size)
                assert (root.sha256.hex(), root.sha3_256.hex()) == (sha256, sha3), f"{origin} forked at {size}"


def verify_published(store: Path, year: int) -> None:
    """Publish everything and check every byte as a stranger would, and against the journal as the owner would.

    Raises:
        AssertionError: something published is not what was recorded.
    """
    from chain.fsck import check_state  # noqa: PLC0415 (after the disk's wrappers)
    from chain.verify import verify_directory  # noqa: PLC0415
    from domain.tenancy import PLATFORM, TenantId  # noqa: PLC0415
    from tests.unit.chain.samples import chain_folder, tenant_folder  # noqa: PLC0415

    tenants = [TenantId(name) for name in TENANTS]
    with _open(store, year) as writer:
        for tenant in tenants:
            writer.publish(tenant)
        writer.publish_platform()
    folders = [tenant_folder(store, tenant) for tenant in (*tenants, PLATFORM)]
    for folder in folders:
        findings = verify_directory(folder).findings
        assert not findings, f"{folder} does not verify: {findings[:3]}"
    findings = check_state(chain_folder(store), folders).findings
    assert not findings, f"the folders do not follow from the journal: {findings[:3]}"


def _open(store: Path, year: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 (the product is imported late)
    from tests.unit.chain.samples import Wrist, open_store  # noqa: PLC0415

    return open_store(store, Wrist(datetime(year, 1, 31, 12, tzinfo=UTC)))


if __name__ == "__main__":
    sys.exit(main())
