"""Go's own libraries verify our checkpoints, proofs and tiles in both trees, and refuse them once touched."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.logs import PublishedLog, flip_bit, proof_cases, publish_log, write_cases
from tests.servers.go_checker import log_checker

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PROOFS = 200
Cases = dict[str, Any]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> PublishedLog:
    log_checker()
    return publish_log(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def cases(log: PublishedLog) -> Cases:
    return proof_cases(log, count=PROOFS)


def check(folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(log_checker()), str(folder), str(path)], capture_output=True, text=True, check=False, timeout=60
    )


def test_go_verifies_every_checkpoint_proof_tile_and_entry(log: PublishedLog, cases: Cases, tmp_path: Path) -> None:
    done = check(log.folder, write_cases(tmp_path / "cases.json", cases))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "checkpoints": 2 * len(log.heads),
        "cosignatures": 0,
        "inclusion": 2 * PROOFS,
        "consistency": 2 * PROOFS,
        "tile_proofs": 2 * PROOFS,
        "entries": log.heads[-1].size,
    }


def flipped(encoded: str) -> str:
    content = b64decode(encoded)
    return b64encode(bytes([content[0] ^ 1]) + content[1:]).decode()


def touch_path(tree: str, kind: str) -> Callable[[Cases], None]:
    def touch(cases: Cases) -> None:
        path = next(item["path"] for item in cases[tree][kind] if item["path"])
        path[-1] = flipped(path[-1])

    return touch


def touch_entry(tree: str) -> Callable[[Cases], None]:
    def touch(cases: Cases) -> None:
        case = cases[tree]["inclusion"][7]
        case["entry"] = flipped(case["entry"])

    return touch


def touch_index(tree: str) -> Callable[[Cases], None]:
    def touch(cases: Cases) -> None:
        cases[tree]["inclusion"][9]["index"] ^= 1

    return touch


def touch_checkpoint(tree: str) -> Callable[[Cases], None]:
    def touch(cases: Cases) -> None:
        origin, _, rest = cases[tree]["checkpoints"][2].partition("\n")
        cases[tree]["checkpoints"][2] = f"{origin}\n1{rest}"

    return touch


def exchange_keys(cases: Cases) -> None:
    cases["sha256"]["key"], cases["sha3_256"]["key"] = cases["sha3_256"]["key"], cases["sha256"]["key"]


@pytest.mark.parametrize(
    "touch",
    [
        *(touch_path(tree, kind) for tree in ("sha256", "sha3_256") for kind in ("inclusion", "consistency")),
        *(touch(tree) for tree in ("sha256", "sha3_256") for touch in (touch_entry, touch_index, touch_checkpoint)),
        exchange_keys,
    ],
)
def test_go_refuses_any_case_that_was_touched(
    log: PublishedLog, cases: Cases, tmp_path: Path, touch: Callable[[Cases], None]
) -> None:
    touched = copy.deepcopy(cases)
    touch(touched)
    done = check(log.folder, write_cases(tmp_path / "cases.json", touched))
    assert (done.returncode, done.stderr[:8]) == (1, "refused:")


@pytest.mark.parametrize("pattern", ["tile/0/000", "tile/0/*.p/*", "tile/1/*.p/*", "tile/entries/007"])
def test_go_refuses_a_folder_with_one_flipped_bit(
    log: PublishedLog, cases: Cases, tmp_path: Path, pattern: str
) -> None:
    shutil.copytree(log.folder, tmp_path / "evidence")
    flip_bit(next((tmp_path / "evidence").glob(pattern)))
    done = check(tmp_path / "evidence", write_cases(tmp_path / "cases.json", cases))
    assert (done.returncode, done.stderr[:8]) == (1, "refused:")
