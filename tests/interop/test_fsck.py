"""A whole-log verifier that nobody here wrote: Tessera's fsck passes the SHA-256 log and refuses it after a bit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.logs import PublishedLog, flip_bit, publish_log
from tests.servers.tessera import fsck

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> PublishedLog:
    fsck()
    return publish_log(tmp_path_factory.mktemp("log"))


def is_passed(folder: Path, key: str, path: Path) -> bool:
    """What fsck says. It exits 0 whatever it finds, and with one worker waits for ever after a difference."""
    path.write_text(key)
    command = [str(fsck()), "--storage_url", f"file://{folder}/", "--public_key", str(path), "--ui=false", "-N", "64"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ("Successfully fsck'd log" in done.stderr) != ("failed" in done.stderr or done.returncode != 0), done.stderr
    return "Successfully fsck'd log" in done.stderr


def test_fsck_passes_a_log_of_ten_thousand_entries_and_six_publications(log: PublishedLog, tmp_path: Path) -> None:
    assert (log.heads[-1].size > 10_000, len(log.heads)) == (True, 6)
    assert is_passed(log.folder, log.keys[0], tmp_path / "key")


@pytest.mark.parametrize(
    "pattern",
    [
        "tile/entries/000",
        "tile/entries/017",
        "tile/entries/*.p/*",
        "tile/0/000",
        "tile/0/017",
        "tile/0/*.p/*",
        "tile/1/*.p/*",
        "checkpoint",
    ],
)
def test_fsck_refuses_the_log_after_one_flipped_bit(log: PublishedLog, tmp_path: Path, pattern: str) -> None:
    shutil.copytree(log.folder, tmp_path / "evidence")
    flip_bit(next((tmp_path / "evidence").glob(pattern)))
    assert not is_passed(tmp_path / "evidence", log.keys[0], tmp_path / "key")


def test_fsck_refuses_another_logs_key(log: PublishedLog, tmp_path: Path) -> None:
    assert not is_passed(log.folder, log.keys[1], tmp_path / "key")
