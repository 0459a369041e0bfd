"""What happened to a resource between two collections, as a provider's event stream or a collector tells it.

An event states the whole new state of one resource, never a difference, so that a late, repeated or reordered event
cannot damage what is known: a store keeps the state with the latest `at`, and everything older is history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from domain.resource import ConfigurationItem, ResourceId
from domain.tenancy import TenantId


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One resource's state from an instant on.

    Args:
        at: when the resource changed, by the provider's clock.
        item: the state it has from then on; None where it was deleted.
        principal: who changed it, as the provider names the caller; empty where the source does not say.
        operation: the provider's name of the call that changed it; empty where the source does not say.
    """

    uid: ResourceId
    at: datetime
    item: ConfigurationItem | None
    principal: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Events of one tenant, published together and applied together.

    Args:
        batch_id: chosen by the publisher; publishing the same id again has no effect.
        source: who published it, such as ``aws-config:123456789012``.
        published_at: by the publisher's clock; measures delay, decides nothing.
    """

    tenant: TenantId
    batch_id: str
    source: str
    published_at: datetime
    events: tuple[ChangeEvent, ...] = field(default=())
