"""The log's side: ask several witnesses for cosignatures of one checkpoint, and believe none of them unverified.

How a request travels is not decided here. A witness that is dead, slow, wrong or ahead is passed over and named with
its reason; the others' cosignatures are kept.

Source: C2SP tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from chain.checkpoint import parse_checkpoint
from chain.cosignature import CosignerKey
from chain.encoding import decode_size
from chain.note import Note, Signature, parse_note
from chain.proof import ConsistencyProof
from chain.trust import TrustPolicy
from chain.witness.submission import format_submission
from domain.errors import InputError, IntegrityError, PolicyCortexError, UnavailableError

Post = Callable[[str, bytes, float], tuple[int, bytes]]
"""Posts a body to a URL within so many seconds: status and body of the answer, or `UnavailableError`."""

Prove = Callable[[int, int], ConsistencyProof]
"""Proves the log's SHA-256 tree of one size to begin with that of another, neither of them empty."""

TRIES_MAX: Final = 3
_ASKED_AT_ONCE_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """A witness's name in the policy, where it listens, and the keys of it that are believed."""

    name: str
    url: str
    keys: tuple[CosignerKey, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """A checkpoint with the cosignatures that were verified.

    Args:
        note: the log's signature first, the witnesses' below it.
        names: of the witnesses that cosigned.
        failures: of the others, by name, with the reason.
    """

    note: str
    cosigners: tuple[CosignerKey, ...]
    names: tuple[str, ...]
    failures: Mapping[str, str]


def addresses(policy: TrustPolicy) -> tuple[WitnessAddress, ...]:
    """The witnesses of a policy file that say where they listen; lines with one URL are one witness."""
    found: dict[str, WitnessAddress] = {}
    for witness in policy.witnesses:
        if witness.url:
            before = found.get(witness.url)
            keys = (*before.keys, witness.key) if before else (witness.key,)
            found[witness.url] = WitnessAddress(before.name if before else witness.name, witness.url, keys)
    return tuple(found.values())


class CosignatureCollector:
    """Asks the same witnesses again and again, and remembers how far each of them has come.

    Args:
        post: how a request travels.
        deadline_s: for one request; a witness that has come to another size is asked again, `TRIES_MAX` times in all.
    """

    def __init__(self, witnesses: Sequence[WitnessAddress], post: Post, *, deadline_s: float) -> None:
        self._witnesses = witnesses
        self._post = post
        self._deadline_s = deadline_s
        self._sizes: dict[str, int] = {}

    def collect(self, note: str, prove: Prove) -> Collected:
        """Have a checkpoint cosigned by as many of the witnesses as answer in time.

        Args:
            note: the signed checkpoint; cosignatures that it already bears are left out.
        """
        own = parse_note(note)
        own = Note(own.text, own.signatures[:1])
        lines: list[Signature] = []
        cosigners: list[CosignerKey] = []
        names: list[str] = []
        failures: dict[str, str] = {}
        with ThreadPoolExecutor(max_workers=_ASKED_AT_ONCE_MAX) as pool:
            asked = [(witness, pool.submit(self._ask, witness, own, prove)) for witness in self._witnesses]
            for witness, answer in asked:
                try:
                    found = answer.result()
                except PolicyCortexError as error:
                    failures[witness.name] = str(error)
                else:
                    names.append(witness.name)
                    cosigners += found
                    lines += found.values()
        return Collected(str(Note(own.text, own.signatures + tuple(lines))), tuple(cosigners), tuple(names), failures)

    def _ask(self, witness: WitnessAddress, own: Note, prove: Prove) -> Mapping[CosignerKey, Signature]:
        size, url = parse_checkpoint(own.text).size, f"{witness.url.rstrip('/')}/add-checkpoint"
        old_size = min(self._sizes.get(witness.url, 0), size)
        for _ in range(TRIES_MAX):
            proof = prove(old_size, size).path if 0 < old_size < size else ()
            body = format_submission(old_size, proof, str(own))
            status, content = self._post(url, body, self._deadline_s)
            if status != 409:
                found = read_cosignatures(status, content, own, witness.keys)
                self._sizes[witness.url] = size
                return found
            old_size = read_size(content, size)
        raise UnavailableError("witness moves on between its answers", tries=TRIES_MAX, size=old_size)


def read_cosignatures(
    status: int, content: bytes, own: Note, keys: Sequence[CosignerKey]
) -> Mapping[CosignerKey, Signature]:
    """The cosignatures of the expected keys in a witness's answer, each verified; those of others are left out.

    Raises:
        UnavailableError: the witness refused, which another try may mend.
        InputError: the answer is not of the form that the specification gives.
        IntegrityError: a cosignature is wrong or without a time, or none is there.
    """
    text = content.decode("utf-8", errors="replace")
    if status != 200:
        raise UnavailableError("witness refused", status=status, reason=text[:200])
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[CosignerKey, Signature] = {}
    for signature in parse_note(f"{own.text}\n{text}").signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in found:
            continue
        if not key.cosigned_at(own.text, signature.content):
            raise IntegrityError("witness's cosignature is wrong, or without a time", key=key.text)
        found[key] = signature
    if not found:
        raise IntegrityError("witness did not cosign with a key that is known", known=[key.text for key in keys])
    return found


def read_size(content: bytes, size: int) -> int:
    """The size that a witness says it has come to, which the log can prove from.

    Raises:
        InputError: the answer is not of the form that the specification gives.
        IntegrityError: the witness has seen a larger log than this one.
    """
    text = content.decode("utf-8", errors="replace")
    if not text.endswith("\n"):
        raise InputError("witness's answer is not a size", got=text[:80])
    seen = decode_size(text[:-1], what="witness's size")
    if seen > size:
        raise IntegrityError(
            "witness has cosigned a larger log than this",
            witness_size=seen,
            size=size,
            todo="Unless a newer checkpoint was just published, find out who signs under this log's key",
        )
    return seen
