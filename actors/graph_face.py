"""The graph as it is shown, as part of its owner: resources, their history, what a failure takes down."""

from __future__ import annotations

from datetime import datetime

from actors.impact_desk import Question
from actors.shards.shelf import SharedView
from actors.tenant_face import TenantFace
from actors.views import (
    EDGES_SHOWN_MAX,
    Row,
    graph_row,
    parts_size,
    resource_row,
    ties_of,
    version_row,
    view_size,
)
from domain.errors import NotFound
from domain.tenancy import TenantId
from graph.stores.contract import NO_RESOURCE_TODO
from graph.view import GraphView


class GraphFace(TenantFace):
    """Answers from the graph in memory."""

    _name: str

    def resource(self, tenant: TenantId, resource_id: str) -> Row:
        """One resource as it is now, with what it is connected to.

        Raises:
            NotFound: this tenant has no such resource.
        """
        with self._seen(tenant) as state:
            with state.in_parts() as parts:
                if parts is not None:
                    ties = parts.ties(resource_id, limit=EDGES_SHOWN_MAX)
                    return resource_row(state.item(ties.uid), ties, version=parts.store_version)
            view = state.view()
            ties = ties_of(view, view.index_of(resource_id))
            return resource_row(state.item(ties.uid), ties, version=view.version)

    def resource_history(self, tenant: TenantId, resource_id: str) -> tuple[Row, ...]:
        """Every recorded state of one resource, oldest first, without the documents.

        Raises:
            NotFound: this tenant never had such a resource.
        """
        with self._seen(tenant) as state:
            state.updates.settle()
            with state.lock:
                versions = state.store.history(resource_id)
        if not versions:
            raise NotFound("no such resource", resource_id=resource_id, todo=NO_RESOURCE_TODO)
        return tuple(version_row(version) for version in versions)

    def graph_status(self, tenant: TenantId) -> Row:
        """How large the graph is, how far its changes were followed, and what of it is not proven."""
        with self._seen(tenant) as state:
            with state.in_parts() as parts:
                size = None if parts is None else parts_size(parts, state.store.unproven())
            size = size or view_size(state.view())
            with state.lock:
                return graph_row(size, state.graph, epoch=state.epoch, shard=self._name)

    def shared_view(self, tenant: TenantId) -> SharedView:
        """The graph as it is now, for a reader in another process."""
        with self._seen(tenant) as state:
            return state.shared_view()

    def shown(self, tenant: TenantId) -> GraphView | None:
        """The graph after the last change, without waiting; None before it is read. For callers in this process."""
        with self._asking(tenant) as state:
            return state.graph.shown

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Row:
        """What a failure takes down, what depends on what, in which order things can go, and what there is to draw.

        Raises:
            NotFound: this tenant has no such resource, zone or region.
            InputError: a bound is passed.
        """
        with self._asking(tenant) as state:
            return state.impact.answer(question, as_of=as_of)
