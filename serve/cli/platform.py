"""`pcg up`, `pcg down`, `pcg token` and `pcg openapi`: the platform on this machine and what its callers need."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import UnavailableError
from domain.tenancy import tenant_id
from serve.cli.options import JsonOut, Store, Tenant, settings_of
from serve.cli.screen import STANDARD_OUTPUT, json_bytes, put, say

if TYPE_CHECKING:
    from serve.cluster import RunningCluster
    from serve.settings import Settings

DOWN_S = 60.0
POLL_S = 0.1

Host = Annotated[str | None, typer.Option("--host", metavar="H", help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", metavar="N", help="Port to listen on.", show_default=False)]
Shards = Annotated[
    int | None, typer.Option("--shards", metavar="N", help="Actors that share the tenants.", show_default=False)
]


def up(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    host: Host = None,
    port: Port = None,
    shards: Shards = None,
) -> None:
    """Start the platform here and serve until Ctrl-C."""
    settings = settings_of(context, store_dir=store, tenant=tenant, host=host, port=port, shards=shards)
    with started(settings) as cluster:
        for line in serving_lines(cluster):
            say(line)
        wait_for_the_end()


def down(context: typer.Context, *, store: Store = None) -> None:
    """Stop the platform that runs on this store."""
    from serve.run_file import is_alive, read_run_file, remove_run_file  # noqa: PLC0415

    settings = settings_of(context, store_dir=store)
    running = read_run_file(settings.store_dir)
    if running is None or running.pid is None:
        remove_run_file(settings.store_dir)
        say(f"No platform runs on {settings.store_dir}")
        return
    pid = running.pid
    os.kill(pid, signal.SIGTERM)
    if not became_true(lambda: not is_alive(pid), within_s=DOWN_S):
        raise UnavailableError(
            "the platform does not stop", where=running.url, pid=pid, todo=f"Wait, or end it with: kill -9 {pid}"
        )
    say(f"Stopped the platform at {running.url}")


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


@contextmanager
def started(settings: Settings) -> Iterator[RunningCluster]:
    """A platform that is stopped whatever happens, also when this process is asked to end."""
    from serve.cluster import start_cluster  # noqa: PLC0415 (loads Ray)

    _end_on_signals()
    cluster = start_cluster(settings)
    _end_on_signals()  # Ray has put its own in place, which print a stack
    try:
        yield cluster
    finally:
        cluster.stop()


def serving_lines(cluster: RunningCluster) -> list[str]:
    """Where the platform is, and how to ask it."""
    url, tenant = cluster.running.url, cluster.settings.tenant
    return [
        f"SERVING    {url}/api/v2   Ctrl-C stops it",
        f"           pcg token --tenant {tenant} prints the bearer token; {url}/readyz needs none",
    ]


def wait_for_the_end() -> None:
    """Sleep until Ctrl-C or SIGTERM."""
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        say("Stopping")


def became_true(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Whether something comes true before the time is over."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def _end_on_signals() -> None:
    """SIGTERM ends as Ctrl-C does; a shell's background job ignores SIGINT unless told otherwise."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)


def _interrupt(_: int, __: object) -> None:
    raise KeyboardInterrupt
