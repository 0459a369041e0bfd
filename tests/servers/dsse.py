"""securesystemslib, which reads and verifies DSSE envelopes, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.programs import FOLDER, pip_install, require

REQUIREMENTS = ("securesystemslib[crypto]==1.6.0",)

_PROGRAM = """
import json, pathlib, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
envelope = Envelope.from_dict(json.loads(pathlib.Path(sys.argv[1]).read_text()))
key_id = next(iter(envelope.signatures))
pem = pathlib.Path(sys.argv[2]).read_text()
key = SSlibKey(key_id, "rsa", "rsassa-pss-sha256", {"public": pem})
print(sorted(envelope.verify([key], 1)) == [key_id], envelope.payload_type)
"""


def install() -> Path:
    return pip_install("dsse", *REQUIREMENTS)


def verify(envelope: Path, public_key: Path) -> str:
    """What it says of an envelope under a key in PEM, or its refusal."""
    python = require(FOLDER / "venv" / "dsse" / "bin" / "python", what="securesystemslib")
    answer = subprocess.run(
        [str(python), "-c", _PROGRAM, str(envelope), str(public_key)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return answer.stdout.strip() if answer.returncode == 0 else f"refused: {answer.stderr[-500:]}"
