"""`pcg up`, `pcg down`, `pcg token` and `pcg openapi`: the platform on this machine and what its callers need."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from domain.tenancy import tenant_id
from serve.cli.options import JsonOut, Store, Tenant, settings_of
from serve.cli.screen import STANDARD_OUTPUT, json_bytes, put, say

if TYPE_CHECKING:
    from serve.run_file import RunningPlatform
    from serve.settings import Settings

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
    """Start the platform on this machine; it runs until `pcg down`."""
    from serve.control import start  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, host=host, port=port, shards=shards)
    with waiting("Starting Ray, actors and HTTP") as tick:
        running = start(settings, tick)
    for line in serving_lines(running, settings, end="pcg down stops it"):
        say(line)


def down(context: typer.Context, *, store: Store = None) -> None:
    """Stop the platform that runs on this store."""
    from serve.control import stop  # noqa: PLC0415

    settings = settings_of(context, store_dir=store)
    was_running = stop(settings)
    say(f"Stopped the platform on {settings.store_dir}" if was_running else f"No platform runs on {settings.store_dir}")


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
def started(settings: Settings) -> Iterator[RunningPlatform]:
    """A platform that is stopped whatever happens, also when this process is asked to end."""
    from serve.control import start, stop  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _interrupt)
    with waiting("Starting Ray, actors and HTTP") as tick:
        running = start(settings, tick)
    try:
        yield running
    finally:
        stop(settings)


@contextmanager
def waiting(words: str) -> Iterator[Callable[[float], None]]:
    """What is being waited for, and how long already; on a terminal it counts and then disappears."""
    if not sys.stderr.isatty():
        say(words)
        yield lambda _: None
        return
    try:
        yield lambda seconds: _rewrite(f"{words}  {seconds:.0f} s")
    finally:
        _rewrite("")


def serving_lines(running: RunningPlatform, settings: Settings, *, end: str) -> list[str]:
    """Where the platform is, and how to ask it."""
    store = "" if str(settings.store_dir) == ".pcg" else f" --store {shlex.quote(str(settings.store_dir))}"
    return [
        f"SERVING    {running.url}/api/v2   {end}",
        f"           {running.url}/readyz says whether every part answers",
        f"           pcg token --tenant {settings.tenant}{store} prints the bearer token for the rest",
    ]


def wait_for_the_end() -> None:
    """Sleep until Ctrl-C or SIGTERM."""
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        say("Stopping")


def _rewrite(text: str) -> None:
    sys.stderr.write(f"\r\x1b[2K{text}")
    sys.stderr.flush()


def _interrupt(_: int, __: object) -> None:
    raise KeyboardInterrupt
