"""An Ethereum node for tests: anvil, with unlocked accounts, which mines a block per transaction or on request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, npm_install, require

ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
CHAIN_ID = 31337
_PACKAGE = "@foundry-rs/anvil@1.7.1"


def install() -> None:
    """Fetch the program."""
    npm_install(_PACKAGE, "anvil")


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A node with an empty chain; its JSON-RPC address."""
    program = require(FOLDER / "npm" / "@foundry-rs-anvil" / "node_modules" / ".bin" / "anvil", what="anvil")
    port = free_port()
    command = [str(program), "--host", "127.0.0.1", "--port", str(port), "--silent"]
    with running(command, port, folder / "anvil.log"):
        yield f"http://127.0.0.1:{port}/"
