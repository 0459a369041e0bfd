"""The reference client of OpenTimestamps and its library, in an environment of its own."""

from __future__ import annotations

from tests.servers.programs import pip_install


def install() -> None:
    """Install it."""
    pip_install("opentimestamps", "opentimestamps-client==0.7.2")
