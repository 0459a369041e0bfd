"""A Bitcoin node in regression-test mode: btcd, which has no wallet and mines on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from connectors.http_call import call
from tests.servers.loopback import listening
from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, go_install, require

USER = "anchors"
PASSWORD = "loopback"
_MODULE = "github.com/btcsuite/btcd@v0.25.0"


@dataclass(frozen=True, slots=True)
class Node:
    """Where the node answers JSON-RPC."""

    url: str


def install() -> None:
    """Build the node."""
    go_install(_MODULE, "btcd")


@contextmanager
def serving(folder: Path, *, mining_address: str) -> Iterator[Node]:
    """A node with an empty chain; what it mines goes to the address."""
    program = require(FOLDER / "go" / "btcd", what="btcd")
    port = free_port()
    command = [
        str(program),
        "--regtest",
        "--txindex",
        "--addrindex",
        "--notls",
        "--nolisten",
        "--nodnsseed",
        f"--rpclisten=127.0.0.1:{port}",
        f"--rpcuser={USER}",
        f"--rpcpass={PASSWORD}",
        f"--miningaddr={mining_address}",
        f"--configfile={folder / 'btcd.conf'}",
        f"--datadir={folder / 'data'}",
        f"--logdir={folder / 'logs'}",
    ]
    (folder / "btcd.conf").touch()
    with running(command, port, folder / "btcd.log"):
        yield Node(f"http://127.0.0.1:{port}/")


@contextmanager
def answering_like_core(node: Node) -> Iterator[str]:
    """The node's address, with user and password, for clients that leave out ``jsonrpc`` as Bitcoin Core allows."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
            answer = call(node.url, body=json.dumps({**asked, "jsonrpc": "1.0"}).encode(), headers=headers)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with listening(Handler) as url:
        yield url.replace("http://", f"http://{USER}:{PASSWORD}@")
