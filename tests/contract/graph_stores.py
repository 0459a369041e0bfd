"""Every kind of graph store, opened for a test and closed after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from domain.tenancy import TenantId
from graph.stores.contract import GraphStore
from graph.stores.duckdb import DuckDbStore
from graph.stores.memory import MemoryStore
from tests.unit.graph.estate import TENANT

Opener: TypeAlias = "Callable[[TenantId], GraphStore]"
"""Opens a store for a tenant: the same content for the same tenant, as another process would have it."""


@pytest.fixture(params=["memory", "duckdb"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as closing:
        opener = in_memory() if request.param == "memory" else in_files(tmp_path)

        def open_for(tenant: TenantId) -> GraphStore:
            store = opener(tenant)
            closing.callback(store.close)
            return store

        yield open_for


@pytest.fixture
def store(opened: Opener) -> GraphStore:
    return opened(TENANT)


def in_memory() -> Opener:
    first: dict[TenantId, MemoryStore] = {}

    def open_for(tenant: TenantId) -> GraphStore:
        store = MemoryStore(tenant, beside=first.get(tenant))
        first.setdefault(tenant, store)
        return store

    return open_for


def in_files(folder: Path) -> Opener:
    return lambda tenant: DuckDbStore(folder, tenant)
