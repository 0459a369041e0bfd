"""What an OpenTimestamps calendar's answers do to a proof."""

from __future__ import annotations

from chain.anchors.opentimestamps import (
    SHA256,
    BlockAttestation,
    DetachedTimestamp,
    PendingAttestation,
    format_proof,
    parse_proof,
    parse_timestamp,
)


class CalendarProofs:
    """Proofs of SHA-256 digests as they grow by a calendar's answers; all of them are read strictly."""

    def start(self, digest: bytes, answer: bytes) -> bytes:
        """A proof file of the digest from a calendar's first answer.

        Raises:
            InputError: the answer is not a time stamp.
        """
        return format_proof(DetachedTimestamp(SHA256, digest, parse_timestamp(answer, digest)))

    def promised(self, proof: bytes, calendar: str) -> bytes | None:
        """The message that the calendar promised to have attested; None where it did not."""
        for found in parse_proof(proof).attested():
            if isinstance(found.attestation, PendingAttestation) and found.attestation.uri.rstrip("/") == calendar:
                return found.message
        return None

    def finish(self, proof: bytes, message: bytes, answer: bytes) -> bytes:
        """The proof with the calendar's later answer for that message put into its place.

        Raises:
            InputError: the answer is not a time stamp.
        """
        parsed = parse_proof(proof)
        extended = parsed.timestamp.extended(parsed.digest, at=message, by=parse_timestamp(answer, message))
        return format_proof(DetachedTimestamp(parsed.digest_type, parsed.digest, extended))

    def heights(self, proof: bytes) -> tuple[int, ...]:
        """Bitcoin blocks that the proof leads to."""
        return tuple(
            found.attestation.height
            for found in parse_proof(proof).attested()
            if isinstance(found.attestation, BlockAttestation) and found.attestation.chain == "bitcoin"
        )
