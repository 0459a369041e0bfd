"""`pcg token` and `pcg openapi`: what a platform's callers need."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.tenancy import tenant_id
from serve.cli.options import JsonOut, Store, Tenant, settings_of
from serve.cli.screen import STANDARD_OUTPUT, json_bytes, put, say


def token(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    is_new: Annotated[bool, typer.Option("--replace", help="Make a new one; the former is void at once.")] = False,
) -> None:
    """Print the tenant's bearer token, made at first use."""
    from serve.auth.tokens import FILE_NAME, ensure_token, replace_token  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    give = replace_token if is_new else ensure_token
    say(give(settings.store_dir / FILE_NAME, tenant_id(settings.tenant)))


def openapi(json: JsonOut = None) -> None:
    """Print the OpenAPI document of the HTTP interface."""
    from serve.app import openapi_document  # noqa: PLC0415 (loads the web framework)

    put(json_bytes(openapi_document()), json or STANDARD_OUTPUT)
