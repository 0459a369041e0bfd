"""The main job on recorded exports, as a newcomer would run it: `python -m tests.acceptance.recorded_exports DATA`.

Each check prints what it expected and what it got; the exit status is the number that did not hold.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PCG = Path(sys.executable).with_name("pcg")
RECOGNISED_PERCENT_MIN = {
    "azure_resources": 98.0,
    "aws_resources": 98.0,
    "gcp_cai_assets": 98.0,
    "gcp_resources": 95.0,
}
RESOURCES_MIN = {"azure_resources": 600, "aws_resources": 820, "gcp_cai_assets": 275, "gcp_resources": 650}
RUNNABLE_MIN = 450


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    expected: str
    got: str
    held: bool


def pcg(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PCG), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)


def scan_checks(data: Path, work: Path) -> Iterator[Check]:
    """The scan of everything recorded: nothing unread, shares recognised, evidence that verifies."""
    done = pcg("scan", data / "inventory", data / "focus", "--json", "out.json", cwd=work)
    yield Check(
        "scan of inventory and focus", "exit 0", f"exit {done.returncode} {done.stderr[-300:]}", done.returncode == 0
    )
    if done.returncode:
        return
    document = json.loads((work / "out.json").read_text())
    files = {Path(file["path"]).name: file for file in document["files"]}
    wanted = {path.name for folder in ("inventory", "focus") for path in (data / folder).iterdir()} - {"README.md"}
    yield Check("every file is read", "none missing", str(sorted(wanted - set(files))), wanted <= set(files))
    for stem, least in RECOGNISED_PERCENT_MIN.items():
        file = files[f"{stem}.ndjson.gz"]
        share = 100 * file["recognised"] / file["records"]
        yield Check(f"recognised in {stem}", f">= {least} %", f"{share:.2f} %", share >= least)
    yield from evidence_checks(document, work)


def distinct_checks(data: Path, work: Path) -> Iterator[Check]:
    """Distinct resources from each file alone."""
    for stem, least in RESOURCES_MIN.items():
        folder = work / stem
        folder.mkdir()
        done = pcg("scan", data / "inventory" / f"{stem}.ndjson.gz", "--json", "out.json", cwd=folder)
        total = json.loads((folder / "out.json").read_text())["resources"]["total"] if done.returncode == 0 else 0
        yield Check(f"distinct resources in {stem}", f">= {least}", str(total), total >= least)


def evidence_checks(document: dict[str, Any], work: Path) -> Iterator[Check]:
    """The evidence folder verifies, and a flipped bit in any of its files does not."""
    folder = work / document["evidence"]["path"]
    done = pcg("verify", folder, cwd=work)
    yield Check("evidence verifies", "exit 0", f"exit {done.returncode} {done.stdout[-200:]}", done.returncode == 0)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    unnoticed = [str(path.relative_to(folder)) for path in _sample(files) if not _notices(path, folder, work)]
    yield Check(
        f"a flipped bit is noticed in each of {len(_sample(files))} files", "all", str(unnoticed), not unnoticed
    )


def _sample(files: list[Path]) -> list[Path]:
    """Every file, or an even choice of 40 where there are more: each one costs a whole verification."""
    step = max(1, len(files) // 40)
    return files[::step]


def _notices(path: Path, folder: Path, work: Path) -> bool:
    kept = path.read_bytes()
    middle = len(kept) // 2
    path.write_bytes(kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :] if kept else b"\x01")
    done = pcg("verify", folder, cwd=work)
    path.write_bytes(kept)
    return done.returncode == 1


def import_checks(data: Path, work: Path) -> Iterator[Check]:
    """Microsoft's definitions, unmodified."""
    policy = data / "policy"
    done = pcg(
        "policies",
        "import",
        policy / "azure_policy_definitions.ndjson.gz",
        "--aliases",
        policy / "azure_aliases.ndjson.gz",
        "--json",
        "import.json",
        cwd=work,
    )
    yield Check("import of Microsoft's definitions", "exit 0", f"exit {done.returncode}", done.returncode == 0)
    rows = json.loads((work / "import.json").read_text())["definitions"]
    per_resource = [row for row in rows if row["class"] == "per_resource"]
    runnable = sum(row["state"] in {"runs", "needs_parameters"} for row in per_resource)
    yield Check("one row per id", "3243", str(len(rows)), len(rows) == len({row["id"] for row in rows}) == 3243)
    yield Check("per-resource definitions", "627", str(len(per_resource)), len(per_resource) == 627)
    yield Check("of them runnable", f">= {RUNNABLE_MIN}", str(runnable), runnable >= RUNNABLE_MIN)


def main(data: Path) -> int:
    """Run every check; the number that did not hold."""
    failed = 0
    for checks in (scan_checks, distinct_checks, import_checks):
        with tempfile.TemporaryDirectory() as work:
            for check in checks(data.resolve(), Path(work)):
                failed += not check.held
                mark = "ok    " if check.held else "FAILED"
                sys.stdout.write(f"{mark} {check.name}: expected {check.expected}, got {check.got}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
