"""What the graph in Neo4j is made of, declared once: constraints, indexes and `docs/graph-schema.md` come from here.

Every node belongs to one tenant: its `id` begins with the tenant's name, and it has `tenant` as a property. Community
Edition knows uniqueness of properties, which is all that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.resource import Provider, RelationshipKind

LAYOUT: Final = 2
"""The form of nodes; in the first, what `kept` holds were properties of their own."""
PRESENT: Final = "Resource"
"""The label of what is there now; beside it stands the label of its kind."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a node or relationship; `what` is a sentence for people."""

    name: str
    type: str
    what: str


@dataclass(frozen=True, slots=True)
class NodeLabel:
    """A label with what nodes of it carry.

    Args:
        unique: property that is unique among them.
        indexes: groups of properties with a range index.
    """

    name: str
    what: str
    properties: tuple[Property, ...]
    unique: str = "id"
    indexes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RelationshipType:
    """A relationship with its ends."""

    name: str
    source: str
    target: str
    what: str
    properties: tuple[Property, ...] = ()


_ID = Property("id", "string", "Tenant, a slash, and what names the node within it; unique.")
_TENANT = Property("tenant", "string", "Whose node it is. Begin every query with it.")
_MOMENT = "microseconds since 1970, UTC"

ENTITY: Final = NodeLabel(
    "Entity",
    (
        "Anything that the graph knows by a provider's id. A node that is there now is also a `Resource` and has the "
        "label of its kind (`AWSEC2Instance`, `AzureStorageStorageaccounts`, `GCPComputeInstance`); one that is gone "
        "is `Retired`; one that others name but nobody has seen is `Absent`."
    ),
    (
        _ID,
        _TENANT,
        Property("uid", "string", "The provider's own id, as last spelt."),
        Property("provider", "string", "`azure`, `aws`, `gcp` or `kubernetes`."),
        Property("type", "string", "The provider's own type name."),
        Property("name", "string", "The resource's name."),
        Property("scope", "string", "Where it lives; empty where unknown."),
        Property("account", "string", "The first two segments of the scope, in lower case."),
        Property("region", "string", "The provider's region."),
        Property("tags", "list of strings", "Tags as `key=value`, in order of key."),
        Property("document", "string", "The provider's whole document as JSON, secrets removed."),
        Property(
            "kept",
            "string",
            "For the store itself, two lines of JSON: of the item, and of when and where its state was seen.",
        ),
        Property("firstseen", "integer", "Since when it is known, milliseconds since 1970."),
        Property(
            "lastupdated",
            "integer",
            "When the state was last written, milliseconds since 1970. What is unchanged is not written again: it was "
            "seen at the `lastupdated` of each collection in `collections` as well.",
        ),
        Property("collections", "list of strings", "Names of the collections that hold it."),
        Property("number", "integer", "The store's number of this version."),
        Property("noted", "integer", "The store's write that last touched this node."),
        Property("sighted", "integer", "The store's write by which an event last saw this state again."),
        Property("edges", "string", "Digest of its outgoing relationships as of `linked`; absent where it had none."),
        Property("linked", "integer", "The store's write that `edges` is of, where the ledger does not say."),
    ),
    indexes=(("tenant", "noted"),),
)

