"""OpenTimestamps calendars: they collect digests and commit to many at once in Bitcoin, hours later.

The first answer is a promise; `complete` asks for the rest. What a proof means is read by functions given from
outside, so that the format has one home.

Source: github.com/opentimestamps/python-opentimestamps, ``calendar``; there is no other specification.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from connectors.http_call import Bounds, call, require_ok
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.value import Json

PROOF: Final = "proof.ots"

_HEADERS = {"Accept": "application/vnd.opentimestamps.v1", "User-Agent": "PolicyCortex"}


class ProofFormat(Protocol):
    """Reads and writes proofs."""

    def start(self, digest: bytes, answer: bytes) -> bytes:
        """A proof file of the digest from a calendar's first answer.

        Raises:
            InputError: the answer is not the time stamp of this digest.
        """

    def promised(self, proof: bytes, calendar: str) -> bytes | None:
        """The message that the calendar promised to have attested; None where it did not."""

    def finish(self, proof: bytes, message: bytes, answer: bytes) -> bytes:
        """The proof with the calendar's later answer for that message put into its place."""

    def heights(self, proof: bytes) -> tuple[int, ...]:
        """Bitcoin blocks that the proof leads to."""


@dataclass(frozen=True, slots=True)
class OpenTimestampsCalendar:
    """A target of kind OpenTimestamps."""

    name: str
    url: str
    format: ProofFormat = field(repr=False)
    bounds: Bounds = field(default_factory=lambda: Bounds(size_bytes_max=10_000))

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.OPENTIMESTAMPS

    def anchor(self, note: bytes) -> AnchorReceipt:
        digest = hashlib.sha256(note).digest()
        url = f"{self._base}/digest"
        answer = require_ok(call(url, body=digest, headers=_HEADERS, bounds=self.bounds), url)
        return self._receipt(digest.hex(), self.format.start(digest, answer))

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        proof = receipt.files[PROOF]
        message = None if receipt.is_final else self.format.promised(proof, self._base)
        if message is None:
            return receipt
        url = f"{self._base}/timestamp/{message.hex()}"
        answer = call(url, headers=_HEADERS, bounds=self.bounds)
        if answer.status == 404:
            return receipt
        finished = self._receipt(receipt.note_sha256, self.format.finish(proof, message, require_ok(answer, url)))
        return finished if finished.is_final else receipt

    def _receipt(self, digest: str, proof: bytes) -> AnchorReceipt:
        """Final once a Bitcoin block is named; its time is in the header, which the calendar does not give."""
        heights = self.format.heights(proof)
        facts: dict[str, Json] = {"calendar": self._base}
        if heights:
            facts["height"] = min(heights)
        return replace(
            AnchorReceipt(self.kind, self.name, digest, None, is_final=bool(heights)), facts=facts, files={PROOF: proof}
        )

    @property
    def _base(self) -> str:
        return self.url.rstrip("/")
