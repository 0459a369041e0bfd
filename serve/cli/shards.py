"""`pcg shards`: how the shards of the platform that runs here stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from domain.errors import NotFound
from serve.cli.options import Cluster, JsonOut, Store, settings_of
from serve.cli.screen import json_bytes, put, say

MEBIBYTE = 1024 * 1024
HEADER = f"{'SHARD':12}{'STANDING':10}{'PLACED':8}{'TENANTS':>9}{'RESOURCES':>12}{'MEMORY':>18}{'WAITING':>9}  LEASES"


def shards(context: typer.Context, *, store: Store = None, cluster: Cluster = None, json: JsonOut = None) -> None:
    """Show each shard: its standing, tenants, memory, leases, and the changes that its stores do not have yet.

    For the account that started the platform. Their number is changed with PUT /api/v2/shards.
    """
    from serve.remote import RemotePlatform  # noqa: PLC0415
    from serve.run_file import find_running  # noqa: PLC0415

    running = find_running(settings_of(context, store_dir=store, cluster=cluster))
    if running is None:
        raise NotFound("no platform runs on this store", todo="Start one with: pcg up")
    with RemotePlatform(running) as platform:
        found = platform.shards()
    if json is not None:
        put(json_bytes(found), json)
        return
    say(HEADER)
    for row in found["shards"]:
        say(_line(row))
    if found["problem"]:
        say(f"SUPERVISION FAILED  {found['problem']}")


def _line(row: Mapping[str, Any]) -> str:
    placed = "yes" if row["is_placed"] else "no"
    begun = f"{row['name']:12}{row['standing']:10}{placed:8}"
    told = row["last_answer"]
    if told is None:
        return f"{begun}{'no answer yet':>13}"
    memory = f"{told['used_bytes'] // MEBIBYTE:,} of {told['budget_bytes'] // MEBIBYTE:,} MiB"
    leases = ", ".join(f"{count:,} {tenure}" for tenure, count in sorted(told["leases"].items())) or "none"
    parts = f"   {told['parts']:,} parts" if told["parts"] else ""
    restarts = f"   {row['restarts']} restarts" if row["restarts"] else ""
    return (
        f"{begun}{told['tenants']:>9,}{told['resources']:>12,}{memory:>18}{told['changes_waiting']:>9,}"
        f"  {leases}{parts}{restarts}"
    )
