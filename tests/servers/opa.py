"""Open Policy Agent: what Rego means, and an engine to compare evaluations with.

Source: https://www.openpolicyagent.org/docs/cli
"""

from __future__ import annotations

from pathlib import Path

from tests.servers.programs import FOLDER, go_install, require

_MODULE = "github.com/open-policy-agent/opa@v1.22.3"


def install() -> Path:
    """Build it."""
    return go_install(_MODULE, "opa")


def program() -> Path:
    """The installed one, or a skipped test that names it."""
    return require(FOLDER / "go" / "opa", what="Open Policy Agent")
