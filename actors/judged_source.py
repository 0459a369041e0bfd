"""What judging a tenant's graph reads: the graph as it is shown, or, of one in parts, what is put together of them.

A graph in parts is put together in its owner's memory, with every document beside it as where it is held whole. That is
done where the documents fit in what the operator allows for it, and refused otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from actors.judged_graph import ITEM_BYTES, Policies, Source, Updates
from actors.parted_graph import PartedGraph
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from graph.stores.contract import Changes
from graph.view import GraphView


class State(Source, Protocol):
    """A tenant's state."""

    def in_parts(self) -> AbstractContextManager[PartedGraph | None]:
        """The graph where it is held in parts."""


@dataclass(frozen=True, slots=True)
class JudgedSource:
    """A tenant's state, as it is judged.

    Args:
        judged_bytes: what a graph in parts may take with its documents.
    """

    state: State
    judged_bytes: int

    @property
    def tenant(self) -> TenantId:
        """Whose graph it is."""
        return self.state.tenant

    @property
    def updates(self) -> Updates:
        """Held back while the graph is read."""
        return self.state.updates

    @property
    def policies(self) -> Policies:
        """What it is judged by."""
        return self.state.policies

    @property
    def billing(self) -> Sequence[pl.DataFrame]:
        """Billing rows that were read last."""
        return self.state.billing

    def view(self) -> GraphView:
        """The graph as it is now.

        Raises:
            ConflictError: it is in parts, and too large to be judged in one process.
        """
        with self.state.in_parts() as parts:
            if parts is not None:
                return parts.gathering.whole(resources_max=self.judged_bytes // ITEM_BYTES)
        return self.state.view()

    def items(self) -> Sequence[ConfigurationItem]:
        """Every document."""
        return self.state.items()

    def documents(self, uids: Sequence[str]) -> Sequence[ConfigurationItem]:
        """Some documents, without those that are not there."""
        return self.state.documents(uids)

    def changes(self, as_of: datetime) -> Changes:
        """What changed before a time, as far back as predictions look."""
        return self.state.changes(as_of)
