"""Asking witnesses through the one writer: after each publication, of the logs that the policy file names.

A witness must be told of each log with its key before it can cosign, so the policy's `log` lines say which ones to ask
about. A quorum that is not met is asked for again a while later, and at the next publication at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from actors.messages import LogState
from chain.cosignature import CosignerKey
from chain.proof import ConsistencyProof
from chain.shard import LogHead
from chain.tree_hash import Twin
from chain.trust import TrustPolicy
from chain.witness.collection import CosignatureCollector, Post, addresses
from chain.witness.publishing import publish_cosigned
from domain.clock import Clock
from domain.errors import PolicyCortexError
from domain.tenancy import TenantId

DEADLINE_S: Final = 10.0
RETRY_S: Final = 60.0


class ChainLog:
    """A tenant's newest log as witnesses are asked about it (`chain.witness.publishing.WitnessedLog`)."""

    def __init__(self, chain: Handle[EvidenceChain], tenant: TenantId, origin: str) -> None:
        self._chain = chain
        self._tenant = tenant
        self.origin = origin

    def head(self) -> LogHead:
        """What was last published."""
        return self._chain.call(EvidenceChain.newest_head, self._tenant)

    def consistency_proof(self, old_size: int, new_size: int) -> Twin[ConsistencyProof]:
        """Prove that the log of one size begins with that of the other."""
        return self._chain.call(EvidenceChain.consistency, self._tenant, self.origin, old_size, new_size)

    def add_cosignatures(self, cosigned: str, cosigners: Sequence[CosignerKey]) -> LogHead:
        """Keep and publish cosignatures of the published checkpoint."""
        return self._chain.call(EvidenceChain.add_cosignatures, self._tenant, self.origin, cosigned, cosigners)


class LogWitnessing:
    """Has what is new cosigned. Not for several threads at once."""

    def __init__(self, chain: Handle[EvidenceChain], policy: TrustPolicy, post: Post, clock: Clock) -> None:
        self._chain = chain
        self._policy = policy
        self._post = post
        self._clock = clock
        self._collectors: dict[str, CosignatureCollector] = {}
        self._done: dict[str, int] = {}
        self._asked: dict[str, tuple[int, datetime]] = {}
        self._reasons: dict[str, str] = {}

    def ask(self, states: Sequence[LogState]) -> Mapping[str, str]:
        """Ask about every log that was published since its quorum was met; what is missing now, by log."""
        for state in states:
            if self._policy.key(state.origin) is not None and self._is_due(state):
                self._asked[state.origin] = (state.published_size, self._clock.now())
                self._ask(state)
        return dict(self._reasons)

    def _is_due(self, state: LogState) -> bool:
        if state.published_size == 0 or self._done.get(state.origin) == state.published_size:
            return False
        size, at = self._asked.get(state.origin, (0, self._clock.now()))
        return size != state.published_size or self._clock.now() - at >= timedelta(seconds=RETRY_S)

    def _ask(self, state: LogState) -> None:
        origin, what = state.origin, f"witnesses of {state.origin}"
        if origin not in self._collectors:
            self._collectors[origin] = CosignatureCollector(addresses(self._policy), self._post, deadline_s=DEADLINE_S)
        try:
            log = ChainLog(self._chain, state.tenant, origin)
            witnessed = publish_cosigned(log, self._collectors[origin], self._policy)
        except PolicyCortexError as error:
            self._reasons[what] = str(error)
            return
        if witnessed.is_enough:
            self._done[origin] = state.published_size
            self._reasons.pop(what, None)
        else:
            missing = "; ".join(f"{name}: {reason}" for name, reason in sorted(witnessed.failures.items()))
            self._reasons[what] = f"not enough cosignatures: {missing}"[:300]
