"""The product's writer behind the small interface that load generators for tile logs speak.

    python -m tests.interop.add_server STORE PORT

``POST /add`` records the body as the content of an evidence event and answers the entry's index as soon as it is
durable; everything else is a file of the published folder. The generator's leaves are not the log's leaves: an entry
is an envelope that holds the given bytes in base64, and the same bytes twice are one event with one index.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.group_commit import GroupCommit
from chain.batch import EntryBatch
from chain.layout import checkpoint_path, tile_name
from chain.tree_hash import BOTH
from domain.errors import UnavailableError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

TENANT = TenantId("hammered")
PUBLISH_EVERY_S = 0.25
_OCCURRED_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


class AddLog:
    """One tenant's evidence log: the actor's class, the group commit in front of it, and a publication now and then."""

    def __init__(self, store: Path) -> None:
        self._chain = EvidenceChain(Folders(store))
        self._commit = GroupCommit(self._chain.append)
        self._chain.append(EntryBatch.encode([leaf_event(b"first")]))
        published = self._chain.publish(TENANT)
        self.folder = published.directory / published.head.origin.rpartition("/")[2]
        self._changed = threading.Event()

    def add(self, leaf: bytes) -> int:
        """Record a leaf; its index, once it is durable."""
        (index,) = self._commit.append(EntryBatch.encode([leaf_event(leaf)])).indexes
        self._changed.set()
        return index

    def publish_forever(self) -> None:
        """Publish a quarter of a second after something was recorded."""
        while self._changed.wait():
            threading.Event().wait(PUBLISH_EVERY_S)
            self._changed.clear()
            self._chain.publish(TENANT)


def leaf_event(leaf: bytes) -> EvidenceEvent:
    """The event that stands for a foreign leaf; the same for the same bytes."""
    name = f"leaf-{hashlib.sha256(leaf).hexdigest()}"
    body = {"leaf": b64encode(leaf).decode("ascii")}
    return EvidenceEvent(TENANT, name, EventType.SCAN_RESULT, _OCCURRED_AT, body)


def handler_of(add: Callable[[bytes], int], folder: Path) -> type[BaseHTTPRequestHandler]:
    """Handlers over one log."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            leaf = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                index = add(leaf)
            except UnavailableError:
                self._answer(503, b"", "no-store")
            else:
                self._answer(200, f"{index}".encode(), "no-store")

        def do_GET(self) -> None:
            path = self.path.removeprefix("/")
            is_tile = tile_name(path) is not None
            if not is_tile and path != checkpoint_path(BOTH.sha256):
                self._answer(404, b"", "no-store")
                return
            try:
                content = (folder / path).read_bytes()
            except FileNotFoundError:
                self._answer(404, b"", "no-store")
            else:
                self._answer(200, content, "max-age=31536000, immutable" if is_tile else "no-cache")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def _answer(self, status: int, content: bytes, caching: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", caching)
            self.end_headers()
            self.wfile.write(content)

    return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 1_024
    daemon_threads = True


def main(store: Path, port: int) -> None:
    """Serve until the process is ended."""
    log = AddLog(store)
    threading.Thread(target=log.publish_forever, daemon=True).start()
    sys.stdout.write(f"{log.folder}\n")
    sys.stdout.flush()
    _Server(("127.0.0.1", port), handler_of(log.add, log.folder)).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
