"""Snapshots: what they hold, and that they do not depend on order or process."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pytest

from domain.errors import InputError, NotFound
from domain.resource import ConfigurationItem, Provider, RelationshipKind
from domain.tenancy import TenantId
from graph.build import build_snapshot
from graph.components import components
from graph.snapshot import Snapshot
from tests.unit.graph.estate import NOON, TENANT, item

RG = "/subscriptions/s/resourceGroups/g"


def site(name: str, plan: str = "plan") -> ConfigurationItem:
    farm = f"{RG}/providers/Microsoft.Web/serverfarms/{plan}"
    return item(f"{RG}/providers/Microsoft.Web/Sites/{name}", "Microsoft.Web/sites", {"serverFarmId": farm}, scope=RG)


PLAN = item(f"{RG}/providers/Microsoft.Web/serverfarms/plan", "Microsoft.Web/serverFarms", {"sku": "B1"}, scope=RG)


def built(*items: ConfigurationItem) -> Snapshot:
    return build_snapshot(
        TENANT, items, as_of=NOON, paths_by_type={"microsoft.web/sites": frozenset({"serverFarmId"}), "x": frozenset()}
    )


def test_resources_edges_and_tables_are_there() -> None:
    snapshot = built(site("b"), PLAN, site("a"))
    assert [uid.rpartition("/")[2] for uid in snapshot.uids] == ["plan", "a", "b"]
    assert snapshot.types == ("Microsoft.Web/serverFarms", "Microsoft.Web/sites", "Microsoft.Web/sites")
    assert snapshot.rows_by_type["microsoft.web/sites"].tolist() == [1, 2]
    assert snapshot.tables["microsoft.web/sites"].size == 2
    assert set(snapshot.tables) == {"microsoft.web/sites"}
    assert snapshot.edges.targets.tolist() == [0, 0]
    assert snapshot.edges.sources.tolist() == [1, 2]
    assert snapshot.edges.starts_in.tolist() == [0, 2, 2, 2]
    assert snapshot.edges.sources_in.tolist() == [1, 2]
    assert [r.source for r in snapshot.relationships()] == list(snapshot.uids[1:])
    assert snapshot.index_of(PLAN.uid.upper().replace("/SUB", "/sub")) == 0
    assert len(snapshot) == 3
    with pytest.raises(NotFound):
        snapshot.index_of("elsewhere")


def test_order_does_not_matter_and_state_and_time_do() -> None:
    first = built(site("a"), site("b"), PLAN)
    assert built(PLAN, site("b"), site("a")).digest == first.digest
    assert built(PLAN, site("b"), site("a", "other")).digest != first.digest
    later = build_snapshot(TENANT, [site("a"), site("b"), PLAN], as_of=NOON + timedelta(days=1), paths_by_type={})
    assert later.digest != first.digest


def test_a_snapshot_travels_with_its_buffers_outside() -> None:
    snapshot = built(site("a"), PLAN)
    assert snapshot.index_of(PLAN.uid) == 0
    buffers: list[pickle.PickleBuffer] = []
    sent = pickle.dumps(snapshot, protocol=5, buffer_callback=buffers.append)
    arrived = pickle.loads(sent, buffers=buffers)
    assert len(buffers) > 10
    assert arrived.digest == snapshot.digest
    assert arrived.uids == snapshot.uids
    assert np.shares_memory(arrived.edges.targets, snapshot.edges.targets)
    assert [r.path for r in arrived.relationships()] == ["serverFarmId"]


def test_another_tenants_item_and_a_repeated_id_are_refused() -> None:
    with pytest.raises(InputError, match="another tenant"):
        built(item("a", tenant=TenantId("globex")))
    with pytest.raises(InputError, match="twice"):
        built(PLAN, PLAN)


def folder(name: str, parent: str) -> ConfigurationItem:
    return item(
        f"//cloudresourcemanager.googleapis.com/folders/{name}",
        "cloudresourcemanager.googleapis.com/Folder",
        {"parent": f"folders/{parent}"},
        provider=Provider.GCP,
    )


def test_a_cyclic_parent_is_reported_and_broken() -> None:
    snapshot = built(folder("1", "2"), folder("2", "3"), folder("3", "1"), folder("4", "3"))
    base = "//cloudresourcemanager.googleapis.com/folders/"
    assert snapshot.cycles == ((f"{base}1", f"{base}2", f"{base}3"),)
    kinds = [(r.source[-1], r.target[-1], r.kind) for r in snapshot.relationships()]
    assert kinds == [
        ("1", "2", RelationshipKind.REFERENCES),
        ("2", "3", RelationshipKind.REFERENCES),
        ("3", "1", RelationshipKind.REFERENCES),
        ("4", "3", RelationshipKind.CONTAINS),
    ]


def test_an_empty_estate_is_a_snapshot_too() -> None:
    snapshot = built()
    assert len(snapshot) == len(snapshot.edges) == 0
    assert snapshot.uids == ()


def test_components_are_labelled_by_their_smallest_node() -> None:
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 4), (5, 3), (6, 6), (7, 0), (1, 0)]
    sources, targets = (np.array(column, np.int32) for column in zip(*edges, strict=True))
    assert components(sources, targets, 8).tolist() == [0, 0, 0, 3, 3, 3, 6, 7]
