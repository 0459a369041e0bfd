"""A writer killed at any moment keeps what it acknowledged, doubles nothing, and never goes back on a checkpoint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from chain.fsck import check_state
from chain.note import parse_note
from chain.proof import check_consistency
from chain.tree_hash import BOTH
from chain.verify import verify_directory
from tests.unit.chain.samples import chain_folder, open_writer, tenant_folder

KILLS = 20
SEED = 20_261_124

# Appends batches, a few of them repeats, and publishes between; says what it acknowledged only once it is.
WRITER = """
import sys
from pathlib import Path
from tests.unit.chain.samples import event, open_writer

with open_writer(Path(sys.argv[1])) as log:
    print("open", flush=True)
    number = int(sys.argv[2])
    while True:
        batch = [event(f"r-{item}") for item in range(max(0, number - 2), number + 5)]
        lines = [f"kept {item.request_id} {item.index} {item.leaf_sha256}" for item in log.append(batch)]
        print(*lines, sep="\\n", flush=True)
        number += 5
        if number % 3 == 0:
            head = log.publish()
            print(f"head {head.size} {head.root_sha256} {head.root_sha3_256}", flush=True)
"""


def run_and_kill(folder: Path, number: int, delay_s: float) -> Iterator[list[str]]:
    """Words of every whole line that the writer said before it was killed."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read()
    process.wait()
    process.stdout.close()
    return (line.split() for line in said.splitlines(keepends=True) if line.endswith("\n"))


@pytest.mark.parametrize("seed", [SEED])
def test_a_writer_killed_twenty_times_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    kept: dict[str, tuple[int, str]] = {}
    head: tuple[int, bytes, bytes] | None = None
    for _ in range(KILLS):
        for words in run_and_kill(tmp_path, len(kept), random.uniform(0, 0.2)):
            if words[0] == "kept":
                found = (int(words[2]), words[3])
                assert kept.setdefault(words[1], found) == found
            else:
                head = int(words[1]), bytes.fromhex(words[2]), bytes.fromhex(words[3])
        with open_writer(tmp_path) as log:
            entries = [json.loads(log.shard.entry(index))["request_id"] for index in range(log.shard.size)]
            assert len(set(entries)) == len(entries)
            for request_id, (index, leaf) in kept.items():
                receipt = log.shard.receipt(request_id)
                assert receipt is not None
                assert (entries[index], receipt.index, receipt.leaf_sha256) == (request_id, index, leaf)
            if head is not None:
                proofs, roots = log.shard.consistency_proof(head[0]), log.shard.root(log.shard.size)
                check_consistency(BOTH.sha256, proofs.sha256, head[1], roots.sha256)
                check_consistency(BOTH.sha3_256, proofs.sha3_256, head[2], roots.sha3_256)
    with open_writer(tmp_path) as log:
        published = log.publish()
    assert parse_note(published.checkpoint).text.split("\n")[1] == str(published.size)
    assert verify_directory(tenant_folder(tmp_path)).findings == ()
    assert check_state(chain_folder(tmp_path), [tenant_folder(tmp_path)]).findings == ()
    assert len(kept) > KILLS
    assert head is not None
