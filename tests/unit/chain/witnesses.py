"""Witnesses and small signed logs for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.checkpoint import Checkpoint
from chain.merkle import Tree
from chain.note import Note, Signature, VerifierKey
from chain.proof import ConsistencyProof, prove_consistency
from chain.signer import FileSigner
from chain.tree_hash import SHA256
from chain.witness.cosigner import Cosigner, Ed25519Cosigner
from chain.witness.mldsa44 import Mldsa44Cosigner
from chain.witness.record import WitnessRecord
from chain.witness.server import WitnessServer
from chain.witness.submission import format_submission
from chain.witness.witness import Witness
from tests.unit.chain.samples import ORIGIN, Wrist

NAME = "witness.example/w1"


class SmallLog:
    """A tree and a key, both in memory; it signs whatever it is told to."""

    def __init__(self, origin: str = ORIGIN, *, seed: bytes = b"l" * 32, entries: str = "entry") -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = VerifierKey(origin, self._private.public_key().public_bytes_raw())
        self.tree = Tree(SHA256)
        self._entries = entries
        self.tree.extend([SHA256.leaf(self.entry(index)) for index in range(300)])

    def entry(self, index: int) -> bytes:
        return f"{self._entries} {index}".encode()

    def note(self, size: int, *, extension: str = "", root: bytes | None = None) -> str:
        text = Checkpoint(self.key.name, size, root or self.tree.root(size)).text + extension
        return str(Note(text, (self.sign(text),)))

    def sign(self, text: str) -> Signature:
        return Signature(self.key.name, self.key.key_id, self._private.sign(text.encode()))

    def proof(self, old_size: int, size: int) -> Sequence[bytes]:
        return self.prove(old_size, size).path if 0 < old_size < size else ()

    def prove(self, old_size: int, size: int) -> ConsistencyProof:
        return prove_consistency(self.tree, old_size, size)

    def body(self, old_size: int, size: int) -> bytes:
        return format_submission(old_size, self.proof(old_size, size), self.note(size))


def cosigners(path: Path, name: str = NAME, *, both: bool = False) -> list[Cosigner]:
    path.mkdir(parents=True, exist_ok=True)
    found: list[Cosigner] = [Ed25519Cosigner(FileSigner(path / "ed25519.key", name=name))]
    return [*found, Mldsa44Cosigner(path / "mldsa44.key", name=name)] if both else found


@contextmanager
def witness_of(path: Path, *logs: VerifierKey, name: str = NAME, both: bool = False) -> Iterator[Witness]:
    """A witness with its state below a path, where another call finds it again."""
    own = cosigners(path, name, both=both)
    with closing(WitnessRecord(path / "record", [item.key for item in own])) as record:
        yield Witness(record, own, logs, Wrist())


@contextmanager
def serving(witness: Witness, *, request_timeout_s: float = 5, connections_max: int = 8) -> Iterator[str]:
    """The witness on a loopback port; its address."""
    limits = {"request_timeout_s": request_timeout_s, "connections_max": connections_max}
    with WitnessServer(("127.0.0.1", 0), witness, **limits) as server:  # type: ignore[arg-type]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
