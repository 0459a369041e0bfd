"""The witness itself: authenticates, judges, keeps, and only then cosigns.

Requests for one log are answered one after the other, so that between the check against the last checkpoint and the
keeping of the new one nobody else gets in; requests for different logs do not wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain.checkpoint import tree_hash_of
from chain.note import Note, VerifierKey
from chain.tree_hash import SHA256
from chain.witness.cosigner import Cosigner
from chain.witness.decision import Refusal, Signed, authenticate, judge
from chain.witness.record import WitnessRecord, origin_hash
from domain.clock import Clock
from domain.errors import InputError

PLAIN: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str
    content_type: str = PLAIN


class Witness:
    """Cosigns the checkpoints of the logs it knows.

    Args:
        cosigners: its keys, at least one; each adds a line to every answer.
        logs: keys of logs; the name of a key is the log's origin, several keys of one name are one log's.

    Raises:
        InputError: no log, a key twice, or a log that no witness can follow.
        IntegrityError: what was cosigned before is damaged on disk.
    """

    def __init__(
        self, record: WitnessRecord, cosigners: Sequence[Cosigner], logs: Sequence[VerifierKey], clock: Clock
    ) -> None:
        self._record = record
        self._cosigners = cosigners
        self._clock = clock
        self._logs = logs_by_origin(logs)
        self._locks = {origin: threading.Lock() for origin in self._logs}
        self._hashes = frozenset(map(origin_hash, self._logs))
        for origin in self._logs:
            record.latest(origin)

    @property
    def key_texts(self) -> tuple[str, ...]:
        """Verifier keys to give to those who trust this witness."""
        return tuple(cosigner.key.text for cosigner in self._cosigners)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a log's request for a cosignature.

        Raises:
            IntegrityError: what was cosigned before is damaged on disk.
            UnavailableError: the disk is full; nothing was cosigned.
        """
        signed = authenticate(body, self._logs)
        if isinstance(signed, Refusal):
            return _refuse(signed)
        origin = signed.submission.checkpoint.origin
        with self._locks[origin]:
            refusal = judge(signed.submission, self._record.latest(origin))
            if refusal is None:
                return self._cosign(signed)
            if refusal.is_fork:
                self._record.keep_fork(origin, signed.note)
        return _refuse(refusal)

    def checkpoint(self, hashed_origin: str) -> Answer:
        """The last cosigned checkpoint of a log."""
        note = self._record.note(hashed_origin) if hashed_origin in self._hashes else None
        return Answer(404, "unknown log, or nothing cosigned yet\n") if note is None else Answer(200, note)

    def _cosign(self, signed: Signed) -> Answer:
        text, checkpoint = signed.note.text, signed.submission.checkpoint
        time_s = int(self._clock.now().timestamp())
        assert time_s > 0, "a cosignature bears a time"
        lines = tuple(cosigner.cosign(text, checkpoint, time_s) for cosigner in self._cosigners)
        self._record.keep(checkpoint.origin, Note(text, signed.note.signatures + lines))
        return Answer(200, "".join(line.line for line in lines))


def logs_by_origin(keys: Sequence[VerifierKey]) -> Mapping[str, Sequence[VerifierKey]]:
    """Group logs' keys by the origin that they sign for.

    Raises:
        InputError: no key, a key twice, or a tree that witnesses do not compute.
    """
    if not keys:
        raise InputError("witness knows no log", todo="Give the verifier key of at least one log")
    found: dict[str, list[VerifierKey]] = {}
    for key in keys:
        if tree_hash_of(key.name) != SHA256:
            raise InputError("witnesses follow SHA-256 trees alone", got=key.name, todo="Give the log's other key")
        same = found.setdefault(key.name, [])
        if any(key.key_id == other.key_id for other in same):
            raise InputError("a log's key is given twice", got=key.text, todo="Give it once")
        same.append(key)
    return found


def _refuse(refusal: Refusal) -> Answer:
    if refusal.size is not None:
        return Answer(refusal.status, f"{refusal.size}\n", SIZE)
    return Answer(refusal.status, f"{refusal.reason}\n")
