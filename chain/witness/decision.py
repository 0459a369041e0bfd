"""Whether a witness cosigns: the checks of the specification, in its order, with its status codes.

Nothing here reads a file or a clock. What the witness last cosigned is an argument, and the caller sees to it that
nobody cosigns between asking here and keeping the answer.

Source: C2SP tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain.checkpoint import Checkpoint
from chain.note import Note, VerifierKey, open_note
from chain.proof import ConsistencyProof, check_consistency
from chain.tree_hash import SHA256
from chain.witness.submission import Submission, parse_submission
from domain.errors import InputError, IntegrityError

Logs = Mapping[str, Sequence[VerifierKey]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is cosigned.

    Args:
        status: HTTP's.
        size: of the last cosigned checkpoint, where the log asked from another size.
        is_fork: the log itself signed two trees of one size; the refused note proves it.
    """

    status: int
    reason: str
    size: int | None = None
    is_fork: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    """A submission whose log is known and whose signature is right.

    Args:
        note: the checkpoint with no signatures but those of the log's known keys.
    """

    submission: Submission
    note: Note


def authenticate(body: bytes, logs: Logs) -> Signed | Refusal:
    """Read a request and check who signed its checkpoint.

    Args:
        logs: keys by origin.
    """
    try:
        submission = parse_submission(body)
    except InputError as error:
        return Refusal(400, str(error))
    keys = logs.get(submission.checkpoint.origin)
    if keys is None:
        return Refusal(404, "unknown log")
    try:
        note = open_note(str(submission.note), keys)
    except IntegrityError as error:
        return Refusal(403, str(error))
    return Signed(submission, note)


def judge(submission: Submission, latest: Checkpoint | None) -> Refusal | None:
    """Check an authenticated submission against what was last cosigned; ``None`` where it is to be cosigned.

    Args:
        latest: of the same origin; ``None`` where nothing was cosigned yet.
    """
    checkpoint, old_size = submission.checkpoint, submission.old_size
    known_size = latest.size if latest else 0
    if old_size > checkpoint.size:
        return Refusal(400, "old size is above the checkpoint's")
    if old_size != known_size:
        return Refusal(409, "old size is not that of the last cosigned checkpoint", size=known_size)
    if checkpoint.size == 0 and checkpoint.root != SHA256.empty:
        return Refusal(422, "root of an empty tree is not the hash of nothing")
    if latest is None or old_size == 0:
        return Refusal(422, "a proof from an empty tree is empty") if submission.proof else None
    try:
        check_consistency(
            SHA256, ConsistencyProof(old_size, checkpoint.size, submission.proof), latest.root, checkpoint.root
        )
    except IntegrityError as error:
        is_fork = old_size == checkpoint.size and latest.root != checkpoint.root
        return Refusal(422, str(error), is_fork=is_fork)
    return None
