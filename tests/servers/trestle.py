"""compliance-trestle, OSCAL's model in Python, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.programs import FOLDER, pip_install, require

REQUIREMENTS = ("compliance-trestle==5.2.0",)

_PROGRAM = """
import pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal import OSCAL_VERSION
kept = pathlib.Path(sys.argv[2])
results = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
results.oscal_write(kept)
assert AssessmentResults.oscal_read(kept) == results
print(OSCAL_VERSION, len(results.results[0].findings or []))
"""
_COMPONENTS = """
import pathlib, sys
from trestle.oscal.component import ComponentDefinition
from trestle.oscal import OSCAL_VERSION
kept = pathlib.Path(sys.argv[2])
found = ComponentDefinition.oscal_read(pathlib.Path(sys.argv[1]))
found.oscal_write(kept)
assert ComponentDefinition.oscal_read(kept) == found
parts = found.components[0].control_implementations or []
print(OSCAL_VERSION, sum(len(each.implemented_requirements) for each in parts))
"""


def install() -> Path:
    return pip_install("trestle", *REQUIREMENTS)


def read_results(path: Path, kept: Path) -> str:
    """Read results, write them, read them again; what it says of them, or its refusal."""
    return _run(_PROGRAM, path, kept)


def read_components(path: Path, kept: Path) -> str:
    """The same with a component definition; the number is that of implemented requirements."""
    return _run(_COMPONENTS, path, kept)


def _run(program: str, path: Path, kept: Path) -> str:
    python = require(FOLDER / "venv" / "trestle" / "bin" / "python", what="compliance-trestle")
    answer = subprocess.run(
        [str(python), "-c", program, str(path), str(kept)], capture_output=True, text=True, check=False, timeout=110
    )
    return answer.stdout.strip() if answer.returncode == 0 else f"refused: {answer.stderr[-2000:]}"
