"""Moving a tenant's graph from one store to another, and proving that nothing was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import IntegrityError
from graph.stores.contract import Archive, GraphStore

HOLDER = "migration"


@dataclass(frozen=True, slots=True)
class Migration:
    """How much was moved."""

    versions: int
    resources: int
    relationships: int
    scans: int
    definitions: int


def migrate(source: GraphStore, target: GraphStore) -> Migration:
    """Copy everything, then read it back and compare.

    The source is claimed first, so that nobody writes there any longer; it keeps what it has.

    Raises:
        ConflictError: the target has something of this tenant already.
        IntegrityError: what came back is not what went in; the target is not to be used.
    """
    source.claim(HOLDER)
    archive = source.archive()
    target.restore(archive)
    differing = differences(archive, target.archive())
    if differing:
        raise IntegrityError(
            "the copy differs from the original",
            tenant=source.tenant,
            parts=differing,
            todo="Keep using the original, and report this",
        )
    return Migration(
        versions=len(archive.versions),
        resources=len(source.items()),
        relationships=len(archive.relationships),
        scans=len(archive.scans),
        definitions=len(archive.definitions),
    )


def differences(one: Archive, other: Archive) -> list[str]:
    """Names of the parts in which two archives differ."""
    return [name for name in Archive.__dataclass_fields__ if getattr(one, name) != getattr(other, name)]
