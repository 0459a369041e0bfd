"""Baselines against resources: what is changed, unmanaged, missing or moved.

Absence is concluded only where it is proven: a resource is missing where it was seen to go, or where everything of its
type in its account was listed. A declaration without an id, such as one that has never been applied, is never missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import Final, TypeVar

from domain.drift import AttributeDrift, Baseline, Declared, Drift, DriftKind
from domain.resource import ConfigurationItem, Provider, ResourceId
from domain.tenancy import TenantId
from graph.drift.compare import compare_documents, compare_loosely, compare_tags
from graph.drift.match import ItemIndex, account_key, is_short, key_of, last_of
from graph.drift.merge import Pair, merged
from graph.drift.providers import ignored_tags, is_made_by_provider, may_have_unread_tags, rules_of
from graph.drift.rules import fold
from graph.snapshot import account_of

NAMESAKES_MAX: Final = 1_000
"""Namesakes that are judged again with a resource; with more, moves are found when everything is judged."""

LIKENESS_MIN: Final = 0.5
"""Of the declared attributes that can be compared, how many a namesake elsewhere must share to be the moved one."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is proven not to be there.

    Args:
        listed: folded types by account, as `account_key` tells it, of which every resource was seen.
        gone: keys of resources that were seen to go.
        unproven: scopes' accounts in which something could not be read; ``*`` for all.
        is_everything: all that there is was seen.
    """

    listed: frozenset[tuple[tuple[Provider, str], str]] = frozenset()
    gone: frozenset[str] = frozenset()
    unproven: frozenset[str] = frozenset()
    is_everything: bool = False

    def proves_absence(self, declared: Declared) -> bool:
        """Whether a resource that was not found is not there."""
        if key_of(declared.uid) in self.gone:
            return True
        if "*" in self.unproven or account_of(declared.scope) in self.unproven:
            return False
        account = account_key(declared.provider, declared.uid, declared.scope)
        return self.is_everything or (account, fold(declared.type)) in self.listed


@dataclass(frozen=True, slots=True)
class Managed:
    """What the baselines of a tenant declare, by the resource that they mean.

    Args:
        by_key: by key of the declared id.
        by_short: by the id, where it is only the last part of a resource's.
        by_name: by type and name.
        without_id: those that know no id.
        accounts: where the baselines declare anything; elsewhere nothing is unmanaged.
    """

    by_key: Mapping[str, tuple[Pair, ...]]
    by_short: Mapping[str, tuple[Pair, ...]]
    by_name: Mapping[tuple[str, str], tuple[Pair, ...]]
    without_id: tuple[Pair, ...]
    accounts: frozenset[tuple[Provider, str]]

    @classmethod
    def of(cls, baselines: Iterable[Baseline]) -> Managed:
        """Everything that they declare."""
        pairs = [(baseline.name, declared) for baseline in baselines for declared in baseline.resources]
        with_id = [pair for pair in pairs if pair[1].uid]
        short = [pair for pair in with_id if is_short(pair[1].uid)]
        return cls(
            by_key=_grouped(with_id, lambda declared: key_of(declared.uid)),
            by_short=_grouped(short, lambda declared: last_of(declared.uid)),
            by_name=_grouped(pairs, _name_of),
            without_id=tuple(pair for pair in pairs if not pair[1].uid),
            accounts=frozenset(account_key(each.provider, each.uid, each.scope) for _, each in pairs),
        )


K = TypeVar("K")


def _grouped(pairs: Iterable[Pair], key: Callable[[Declared], K]) -> dict[K, tuple[Pair, ...]]:
    found: dict[K, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(key(pair[1]), []).append(pair)
    return {each: tuple(some) for each, some in found.items()}


def _name_of(declared: Declared) -> tuple[str, str]:
    return fold(declared.type), declared.name.casefold()


def detect(
    tenant: TenantId, baselines: Sequence[Baseline], items: Iterable[ConfigurationItem], coverage: Coverage
) -> tuple[Drift, ...]:
    """Every drift, in order of id, baseline and kind."""
    detector = Detector(tenant, Managed.of(baselines), ItemIndex.of(items))
    return detector.all(coverage)


@dataclass(slots=True)
class Detector:
    """Compares one tenant's resources with its baselines; keeps an index, so that a change costs its own size."""

    tenant: TenantId
    managed: Managed
    index: ItemIndex
    _claims: set[str] = field(default_factory=set)
    """Keys of resources that a declaration was found to mean."""

    def all(self, coverage: Coverage) -> tuple[Drift, ...]:
        """Every drift there is."""
        self._claims.clear()
        groups: dict[str, list[Pair]] = {}
        lost: list[Pair] = []
        for pair in (*chain.from_iterable(self.managed.by_key.values()), *self.managed.without_id):
            item = self.index.find(pair[1])
            if item is None:
                lost.append(pair)
            else:
                groups.setdefault(key_of(item.uid), []).append(pair)
        self._claims |= groups.keys()
        found = [
            drift
            for key, pairs in groups.items()
            for pair in merged(pairs)
            for drift in self._changed(*pair, self.index.by_key[key])
        ]
        found += [drift for pair in lost for drift in self._absent(*pair, coverage)]
        unclaimed = (item for key, item in self.index.by_key.items() if key not in self._claims)
        found += [self._unmanaged(item) for item in unclaimed if self._counts(item)]
        return _merged(found)

    def of(self, uids: Iterable[str], coverage: Coverage) -> tuple[frozenset[str], tuple[Drift, ...]]:
        """The drifts of some resources, after `index` was told of their new states. Costs their number.

        Returns:
            Keys of everything that was judged, with what may have moved to or from the resources, and its drifts.
        """
        keys = {key_of(uid) for uid in uids}
        keys |= {key for each in keys for key in self._others(each)}
        self._claims.clear()
        found: list[Drift] = []
        unclaimed: list[ConfigurationItem] = []
        for key in sorted(keys, key=lambda each: each in self.index.by_key):
            item = self.index.by_key.get(key)
            pairs = self._declarations_of(key, item)
            if item is None:
                found += [drift for pair in pairs for drift in self._absent(*pair, coverage)]
                continue
            found += [drift for pair in merged(pairs) for drift in self._changed(*pair, item)]
            unclaimed += [] if pairs else [item]
        found += [
            self._unmanaged(item) for item in unclaimed if key_of(item.uid) not in self._claims and self._counts(item)
        ]
        return frozenset(keys), _merged(found)

    def _others(self, key: str) -> set[str]:
        """What a resource that appears or goes may change for its namesakes."""
        item = self.index.by_key.get(key)
        named = [_name_of(declared) for _, declared in self.managed.by_key.get(key, ())]
        named += [(fold(item.type), item.name.casefold())] if item is not None else []
        found: set[str] = set()
        for name in named:
            found |= {key_of(declared.uid) for _, declared in self.managed.by_name.get(name, ()) if declared.uid}
            found |= set(self.index.by_name.get(name, ())) if item is None else set()
        return found if len(found) <= NAMESAKES_MAX else set()

    def _declarations_of(self, key: str, item: ConfigurationItem | None) -> list[Pair]:
        pairs = list(self.managed.by_key.get(key, ()))
        if item is not None:
            nameless = self.managed.by_name.get((fold(item.type), item.name.casefold()), ())
            others = (*self.managed.by_short.get(last_of(key), ()), *(pair for pair in nameless if not pair[1].uid))
            pairs += [pair for pair in others if self.index.find(pair[1]) is item]
        return list({(baseline, declared.address): (baseline, declared) for baseline, declared in pairs}.values())

    def _changed(self, baseline: str, declared: Declared, item: ConfigurationItem) -> list[Drift]:
        attributes, uncompared = compare_declared(declared, item)
        if not attributes:
            return []
        return [self._drift(DriftKind.CHANGED, baseline, declared, item, attributes, uncompared=uncompared)]

    def _absent(self, baseline: str, declared: Declared, coverage: Coverage) -> list[Drift]:
        moved = self._moved(declared)
        if moved is not None:
            self._claims.add(key_of(moved.uid))
            where = (
                AttributeDrift("@id", declared.uid, str(moved.uid)),
                *(
                    AttributeDrift(f"@{name}", before, after)
                    for name, before, after in (
                        ("scope", declared.scope, moved.scope),
                        ("region", declared.region, moved.region),
                    )
                    if before and after and before.casefold() != after.casefold()
                ),
            )
            return [self._drift(DriftKind.MOVED, baseline, declared, moved, where)]
        if declared.is_aspect or not declared.uid or not coverage.proves_absence(declared):
            return []
        return [self._drift(DriftKind.MISSING, baseline, declared, None, ())]

    def _moved(self, declared: Declared) -> ConfigurationItem | None:
        """The one namesake elsewhere that nothing declares and that is like what is declared."""
        if declared.is_aspect or not declared.uid:
            return None
        taken = self.managed.by_key.keys()
        found = [
            item
            for item in self.index.namesakes(declared)
            if key_of(item.uid) not in taken and _is_named_by_id(item) and likeness(declared, item) >= LIKENESS_MIN
        ]
        return found[0] if len(found) == 1 else None

    def _counts(self, item: ConfigurationItem) -> bool:
        """Whether a resource that nobody declares is worth telling."""
        account = account_key(item.provider, item.uid, item.scope)
        return account in self.managed.accounts and not is_made_by_provider(item)

    def _unmanaged(self, item: ConfigurationItem) -> Drift:
        return Drift(
            drift_id=_id(self.tenant, "", DriftKind.UNMANAGED, item.uid),
            kind=DriftKind.UNMANAGED,
            uid=item.uid,
            type=item.type,
            name=item.name,
            scope=item.scope,
            region=item.region,
            changed_at=item.captured_at,
            synthetic=item.synthetic,
        )

    def _drift(
        self,
        kind: DriftKind,
        baseline: str,
        declared: Declared,
        item: ConfigurationItem | None,
        attributes: Sequence[AttributeDrift],
        *,
        uncompared: int = 0,
    ) -> Drift:
        is_moved = kind is DriftKind.MOVED
        uid = declared.uid if item is None or is_moved else item.uid
        return Drift(
            drift_id=_id(self.tenant, baseline, kind, uid),
            kind=kind,
            uid=ResourceId(uid),
            type=declared.type,
            name=declared.name or (item.name if item else ""),
            scope=item.scope if item and not is_moved else declared.scope,
            region=item.region if item and not is_moved else declared.region,
            baseline=baseline,
            address=declared.address,
            attributes=tuple(attributes),
            moved_to=item.uid if item and is_moved else "",
            uncompared=uncompared,
            changed_at=item.captured_at if item else None,
            synthetic=item.synthetic if item else False,
        )


