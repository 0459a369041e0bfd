"""The README's queries, each run as it stands there, and the document of the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from domain.change import ChangeEvent
from domain.resource import ConfigurationItem, Provider, Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_schema import NODES, RELATIONSHIPS, kind_label, schema_document
from tests.unit.graph.estate import NOON, TENANT, inventory, item

README = Path(__file__).parents[2] / "README.md"
DOCS = README.with_name("docs")
QUERIES: Mapping[int, str] = {
    int(number): text
    for number, text in re.findall(r"\*\*(\d+)\. .*?```cypher\n(.*?)```", README.read_text(), re.DOTALL)
}
HOUR = timedelta(hours=1)
K, H = RelationshipKind, Strength.HARD


def thing(name: str, type_: str, **facts: str) -> ConfigurationItem:
    owner = {"owner": facts["owner"]} if "owner" in facts else {}
    return item(
        name,
        type_,
        {"v": facts.get("v", "1")},
        provider=Provider.AWS,
        scope=facts.get("scope", "/accounts/1"),
        tags=owner,
    )


def edge(source: str, target: str, kind: RelationshipKind, path: str = "p", strength: Strength = H) -> Relationship:
    return Relationship(ResourceId(source), ResourceId(target), kind, strength, path)


ITEMS = (
    thing("key", "AWS::KMS::Key", owner="sec"),
    thing("role", "AWS::IAM::Role"),
    thing("bucket", "AWS::S3::Bucket", owner="data"),
    thing("web", "AWS::EC2::Instance", owner="web"),
    thing("disk", "AWS::EC2::Volume", owner="web"),
    thing("bare", "AWS::EC2::Volume", scope="/accounts/2"),
)
EDGES = (
    edge("disk", "key", K.ENCRYPTED_BY),
    edge("web", "disk", K.ATTACHED_TO),
    edge("web", "role", K.ASSUMES),
    edge("role", "bucket", K.HAS_PERMISSION),
    edge("web", "ghost", K.REFERENCES, "Tags.see", Strength.SOFT),
    edge("web", "gone", K.NETWORK, "SubnetId"),
)
EXPECTED: dict[int, tuple[dict[str, object], list[list[object]]]] = {
    1: (
        {},
        [
            ["/accounts/1", "AWS::EC2::Instance", 1],
            ["/accounts/1", "AWS::EC2::Volume", 1],
            ["/accounts/1", "AWS::IAM::Role", 1],
            ["/accounts/1", "AWS::KMS::Key", 1],
            ["/accounts/1", "AWS::S3::Bucket", 1],
            ["/accounts/2", "AWS::EC2::Volume", 1],
        ],
    ),
    2: ({"uid": "key"}, [["AWS::EC2::Instance", "web"], ["AWS::EC2::Volume", "disk"]]),
    3: (
        {"uid": "key", "other": "bucket"},
        [[["key", "disk", "web", "role", "bucket"], ["ENCRYPTED_BY", "ATTACHED_TO", "ASSUMES", "HAS_PERMISSION"]]],
    ),
    4: (
        {},
        [
            ["bucket", "AWS::S3::Bucket", 1],
            ["disk", "AWS::EC2::Volume", 1],
            ["key", "AWS::KMS::Key", 1],
            ["role", "AWS::IAM::Role", 1],
        ],
    ),
    5: ({}, [["web", "SubnetId", "gone", "gone"], ["web", "Tags.see", "ghost", "never seen"]]),
    6: ({}, [["/accounts/2", "bare", "westeurope"]]),
    7: (
        {"owner_tag": "owner"},
        [["/accounts/1", "AWS::IAM::Role", ["role"]], ["/accounts/2", "AWS::EC2::Volume", ["bare"]]],
    ),
    8: ({"uid": "bucket"}, [["web", "role"]]),
    9: ({"before": int((NOON + 2 * HOUR).timestamp() * 1000)}, [["bare", "2026-03-01T12:00:00.000000000+00:00"]]),
    10: ({"uid": "web"}, [["2026-03-01T12:00:00.000000000+00:00", False, '{"v":"0"}']]),
}


@pytest.fixture
def graph(neo4j_database: Neo4jDatabase) -> Neo4jDatabase:
    """A small estate with a history, beside another tenant's."""
    store = Neo4jStore(neo4j_database, TENANT)
    former = [thing("web", "AWS::EC2::Instance", v="0", owner="web") if each.uid == "web" else each for each in ITEMS]
    store.put_inventory(inventory(*former[:-1]), "one", NOON)
    store.put_inventory(inventory(ITEMS[-1]), "two", NOON)
    store.put_inventory(inventory(*ITEMS[:-1]), "one", NOON + 3 * HOUR)
    store.put_relationships(EDGES)
    store.apply([ChangeEvent(ResourceId("gone"), NOON, thing("gone", "AWS::EC2::Subnet"))])
    store.apply([ChangeEvent(ResourceId("gone"), NOON + HOUR, None)])
    other = Neo4jStore(neo4j_database, TenantId("globex"))
    stranger = item("key", "AWS::KMS::Key", provider=Provider.AWS, tenant=TenantId("globex"))
    other.put_inventory(inventory(stranger), "one", NOON)
    return neo4j_database


