"""Tessera's load generator drives the product's writer over HTTP for a while and finds nothing inconsistent."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from chain.layout import KEYS_FILE
from chain.verify import verify_directory
from tests.interop.add_server import handler_of
from tests.interop.logs import write_folder
from tests.interop.test_fsck import is_passed
from tests.servers.ports import free_port, running
from tests.servers.programs import ROOT
from tests.servers.tessera import hammer
from tests.unit.chain.witnesses import SmallLog

pytestmark = [pytest.mark.interop, pytest.mark.slow]

LEAVES, WRITERS = 2_000, 64


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The add server's address and its published folder."""
    hammer()
    port, output = free_port(), tmp_path / "add_server.log"
    command = [sys.executable, "-m", "tests.interop.add_server", str(tmp_path / "store"), str(port)]
    with running(command, port, output, env={"PYTHONPATH": str(ROOT)}):
        yield f"http://127.0.0.1:{port}", Path(output.read_text().splitlines()[0])


def add(url: str, leaf: bytes) -> int:
    with urllib.request.urlopen(f"{url}/add", leaf, timeout=20) as answer:
        return int(answer.read())


def test_the_hammer_finds_no_inconsistency_and_every_index_is_kept(log: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = log
    key = (folder / KEYS_FILE).read_text().splitlines()[0]
    command = [str(hammer()), "--log_url", url, "--log_public_key", key, "--show_ui=false", "--v=1"]
    command += ["--num_writers", str(WRITERS), "--max_write_ops", "5000", "--max_read_ops", "500"]
    command += ["--leaf_min_size", "300", "--leaf_write_goal", str(LEAVES), "--max_runtime", "20s"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.findall(r".*(?:failed|nconsisten|pushback).*", done.stderr) == []
    assert len(re.findall("Updated checkpoint", done.stderr)) >= 2
    assert "Reached tree size goal" in done.stderr

    leaves = [f"ours {number}".encode() for number in range(20)]
    indexes = [add(url, leaf) for leaf in leaves]
    assert [add(url, leaf) for leaf in leaves] == indexes
    assert is_verified(folder, beyond=max(indexes))
    assert is_passed(folder, key, tmp_path / "key")
    for leaf, index in zip(leaves, indexes, strict=True):
        assert b64encode(leaf) in published_entry(folder, index)


def test_the_hammer_stops_at_a_fork(tmp_path: Path) -> None:
    hammer()
    honest, forked = SmallLog(), SmallLog(entries="rewritten")
    served = tmp_path / "served"
    served.symlink_to(write_folder(honest, 200, tmp_path / "honest"))
    aside = tmp_path / "aside"
    aside.symlink_to(write_folder(forked, 300, tmp_path / "forked"))
    is_read = threading.Event()

    class Watched(handler_of(len, served)):  # type: ignore[misc]
        def do_GET(self) -> None:  # noqa: N802 (the name that the server calls)
            super().do_GET()
            is_read.set()

    with ThreadingHTTPServer(("127.0.0.1", 0), Watched) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        command = [str(hammer()), "--log_url", url, "--log_public_key", honest.key.text, "--show_ui=false"]
        with subprocess.Popen([*command, "--max_runtime", "20s"], stderr=subprocess.PIPE, text=True) as process:
            assert is_read.wait(20)
            threading.Timer(2, aside.replace, [served]).start()
            _, told = process.communicate(timeout=30)
        server.shutdown()
    assert process.returncode == 255
    assert "First Bad Checkpoint" in told


def is_verified(folder: Path, *, beyond: int) -> bool:
    """Whether every byte of the folder is accounted for, once the last publication is through."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.5)
        report = verify_directory(folder)
        if report.ok and report.entries > beyond:
            return True
    return False


def published_entry(folder: Path, index: int) -> bytes:
    bundles = sorted((folder / "tile/entries").glob(f"{index // 256:03d}.p/*"), key=lambda path: int(path.name))
    whole = folder / f"tile/entries/{index // 256:03d}"
    content = (whole if whole.exists() else bundles[-1]).read_bytes()
    for _ in range(index % 256):
        content = content[2 + int.from_bytes(content[:2], "big") :]
    return content[2 : 2 + int.from_bytes(content[:2], "big")]
