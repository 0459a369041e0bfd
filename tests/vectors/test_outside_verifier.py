"""A verifier that nobody here wrote checks the SHA-256 log: Tessera's fsck, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chain.layout import KEYS_FILE
from tests.unit.chain.samples import publish_small_log

KNOWN_PLACES = (Path.home() / ".cache/pcg-go/fsck", Path.home() / "go/bin/fsck")


def is_passed(folder: Path, key: Path) -> bool:
    found = next((str(path) for path in KNOWN_PLACES if path.exists()), None) or shutil.which("tessera-fsck")
    if found is None:
        pytest.skip("Tessera's fsck is not installed (go install github.com/transparency-dev/tessera/cmd/fsck@latest)")
    # It exits 0 whatever it finds, so its words decide. With one worker it would wait for ever after a difference.
    command = [found, "--storage_url", f"file://{folder}/", "--public_key", str(key), "--ui=false", "-N", "64"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return b"Successfully fsck'd log" in done.stderr and b"failed" not in done.stderr


def test_tesseras_fsck_passes_our_log_and_refuses_it_after_a_flipped_bit(tmp_path: Path) -> None:
    folder = publish_small_log(tmp_path, batches=(5, 700))
    key = tmp_path / "key"
    key.write_text((folder / KEYS_FILE).read_text().splitlines()[0])
    assert is_passed(folder, key)
    bundle = folder / "tile/entries/001"
    bundle.write_bytes(bundle.read_bytes()[:100] + b"\x00" + bundle.read_bytes()[101:])
    assert not is_passed(folder, key)
