"""KubeRay's resource definitions, from its Go module: what the operator's API server accepts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers.programs import FOLDER, require

VERSION: Final = "v1.5.1"
MODULE: Final = f"github.com/ray-project/kuberay/ray-operator@{VERSION}"
_COPY: Final = FOLDER / "kuberay" / VERSION / "rayservices.yaml"


def install() -> Path:
    """Get the definitions; nothing is built."""
    if not _COPY.exists():
        environment = {**os.environ, "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=mod"}
        done = subprocess.run(
            ["go", "mod", "download", "-json", MODULE], env=environment, cwd="/", capture_output=True, check=True
        )
        folder = Path(json.loads(done.stdout)["Dir"])
        _COPY.parent.mkdir(parents=True, exist_ok=True)
        _COPY.write_bytes((folder / "config" / "crd" / "bases" / "ray.io_rayservices.yaml").read_bytes())
    return _COPY


def ray_service_schema() -> dict[str, Any]:
    """The schema of a RayService, version v1."""
    definition = yaml.safe_load(require(_COPY, what="KubeRay's resource definitions").read_text())
    found: dict[str, Any] = next(each for each in definition["spec"]["versions"] if each["name"] == "v1")
    schema: dict[str, Any] = found["schema"]["openAPIV3Schema"]
    return schema