@pytest.mark.xdist_group("servers")
def test_every_query_answers_what_it_says(graph: Neo4jDatabase) -> None:
    assert sorted(QUERIES) == sorted(EXPECTED)
    for number, (given, expected) in EXPECTED.items():
        found = graph.read(lambda t, n=number, g=given: rows(t, QUERIES[n], {"tenant": TENANT, **g}))  # type: ignore[misc]
        plain = [[each.iso_format() if hasattr(each, "iso_format") else each for each in row] for row in found]
        assert plain == expected, number


@pytest.mark.xdist_group("servers")
def test_the_graph_holds_what_the_schema_declares_and_nothing_else(graph: Neo4jDatabase) -> None:
    declared = {node.name: {each.name for each in node.properties} for node in NODES}
    beside = {kind_label(each.provider, each.type) for each in ITEMS} | {
        "AWSEC2Subnet",
        "Resource",
        "Retired",
        "Absent",
    }
    found = graph.read(lambda t: rows(t, "MATCH (n) RETURN labels(n), keys(n)", {}))
    for labels, keys in found:
        (label,) = set(labels) - beside
        extra = {"state"} if label == "ResourceState" else set()
        allowed = declared[label] | extra | (declared["Entity"] if label == "ResourceState" else set())
        assert set(keys) <= allowed, (label, set(keys) - allowed)
    types = {each.name: {one.name for one in each.properties} for each in RELATIONSHIPS}
    for type_, keys in graph.read(lambda t: rows(t, "MATCH ()-[e]->() RETURN type(e), keys(e)", {})):
        assert set(keys) <= types[type_], type_


def test_the_schema_document_is_the_declaration() -> None:
    assert (DOCS / "graph-schema.md").read_text() == schema_document(), "run: pcg store schema > docs/graph-schema.md"


@pytest.mark.parametrize(
    ("provider", "type_", "label"),
    [
        ("aws", "AWS::EC2::Instance", "AWSEC2Instance"),
        ("azure", "Microsoft.Compute/virtualMachines", "AzureComputeVirtualmachines"),
        ("azure", "microsoft.compute/VIRTUALMACHINES", "AzureComputeVirtualmachines"),
        ("gcp", "compute.googleapis.com/Instance", "GCPComputeInstance"),
        ("kubernetes", "apps/v1/Deployment", "KubernetesAppsV1Deployment"),
        ("aws", "", "AWS"),
        ("azure", "`) DETACH DELETE (n", "AzureDetachdeleten"),
    ],
)
def test_a_kind_has_a_label_that_no_text_from_outside_can_widen(provider: str, type_: str, label: str) -> None:
    assert kind_label(provider, type_) == label