NODES: Final = (
    NodeLabel(
        "Tenant",
        "One customer. Its `id` is the tenant's name alone.",
        (
            _ID,
            _TENANT,
            Property("version", "integer", "Grows with what changes resources or relationships."),
            Property("writes", "integer", "Grows with every write."),
            Property("layout", "integer", f"Which form its nodes have: {LAYOUT}."),
            Property("epoch", "integer", "Which claim of a writer is in force."),
            Property("holder", "string", "Who made it."),
            Property("number", "integer", "The last version number given to a state."),
            Property("base", "integer", "The write that the ledger's base was written with."),
            Property("sighted", "integer", "The write that the ledger's sightings were written with."),
            Property("pending", "string", "A large write that is decided and not wholly applied; else absent."),
            Property("last", "string", "Name of the last write, by which one is known whose answer was lost."),
        ),
    ),
    NodeLabel(
        "Account",
        "A subscription, account or project: the top level of scopes. Its name is empty where the scope is unknown.",
        (_ID, _TENANT, Property("name", "string", "As `Entity.account`.")),
    ),
    ENTITY,
    NodeLabel(
        "ResourceState",
        "A former state of an entity, with the entity's properties as they were then.",
        (
            _ID,
            _TENANT,
            Property("entity", "string", "`id` of the entity."),
            Property("valid_from", "integer", f"Since when it had this state, {_MOMENT}."),
            Property("retired", "boolean", "Whether it was gone."),
        ),
        indexes=(("entity",), ("tenant",)),
    ),
    NodeLabel(
        "Collection",
        "A collector's coverage, and when its runs ended.",
        (
            _ID,
            _TENANT,
            Property("name", "string", "The collection's name."),
            Property(
                "lastupdated",
                "integer",
                "End of the latest gap-free run, milliseconds since 1970: then every entity that has this collection "
                "in `collections` was seen. Absent before the first.",
            ),
            Property("lastrun", "integer", "End of the latest run, with or without gaps, milliseconds since 1970."),
            Property("ran_at", "string", "End of the latest run, exact."),
            Property("proved_at", "string", "End of the latest gap-free run, exact."),
            Property("accounts", "list of strings", "Accounts that it covers."),
            Property("unproven", "list of strings", "Accounts of which the latest run did not see everything."),
        ),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "Stream",
        "How far a stream of changes was read.",
        (_ID, _TENANT, Property("name", "string", "The stream."), Property("position", "string", "Its last position.")),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "Scan",
        "A finished scan.",
        (
            _ID,
            _TENANT,
            Property("scan", "string", "The scan's id."),
            Property("ordinal", "integer", "Order in which scans were saved."),
            Property("finished", "integer", f"As of when it judged, {_MOMENT}."),
            Property("summary", "string", "Its summary as JSON."),
            Property("violations", "bytes", "What it found, compressed."),
            Property("size", "integer", "Bytes of `violations` when unpacked."),
        ),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "Definition",
        "An imported policy definition.",
        (
            _ID,
            _TENANT,
            Property("policy", "string", "The policy's id."),
            Property("document", "string", "The definition as JSON."),
            Property("origin", "string", "Where it was read."),
            Property("state", "string", "What became of it at import."),
        ),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "Ledger",
        "What was observed when: a part of a compressed table. For the store itself.",
        (
            _ID,
            _TENANT,
            Property("kind", "string", "`base`: what nodes said; `sightings`: when the unchanged ones were seen last."),
            Property("part", "integer", "Its number."),
            Property("body", "bytes", "Arrow, compressed."),
        ),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "Gone",
        "A deletion of something that was never seen, so that an older event brings nothing back.",
        (_ID, _TENANT, Property("at", "integer", f"When it was deleted, {_MOMENT}.")),
        indexes=(("tenant",),),
    ),
    NodeLabel(
        "PendingWrite",
        "A piece of a large write, until it is applied. For the store itself.",
        (
            _ID,
            _TENANT,
            Property("write", "string", "Which write."),
            Property("ordinal", "integer", "Its place in it."),
            Property("body", "bytes", "What is to be done, compressed."),
            Property("size", "integer", "Bytes of `body` when unpacked."),
        ),
        indexes=(("tenant",),),
    ),
)

_PATH = Property("path", "string", "Where in the source's document the target is named.")
_STRENGTH = Property("strength", "string", "`hard`, `soft` or `redundant`: what the source loses with the target.")
_SPELT = (
    Property("source", "string", "The source's id as the relationship spells it; absent where that is its key."),
    Property("target", "string", "The target's id, likewise."),
)
_MEANINGS: Final = {
    RelationshipKind.CONTAINS: "The source lives in the target.",
    RelationshipKind.ATTACHED_TO: "The source is attached to the target.",
    RelationshipKind.NETWORK: "The source is reached through the target.",
    RelationshipKind.ROUTES_TO: "The source sends traffic to the target.",
    RelationshipKind.ASSUMES: "The source acts under the target's identity.",
    RelationshipKind.HAS_PERMISSION: "The source may act on the target.",
    RelationshipKind.MEMBER_OF: "The source belongs to the target.",
    RelationshipKind.ENCRYPTED_BY: "The target's key encrypts the source.",
    RelationshipKind.BACKED_UP_BY: "The target keeps copies of the source.",
    RelationshipKind.MOUNTS: "The source mounts the target.",
    RelationshipKind.SECRET_USE: "The source reads a secret from the target.",
    RelationshipKind.DEPLOYED_BY: "The target deploys the source.",
    RelationshipKind.REFERENCES: "The source names the target.",
}

