"""The reference library of OpenTimestamps, in an environment of its own."""

from __future__ import annotations

from tests.servers.programs import pip_install


def install() -> None:
    """Install it."""
    pip_install("opentimestamps", "opentimestamps==0.4.5")
