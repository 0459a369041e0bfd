"""Terraform with a folder of providers: nothing is fetched.

The folder is laid out as Terraform's filesystem mirror is, and named by TF_PLUGIN_MIRROR.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MIRROR_VARIABLE: Final = "TF_PLUGIN_MIRROR"
DEADLINE_S: Final = 600


def absence(provider: str) -> str:
    """Why Terraform with this provider, such as ``hashicorp/aws``, is not to be had; empty where it is."""
    if shutil.which("terraform") is None:
        return "terraform is not installed"
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return f"{MIRROR_VARIABLE} names no folder of providers"
    if not (Path(mirror) / "registry.terraform.io" / provider).is_dir():
        return f"{mirror} holds no {provider}"
    return ""


@dataclass(frozen=True, slots=True)
class Terraform:
    """A working folder, ready to apply."""

    folder: Path
    variables: dict[str, str]

    @property
    def state(self) -> Path:
        """The state file."""
        return self.folder / "terraform.tfstate"

    def init(self) -> None:
        self._run("init", "-input=false", f"-plugin-dir={os.environ[MIRROR_VARIABLE]}")

    def apply(self) -> None:
        self._run("apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=4", *self._given())

    def refresh_only(self) -> list[dict[str, Any]]:
        """What `plan -refresh-only -json` says, line by line."""
        told = self._run("plan", "-refresh-only", "-json", "-input=false", *self._given())
        return [json.loads(line) for line in told.splitlines() if line.startswith("{")]

    def shown_plan(self, *flags: str) -> dict[str, Any]:
        """A plan as `show -json` prints it."""
        self._run("plan", "-input=false", "-no-color", "-out=plan", *flags, *self._given())
        shown: dict[str, Any] = json.loads(self._run("show", "-json", "plan"))
        return shown

    def _given(self) -> Iterator[str]:
        return (f"-var={name}={value}" for name, value in self.variables.items())

    def _run(self, *arguments: str) -> str:
        own = {key: value for key, value in os.environ.items() if key != "TF_CLI_CONFIG_FILE"}
        ran = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env={**own, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if ran.returncode != 0:
            raise RuntimeError(f"terraform {arguments[0]} failed: {ran.stdout[-3000:]}{ran.stderr[-3000:]}")
        return ran.stdout
