"""How the parts of one tenant's graph come to its store, and what they hold while they use it.

Two locks: that of the graph, and that of the store, which others use too. Who takes both takes the graph's first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import RLock

from domain.clock import Clock
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What every part is given.

    Args:
        store: the tenant's store, opened again where it was closed meanwhile.
        now_s: monotonic seconds.
        at_store: held while the store is used.
        lock: held while the graph is changed.
    """

    tenant: TenantId
    store: Callable[[], GraphStore]
    clock: Clock
    now_s: Callable[[], float]
    at_store: AbstractContextManager[object]
    lock: AbstractContextManager[object] = field(default_factory=RLock)
