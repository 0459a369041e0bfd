"""The application for a cluster that runs already, built without one, in a process of its own: it imports Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.tenancy import TenantId
from serve.auth.tokens import FILE_NAME, TokenRegistry, ensure_token
from serve.run_file import FILE_NAME as RUN_FILE
from tests.architecture.sources import ROOT

PROGRAM = """
import sys
from domain.errors import InputError
from serve.on_cluster import application
try:
    print(type(application({"tenant": "acme", sys.argv[1]: 8000})).__name__)
except InputError as error:
    print(error.summary)
"""

pytestmark = pytest.mark.slow


def built(store: Path, key: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PCG_")}
    environment |= {"PCG_STORE_DIR": str(store), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, key]
    done = subprocess.run(command, cwd=store.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_it_is_made_of_the_nodes_settings_and_its_own(tmp_path: Path) -> None:
    assert built(tmp_path / "store", "port") == "Application"

    tokens = tmp_path / "store" / FILE_NAME
    assert TokenRegistry(tokens).tenant_of(ensure_token(tokens, TenantId("acme"))) == "acme"
    run_file = tmp_path / "store" / RUN_FILE
    assert "http://127.0.0.1:8000" in run_file.read_text()
    assert run_file.stat().st_mode & 0o077 == 0


def test_an_argument_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    assert built(tmp_path / "store", "prot") == "unknown setting"
