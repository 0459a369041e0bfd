"""Which resource a charge is for.

In this order, each used only where the former found nothing:

1. `id`: the charge's resource id is the resource's, as `domain.resource.resource_key` compares them.
2. `tail`: one side writes an ARN, the other only its last part (`i-0abc`, a bucket's name), in the same account.
3. `name`: the charge's resource name in the charge's sub-account is the name of exactly one resource there.

A charge that fits several resources is not given to any of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, TypeVar

from domain.resource import resource_key


class MatchRule(StrEnum):
    """How a charge found its resource."""

    ID = "id"
    TAIL = "tail"
    NAME = "name"


class Mismatch(StrEnum):
    """Why a charge has no resource."""

    NO_RESOURCE_ID = "no resource id"
    NOT_IN_INVENTORY = "id not in inventory"
    AMBIGUOUS = "id fits several resources"


@dataclass(frozen=True, slots=True)
class Billable:
    """The resources that charges can be for, as columns of equal length."""

    uids: Sequence[str]
    names: Sequence[str]
    scopes: Sequence[str]

    def __post_init__(self) -> None:
        assert len(self.uids) == len(self.names) == len(self.scopes)


@dataclass(frozen=True, slots=True)
class Charged:
    """What a charge says about its resource."""

    resource_id: str | None
    resource_name: str | None
    account: str | None


_ACCOUNT: Final = re.compile(r"/(?:subscriptions|accounts|projects)/([^/]+)", re.IGNORECASE)
_TAIL: Final = re.compile(r"[^/:]*\Z")
_ARN_ACCOUNT: Final = 4
K = TypeVar("K", bound=Hashable)


class Matcher:
    """Finds resources for charges. Indexes are built when the first charge needs them."""

    def __init__(self, resources: Billable) -> None:
        self._resources = resources

    def match(self, charged: Charged) -> tuple[int, MatchRule] | Mismatch:
        """The index of the charge's resource and the rule that found it, or why there is none."""
        if charged.resource_id is not None:
            found = self._by_key.get(resource_key(charged.resource_id))
            if found is not None:
                return found, MatchRule.ID
        account = _account(charged.account)
        by_tail = self._tail_candidates(charged.resource_id, account)
        if len(by_tail) == 1:
            return by_tail[0], MatchRule.TAIL
        by_name = self._name_candidates(charged.resource_name, account)
        if len(by_name) == 1:
            return by_name[0], MatchRule.NAME
        if by_tail or by_name:
            return Mismatch.AMBIGUOUS
        return Mismatch.NO_RESOURCE_ID if charged.resource_id is None else Mismatch.NOT_IN_INVENTORY

    def _tail_candidates(self, resource_id: str | None, account: str) -> list[int]:
        if resource_id is None or "/" in resource_id.partition(":")[0]:
            return []
        is_arn = resource_id.startswith("arn:")
        if not is_arn and ":" in resource_id:
            return []
        found = self._by_tail.get((is_arn, _tail(resource_id)), ())
        account = _account_of_arn(resource_id) or account if is_arn else account
        return [index for index in found if self._accounts[index] in {account, ""} or not account]

    def _name_candidates(self, name: str | None, account: str) -> Sequence[int]:
        return self._by_name.get((account, name.lower()), ()) if name and account else ()

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return {resource_key(uid): index for index, uid in enumerate(self._resources.uids)}

    @cached_property
    def _accounts(self) -> list[str]:
        return [
            _account_of_arn(u) or _account(s) for u, s in zip(self._resources.uids, self._resources.scopes, strict=True)
        ]

    @cached_property
    def _by_tail(self) -> Mapping[tuple[bool, str], list[int]]:
        """By whether the charge is an ARN, and last part: plain ids answer to ARNs, and ARNs to plain ids."""
        return _grouped(
            ((not uid.startswith("arn:"), _tail(uid)), index)
            for index, uid in enumerate(self._resources.uids)
            if uid.startswith("arn:") or not {"/", ":"} & set(uid)
        )

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], list[int]]:
        return _grouped(
            ((self._accounts[index], name.lower()), index) for index, name in enumerate(self._resources.names) if name
        )


def _grouped(pairs: Iterable[tuple[K, int]]) -> Mapping[K, list[int]]:
    groups: defaultdict[K, list[int]] = defaultdict(list)
    for key, index in pairs:
        groups[key].append(index)
    return groups


def _tail(text: str) -> str:
    found = _TAIL.search(text)
    return found.group() if found else text


def _account_of_arn(uid: str) -> str:
    parts = uid.split(":", _ARN_ACCOUNT + 1)
    return parts[_ARN_ACCOUNT] if uid.startswith("arn:") and len(parts) > _ARN_ACCOUNT else ""


def _account(scope: str | None) -> str:
    """The account in a scope or a sub-account id, without case: FOCUS writes Azure's as `/subscriptions/…`."""
    if not scope:
        return ""
    found = _ACCOUNT.findall(scope)
    return (found[-1] if found else scope.strip("/")).lower()
