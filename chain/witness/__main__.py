"""Run a witness: ``python -m chain.witness --name NAME --state DIR --key FILE --listen 127.0.0.1:PORT --log KEY``.

It ends with exit code 2 where it cannot begin, and may be killed at any time: what it answered is already on disk.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence

from chain.signer import FileSigner
from chain.witness.configuration import Configuration, read_configuration
from chain.witness.cosigner import Cosigner, Ed25519Cosigner
from chain.witness.record import WitnessRecord
from chain.witness.server import WitnessServer
from chain.witness.witness import Witness
from domain.clock import SystemClock
from domain.errors import PolicyCortexError


def main(
    arguments: Sequence[str] | None = None, *, serve: Callable[[WitnessServer], None] = WitnessServer.serve_forever
) -> int:
    """Serve until interrupted.

    Args:
        serve: what is done with the server once it listens.
    """
    try:
        configuration = read_configuration(arguments)
        cosigners = _open_cosigners(configuration)
        record = WitnessRecord(configuration.state, [cosigner.key for cosigner in cosigners])
        with contextlib.closing(record):
            witness = Witness(record, cosigners, configuration.logs, SystemClock())
            with WitnessServer(configuration.address, witness) as server:
                host, port = server.server_address[:2]
                for text in witness.key_texts:
                    sys.stdout.write(f"witness {configuration.name} {text} http://{host!s}:{port}\n")
                sys.stdout.flush()
                with contextlib.suppress(KeyboardInterrupt):
                    serve(server)
    except (PolicyCortexError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _open_cosigners(configuration: Configuration) -> list[Cosigner]:
    for path in (configuration.key, configuration.mldsa44_key):
        if path:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    cosigners: list[Cosigner] = [Ed25519Cosigner(FileSigner(configuration.key, name=configuration.name))]
    if configuration.mldsa44_key:
        from chain.witness.mldsa44 import Mldsa44Cosigner  # noqa: PLC0415 (newest releases of the library alone)

        cosigners.append(Mldsa44Cosigner(configuration.mldsa44_key, name=configuration.name))
    return cosigners


if __name__ == "__main__":
    sys.exit(main())
