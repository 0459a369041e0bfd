"""Where the recorded inputs are, for tests that read them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1].parent / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """A recorded input, by its path below the data folder; skips the test, naming it, when it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"recorded data is not here: {'/'.join(parts)}")
    return path
