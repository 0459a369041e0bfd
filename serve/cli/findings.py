"""`pcg violations` and `pcg explain`: what the last scan found, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import InputError, NotFound
from domain.finding import Severity
from domain.tenancy import TenantId, tenant_id
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, instant, settings_of, severity
from serve.cli.screen import json_bytes, put, say, show, width

if TYPE_CHECKING:
    from serve.platform_face import PlatformFace


def violations(
    context: typer.Context,
    *,
    severity_name: Annotated[
        str | None, typer.Option("--severity", metavar="S", help="This severity and worse.", show_default=False)
    ] = None,
    is_new: Annotated[bool, typer.Option("--new", help="Only what the scan before had not.")] = False,
    type: Annotated[
        str | None, typer.Option("--type", metavar="T", help="Only resources of this type.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List the violations of the last scan, worst first."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    threshold: Severity | None = severity(severity_name, "--severity")
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        found = platform.violations(tenant_id(settings.tenant), severity=threshold, only_new=is_new, type=type)
    if json is not None:
        put(json_bytes({"violations": [dict(entry) for entry in found]}), json)
        return
    if not found:
        say("No such violation in the last scan.")
        return
    from serve.render.listing import violation_lines  # noqa: PLC0415

    show(violation_lines(found, width=width()))


def explain(
    context: typer.Context,
    *,
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Id, or name where it is the only one.")],
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="Policy id.")],
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Show why a policy judges a resource as it does.

    Prints each deciding condition: the path, the value found, the value expected, and the file and line it came from.
    """
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    who = tenant_id(settings.tenant)
    with open_platform(settings) as platform:
        uid = resource_of(platform, who, resource)
        explanation = platform.explain(who, uid, policy, as_of=instant(as_of))
    if json is not None:
        put(json_bytes(dict(explanation)), json)
        return
    from serve.render.explanation import explanation_lines  # noqa: PLC0415

    show(explanation_lines(explanation, width=width()))


def resource_of(platform: PlatformFace, tenant: TenantId, text: str) -> str:
    """The id that a person means: an id as it is, or the one resource of that name among the last scan's violations.

    Raises:
        InputError: several resources have the name.
    """
    if "/" in text or ":" in text:
        return text
    try:
        found: tuple[Mapping[str, Any], ...] = platform.violations(tenant)
    except NotFound:
        return text
    ids = sorted({str(entry["resource_id"]) for entry in found if entry["resource_name"] == text})
    if len(ids) > 1:
        raise InputError(
            "several resources have this name",
            where=text,
            got=", ".join(ids[:5]),
            todo="Give the id instead of the name",
        )
    return ids[0] if ids else text
