"""The process that keeps a platform running: ``python -m serve.platform_process SETTINGS`` until SIGTERM."""

from __future__ import annotations

import logging
import signal
import sys
from threading import Event

from actors.telemetry import configure_logging
from domain.errors import PolicyCortexError
from domain.value import Json
from serve.cluster import start_cluster
from serve.control import REFUSAL_NAME
from serve.private_file import write_private
from serve.settings import Settings


def main(arguments: list[str]) -> int:
    """Start, wait for the signal, stop."""
    configure_logging()
    settings = Settings.model_validate_json(arguments[0])
    try:
        cluster = start_cluster(settings)
    except PolicyCortexError as error:
        logging.getLogger(__name__).warning("the platform did not start: %s", error)
        write_private(settings.store_dir / REFUSAL_NAME, _told(error))
        return 1
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # after the start: Ray sets handlers of its own
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    cluster.stop()
    return 0


def _told(error: PolicyCortexError) -> dict[str, Json]:
    """What kept the platform from starting, for the command that waits for it."""
    facts: dict[str, Json] = {name: str(value) for name, value in error.facts.items() if name != "todo"}
    return {"code": error.code, "detail": error.summary, "todo": str(error.facts.get("todo", "")), "facts": facts}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
