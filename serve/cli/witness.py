"""`pcg witness`: have the newest evidence checkpoint cosigned by the witnesses of a policy file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.tenancy import tenant_id
from serve.cli.exit_code import ExitCode
from serve.cli.options import Cluster, Store, Tenant, settings_of
from serve.cli.screen import say

if TYPE_CHECKING:
    from chain.witness.publishing import Witnessed


def witness(
    context: typer.Context,
    policy: Annotated[
        Path,
        typer.Option("--policy", metavar="FILE", help="C2SP policy file; its witnesses are asked where they listen."),
    ],
    *,
    deadline: Annotated[float, typer.Option("--deadline", metavar="S", help="Seconds for each request.", min=0.1)] = 10,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
) -> int:
    """Have the newest evidence checkpoint cosigned, and publish what witnesses signed.

    Ends with status 1 when they are not as many as the policy file asks for.
    """
    from chain.trust import load_policy  # noqa: PLC0415 (loads the signature library)
    from chain.witness.collection import CosignatureCollector, addresses  # noqa: PLC0415
    from chain.witness.publishing import publish_cosigned  # noqa: PLC0415
    from connectors.witness import post  # noqa: PLC0415
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings, trusted = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster), load_policy(policy)
    with open_platform(settings) as platform:
        log = platform.logs.witnessed_log(tenant_id(settings.tenant))
        collector = CosignatureCollector(addresses(trusted), post, deadline_s=deadline)
        witnessed = publish_cosigned(log, collector, trusted)
        head = log.head()
    for line in witness_lines(head.origin, head.size, witnessed):
        say(line)
    return ExitCode.DONE if witnessed.is_enough else ExitCode.FOUND


def witness_lines(origin: str, size: int, witnessed: Witnessed) -> list[str]:
    """Who cosigned what, who did not and why, and whether it is enough."""
    return [
        f"{'COSIGNED' if witnessed.is_enough else 'NOT ENOUGH COSIGNATURES'}  {origin}, {size:,} entries",
        f"  by        {', '.join(witnessed.names) or 'nobody'}",
        *(f"  not by    {name}: {reason}" for name, reason in sorted(witnessed.failures.items())),
    ]