def compare_declared(declared: Declared, item: ConfigurationItem) -> tuple[tuple[AttributeDrift, ...], int]:
    """The attributes in which a resource is not as declared, and how many could not be compared."""
    rules = rules_of(item.provider, declared.type)
    strict = compare_documents(
        declared.properties,
        item.properties,
        rules,
        is_whole=declared.is_whole,
        is_part=declared.is_aspect,
        unread=frozenset(map(_fold_unread, item.unread)),
        unread_before=frozenset(map(_fold_unread, declared.unread)),
    )
    loose = compare_loosely(declared.loose, item.properties, rules)
    tags: list[AttributeDrift] = []
    if declared.tags is not None and not may_have_unread_tags(item):
        tags = compare_tags(declared.tags, item.tags, ignored_tags(item.provider))
    return (*strict.drifts, *loose.drifts, *tags), strict.uncompared


def likeness(declared: Declared, item: ConfigurationItem) -> float:
    """The part of what is declared that a resource shares; 1 where nothing can be compared."""
    rules = rules_of(item.provider, declared.type)
    found = compare_documents(declared.properties, item.properties, rules, unread=frozenset({"*"}))
    return 1.0 if not found.compared else 1 - len(found.drifts) / found.compared


def _fold_unread(name: str) -> str:
    return name if name == "*" else fold(name)


def _is_named_by_id(item: ConfigurationItem) -> bool:
    """Whether a resource's name is part of its id, so that a namesake elsewhere is likely the same one."""
    return bool(item.name) and item.uid.casefold().endswith(item.name.casefold())


def _merged(found: Iterable[Drift]) -> tuple[Drift, ...]:
    """One drift for each id, in order."""
    by_id = {drift.drift_id: drift for drift in found}
    return tuple(sorted(by_id.values(), key=lambda each: (key_of(each.uid), each.baseline, each.kind.value)))


def _id(tenant: TenantId, baseline: str, kind: DriftKind, uid: str) -> str:
    return sha256("\0".join((tenant, baseline, kind.value, key_of(uid))).encode("utf-8", "surrogatepass")).hexdigest()[
        :24
    ]
