"""What a collection's runs cover, and where its latest one did not see everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.inventory import Inventory
from graph.snapshot import EVERYWHERE, account_of


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """What a store keeps of one collection beside its members.

    Args:
        accounts: accounts of everything that its latest run with resources saw.
        unproven: accounts in which the latest run did not see everything.
        ran_at: end of the latest run.
        proved_at: end of the latest gap-free run, in which every member was seen; None before the first.
    """

    name: str
    accounts: frozenset[str]
    unproven: frozenset[str]
    ran_at: datetime
    proved_at: datetime | None


def covered(inventory: Inventory, *, name: str, at: datetime, before: CollectionRecord | None) -> CollectionRecord:
    """The record of a collection after a run.

    A file that was read in part leaves open what it says of the accounts of its resources. A file or a place of which
    nothing was read could hold resources of any account of the collection, and where none is known, of any at all.
    """
    scopes = {item.scope for item in inventory.items}
    accounts = frozenset(map(account_of, scopes)) or (before.accounts if before is not None else frozenset())
    return CollectionRecord(
        name,
        accounts,
        _unproven(inventory, accounts),
        at,
        at if inventory.is_complete else (before.proved_at if before is not None else None),
    )


def _unproven(inventory: Inventory, accounts: frozenset[str]) -> frozenset[str]:
    gapped = {gap.origin.file for gap in inventory.gaps}
    if not gapped:
        return frozenset()
    accounts_of: dict[str, set[str]] = {}
    for item in inventory.items:
        if item.origin.file in gapped:
            accounts_of.setdefault(item.origin.file, set()).add(account_of(item.scope))
    if gapped - accounts_of.keys():
        return accounts or EVERYWHERE
    return frozenset().union(*accounts_of.values())
