"""Open Policy Agent, to compare evaluations with. Source: https://www.openpolicyagent.org/docs/cli"""

from __future__ import annotations

from pathlib import Path

from tests.servers.programs import go_install

_PACKAGE = "github.com/open-policy-agent/opa"
_VERSION = "v1.22.3"


def install() -> Path:
    """Build it."""
    return go_install(f"{_PACKAGE}@{_VERSION}", "opa")
