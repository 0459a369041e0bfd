"""Changed bits are found and named: a sample here, every position is `python -m tests.simulation.tampering`."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.tampering import flip_at_random, flip_everywhere, make_large_store, make_small_store


def test_a_changed_bit_in_any_file_of_a_store_is_found_by_whoever_may_look(tmp_path: Path) -> None:
    make_small_store(tmp_path)
    tally = flip_everywhere(tmp_path, 1, stride=251)
    assert tally.missed == []
    private = {kind for kind in tally.found if kind.startswith("private ")}
    assert private >= {"private journal", "private signed", "private signed-sha3", "private log.key"}
    assert tally.positions > 60


def test_changed_bits_in_many_files_of_a_longer_log_are_each_named(tmp_path: Path) -> None:
    make_large_store(tmp_path, 3000)
    tally = flip_at_random(tmp_path, 2, positions=60)
    assert tally.missed == []
    assert tally.positions == 66
    assert {"verify", "fsck"} == set(tally.found["entry bundles"])
