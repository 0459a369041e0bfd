"""Prediction, as part of the owner of the graphs: tenants as the model reads them, and what came of what it told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Final

from actors.prediction_desk import PredictionDesk
from assessment.learned import CoChanging, LiveHistory, Prepared
from domain.recent import Recent
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore
from training.outcomes import Deed, Settled
from training.predictor import shipped_predictor

DESKS_MAX: Final = 8
Known = tuple[int, datetime]
"""Version and time of what a caller has already."""


class PredictionDesks:
    """The desks of the tenants that were asked about last."""

    def __init__(self) -> None:
        self._kept = Recent[TenantId, PredictionDesk](DESKS_MAX)

    def of(self, store: GraphStore) -> PredictionDesk:
        """The desk of a store's tenant, which reads that store from now on."""
        desk = self._kept.get(store.tenant) or PredictionDesk(lambda: shipped_predictor().prior)
        desk.store = store
        self._kept.put(store.tenant, desk)
        return desk


class PredictionFace:
    """Asks the desk of a tenant."""

    def _at_prediction_desk(self, tenant: TenantId) -> AbstractContextManager[PredictionDesk]:
        """The tenant's desk, over a store that holds what is shown."""
        raise NotImplementedError

    def prepared_graph(self, tenant: TenantId, *, as_of: datetime, known: Known | None) -> Prepared | None:
        """The tenant's resources with features and relations; None where they are still those that are known.

        Raises:
            InputError: there are no weights that fit this code.
        """
        with self._at_prediction_desk(tenant) as desk:
            found = desk.prepared(as_of)
        return None if known == (found.version, found.as_of) else found

    def cochanging(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> CoChanging | None:
        """Who may change with a resource, in the graph that `prepared_graph` gives; None where it is not there.

        Raises:
            InputError: there are no weights that fit this code.
        """
        with self._at_prediction_desk(tenant) as desk:
            return desk.cochanging(resource_id, as_of)

    def settled(
        self, tenant: TenantId, cutoffs: Sequence[datetime], deeds: Sequence[Deed], *, now: datetime
    ) -> dict[datetime, Settled]:
        """What followed instants whose seven days are over; exemptions that scans found are known here."""
        known = (*deeds, *self.exempted(tenant))
        with self._at_prediction_desk(tenant) as desk:
            return desk.settled(cutoffs, known, now=now)

    def learned_from(self, tenant: TenantId, deeds: Sequence[Deed], *, now: datetime) -> LiveHistory:
        """What the tenant's history is, for a model to learn from."""
        known = (*deeds, *self.exempted(tenant))
        with self._at_prediction_desk(tenant) as desk:
            return replace(desk.history(now), deeds=known)

    def exempted(self, tenant: TenantId) -> tuple[Deed, ...]:
        """Violations that were exempted between the scans that are kept."""
        raise NotImplementedError