RELATIONSHIPS: Final = (
    RelationshipType("ACCOUNT", "Tenant", "Account", "The tenant has this account."),
    RelationshipType("RESOURCE", "Account", PRESENT, "The tenancy edge: the account has this resource."),
    *(
        RelationshipType(kind.name, "Entity", "Entity", what, (_PATH, _STRENGTH, *_SPELT))
        for kind, what in _MEANINGS.items()
    ),
)


def statements() -> Iterator[str]:
    """Everything that has to be declared before the first write; each may be repeated."""
    for node in NODES:
        name, key = node.name.lower(), node.unique
        yield f"CREATE CONSTRAINT pcg_{name}_{key} IF NOT EXISTS FOR (n:{node.name}) REQUIRE n.{key} IS UNIQUE"
        for properties in node.indexes:
            columns = ", ".join(f"n.{each}" for each in properties)
            yield f"CREATE INDEX pcg_{name}_{'_'.join(properties)} IF NOT EXISTS FOR (n:{node.name}) ON ({columns})"


@lru_cache(maxsize=4_096)
def kind_label(provider: str, type_: str) -> str:
    """The label of a kind: `AWS::EC2::Instance` is `AWSEC2Instance`, as Cartography names it.

    ARM types come in any case, so that theirs is folded: `Microsoft.Compute/virtualMachines` is
    `AzureComputeVirtualmachines`.
    """
    if provider == Provider.AWS:
        return _joined(type_.split("::"), "AWS")
    if provider == Provider.GCP:
        service, _, kind = type_.partition("/")
        return _joined(["GCP", service.partition(".")[0], kind], "GCP")
    head = provider.capitalize()
    folded = type_.lower().removeprefix("microsoft.")
    return _joined([head, *folded.replace(".", "/").split("/")], head)


def _joined(parts: list[str], otherwise: str) -> str:
    words = ["".join(letter for letter in part if letter.isalnum() and letter.isascii()) for part in parts]
    return "".join(word[:1].upper() + word[1:] for word in words if word) or otherwise


def schema_document() -> str:
    """The schema for people, as `docs/graph-schema.md` has it."""
    lines = [_HEAD]
    for node in NODES:
        lines += [f"### {node.name}", "", node.what, "", "| Property | Type | Meaning |", "|---|---|---|"]
        lines += [f"| `{each.name}` | {each.type} | {each.what} |" for each in node.properties]
        indexed = [f"`{node.unique}` (unique)", *("`" + "`, `".join(each) + "`" for each in node.indexes)]
        lines += ["", f"Indexed: {'; '.join(indexed)}.", ""]
    lines += ["## Relationships", "", "| Type | From | To | Meaning |", "|---|---|---|---|"]
    lines += [f"| `{each.name}` | {each.source} | {each.target} | {each.what} |" for each in RELATIONSHIPS]
    lines += ["", "Those between entities have:", ""]
    lines += [f"- `{each.name}` ({each.type}): {each.what}" for each in (_PATH, _STRENGTH, *_SPELT)]
    lines += ["", "## Declarations", "", "```cypher", *(f"{statement};" for statement in statements()), "```", ""]
    return "\n".join(lines)


_HEAD = """# The graph in Neo4j

Written by `pcg store schema`; a test keeps it equal to the declaration in `graph/stores/neo4j_schema.py`.

Begin every query with the tenant, for example `MATCH (:Tenant {id: $tenant})-[:ACCOUNT]->(a)-[:RESOURCE]->(r)`. Only
`Resource` nodes are there now. Ten queries to begin with are in the [README](../README.md), and why `lastupdated` is
kept as it is in [ADR 14](adr/0014-neo4j-writes-what-changed.md).

## Nodes
"""
