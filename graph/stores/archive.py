"""Taking over what another store kept: the parts that every store shares."""

from __future__ import annotations

from collections.abc import Iterable

from domain.errors import ConflictError
from domain.resource import resource_key
from domain.tenancy import TenantId
from graph.stores.contract import Archive, PutCounts, StoredVersion
from graph.stores.merge import MergePlan, NewVersion, fingerprint, require_tenant
from graph.stores.sightings import Sightings


def restoring(archive: Archive, tenant: TenantId) -> MergePlan:
    """The versions of an archive as a merge into an empty store.

    Raises:
        InputError: it is another tenant's.
    """
    require_tenant([version.item for version in archive.versions], tenant)
    return MergePlan(
        added=tuple(_added(archive.versions)),
        touched=Sightings.of(()),
        changes=(),
        counts=PutCounts(),
        unknown_gone=archive.unknown_gone,
    )


def require_empty(*, is_empty: bool, tenant: TenantId) -> None:
    """Refuse to restore over what is there.

    Raises:
        ConflictError: there is something.
    """
    if not is_empty:
        raise ConflictError(
            "the store has this tenant's graph already",
            tenant=tenant,
            todo="Move it away first, or choose another store",
        )


def _added(versions: Iterable[StoredVersion]) -> Iterable[NewVersion]:
    for version in versions:
        item = version.item
        yield NewVersion(
            resource_key(item.uid),
            item,
            fingerprint(item),
            version.at,
            is_retired=version.is_retired,
            is_told=version.is_told,
            seen_at=version.seen_at,
        )
