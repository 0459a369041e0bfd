"""What `docs/auditors.md` tells an auditor to type works on a pack, and fails on a changed one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from chain.pack import POLICY
from tests.servers.programs import ROOT
from tests.unit.chain.packs import small_pack

pytestmark = pytest.mark.interop

PAGE = (ROOT / "docs" / "auditors.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in small_pack().items():
        (tmp_path / "pack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pack" / name).write_bytes(content)
    return tmp_path / "pack"


def commands() -> list[str]:
    """The page's shell commands, in order."""
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, text in blocks]


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_command_of_the_page_succeeds_on_a_pack(folder: Path) -> None:
    assert len(commands()) == 3
    for script in commands():
        answer = run(script, folder)
        assert answer.returncode == 0, (script, answer.stderr)


@pytest.mark.parametrize(
    ("number", "name", "old", "new"),
    [
        (0, "report.dsse.json", b'"payload":"ey', b'"payload":"fy'),
        (0, "report.json", b"acme", b"acmf"),
        (1, "report.xbrl.xml", b"0", b"1"),
        (2, "log/2026/entries.jsonl", b'"v":1', b'"v":2'),
    ],
)
def test_each_of_them_fails_on_a_changed_pack(folder: Path, number: int, name: str, old: bytes, new: bytes) -> None:
    changed = (folder / name).read_bytes().replace(old, new)
    assert changed != (folder / name).read_bytes()
    (folder / name).write_bytes(changed)
    assert run(commands()[number], folder).returncode != 0


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's Go program, built."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    folder = tmp_path_factory.mktemp("go")
    source = re.search(r"```go\n(.*?)```", PAGE, flags=re.DOTALL)
    assert source is not None
    (folder / "main.go").write_text(source[1])
    for command in (["mod", "init", "check"], ["mod", "tidy"], ["build", "-o", "check", "."]):
        subprocess.run(["go", *command], cwd=folder, check=True, capture_output=True, timeout=110)
    return folder / "check"


def test_the_go_program_of_the_page_checks_a_proof(checker: Path, folder: Path) -> None:
    key = next(line for line in small_pack()[POLICY].decode().splitlines() if line.startswith("log "))
    lines = small_pack()["log/2026/entries.jsonl"].split(b"\n")
    for line, status in ((lines[5 - 3], 0), (lines[6 - 3], 1)):
        (folder / "entry").write_bytes(line)
        answer = subprocess.run(
            [str(checker), key.removeprefix("log "), "log/2026/proofs/5.tlog-proof", "entry"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == status, answer.stderr
