"""From a published checkpoint to a cosigned one: ask the witnesses, keep what they signed, say whether it is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chain.cosignature import CosignerKey
from chain.proof import ConsistencyProof
from chain.tree_hash import Twin
from chain.trust import TrustPolicy
from chain.witness.collection import CosignatureCollector


class PublishedHead(Protocol):
    """What a log last published."""

    @property
    def origin(self) -> str:
        """The log's name."""

    @property
    def size(self) -> int:
        """Number of entries under the checkpoint."""

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint of the SHA-256 tree."""


class WitnessedLog(Protocol):
    """A log that can be cosigned. Proofs are asked for from several threads at once."""

    def head(self) -> PublishedHead:
        """The state that was last published."""

    def consistency_proof(self, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove that the log of one size begins with that of the other."""

    def add_cosignatures(self, cosigned: str, cosigners: Sequence[CosignerKey]) -> PublishedHead:
        """Keep and publish cosignatures of the published checkpoint."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """How it went.

    Args:
        names: witnesses of the policy that cosigned.
        failures: why others did not, by name.
        is_enough: whether those who did fulfil the policy's quorum.
    """

    names: tuple[str, ...]
    failures: Mapping[str, str]
    is_enough: bool


def publish_cosigned(log: WitnessedLog, collector: CosignatureCollector, policy: TrustPolicy) -> Witnessed:
    """Have a log's newest checkpoint cosigned and publish what came back, whether or not it is enough.

    Raises:
        NotFound: the log was never published.
        ConflictError: the log was published again meanwhile; ask again.
    """
    collected = collector.collect(log.head().checkpoint, lambda old, new: log.consistency_proof(old, new).sha256)
    if collected.cosigners:
        log.add_cosignatures(collected.note, collected.cosigners)
    names = policy.witnessed_by(collected.cosigners)
    return Witnessed(names, collected.failures, policy.is_met(names))
