"""The platform on a Ray cluster that runs already: an application for `serve deploy` and for KubeRay's RayService.

    applications:
      - name: policycortex
        import_path: serve.on_cluster:application
        args: {tenant: acme}

Settings come from the nodes' own environment and file; `args` win over them. The store's folder must be one that all
nodes share. The run file beside the store lets commands on a node find the platform, as after `pcg up`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from domain.tenancy import tenant_id
from serve.auth.tokens import FILE_NAME as TOKENS_NAME
from serve.auth.tokens import ensure_token
from serve.cluster import ingress_config
from serve.deployment.ingress import api_application
from serve.run_file import RunningPlatform, write_run_file
from serve.settings import load_settings


def application(args: Mapping[str, Any]) -> Any:
    """The application, with the actors that it needs started by its first replica.

    Args:
        args: settings by name.

    Raises:
        InputError: a key that is no setting, or a value out of bounds.
    """
    settings = load_settings(args)
    ensure_token(settings.store_dir.resolve() / TOKENS_NAME, tenant_id(settings.tenant))
    key = "pcg_operator_" + secrets.token_urlsafe(32)
    config = ingress_config(settings, operator_digest=sha256(key.encode()).digest())
    write_run_file(settings.store_dir, RunningPlatform(f"http://127.0.0.1:{settings.port}", key))
    return api_application(config, replicas=settings.http_replicas)
