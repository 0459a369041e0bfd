"""One flipped bit anywhere in a pack is always noticed: every position of its small files, and 2,000 of the zip."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from chain.__main__ import VERIFIED, main
from chain.pack_archive import write_archive
from domain.errors import InputError
from tests.unit.chain.packs import check, small_pack

SMALL_BYTES = 450
POSITIONS, SHARES = 2_000, 8

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("part", range(SHARES))
def test_every_position_of_small_files(part: int) -> None:
    small = sorted(name for name, content in small_pack().items() if len(content) <= SMALL_BYTES)
    for name in small[part::SHARES]:
        whole = small_pack()[name]
        for at in range(len(whole)):
            flipped = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
            assert name in _found({**small_pack(), name: flipped}, name), (name, at)


def _found(files: Mapping[str, bytes], undecided: str) -> set[str]:
    """Where something is found; what cannot be decided counts as found where the change is."""
    try:
        return {item.where for item in check(files).findings}
    except InputError:
        return {undecided}


@pytest.mark.parametrize("part", range(4))
def test_random_positions_of_the_zip(part: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through the command, by its exit code."""
    path, dice = tmp_path / "pack.zip", random.Random(part)
    whole = write_archive(small_pack())
    for _ in range(POSITIONS // 4):
        at = dice.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << dice.randrange(8)]) + whole[at + 1 :])
        assert main(["verify", str(path)]) != VERIFIED, at
        capsys.readouterr()
    path.write_bytes(whole)
    assert main(["verify", str(path)]) == VERIFIED
