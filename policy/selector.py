"""Resource selectors and overrides of assignments: which of the resources in scope, and with which effect.

A resource is selected by an assignment when any of its resource selectors selects it, and by a resource selector when
all of that one's conditions do. A resource without a location is selected by ``resourceWithoutLocation`` alone.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policy.fields import Fields

LOCATION: Final = "resourceLocation"
TYPE: Final = "resourceType"
WITHOUT_LOCATION: Final = "resourceWithoutLocation"
REFERENCE: Final = "policyDefinitionReferenceId"
EFFECT_OVERRIDE: Final = "policyEffect"
VERSION_OVERRIDE: Final = "definitionVersion"

_OF_RESOURCES: Final = (LOCATION, TYPE, WITHOUT_LOCATION)
_OF_OVERRIDES: Final = (REFERENCE, LOCATION)
_WITHOUT_LOCATION_VALUES: Final = frozenset({"subscriptionlevelresources", "true"})
_RESOURCE_SELECTORS_MAX: Final = 10
_OVERRIDES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Traits:
    """What selectors look at; type and location as the provider writes them, location empty where there is none."""

    type: str
    location: str
    is_subscription_level: bool = False


@dataclass(frozen=True, slots=True)
class Selector:
    """One condition: a kind of property, and the folded values it must or must not have.

    Args:
        is_in: whether the values are those that select, or those that do not.
    """

    kind: str
    values: tuple[str, ...]
    is_in: bool

    def selects(self, traits: Traits) -> bool:
        """Whether a resource meets it. A condition on an initiative's references says nothing about resources."""
        if self.kind == REFERENCE:
            return True
        if self.kind == WITHOUT_LOCATION:
            return (not traits.location and traits.is_subscription_level) is self.is_in
        if self.kind == LOCATION:
            return bool(traits.location) and (folded_location(traits.location) in self.values) is self.is_in
        return (traits.type.casefold() in self.values) is self.is_in

    def names(self, reference_id: str) -> bool:
        """Whether it takes a policy of an initiative; one on resources takes every policy."""
        return self.kind != REFERENCE or (reference_id.casefold() in self.values) is self.is_in


@dataclass(frozen=True, slots=True)
class ResourceSelector:
    """A named set of conditions; all must be met."""

    name: str
    selectors: tuple[Selector, ...]

    def selects(self, traits: Traits) -> bool:
        """Whether a resource meets all of them."""
        return all(selector.selects(traits) for selector in self.selectors)


@dataclass(frozen=True, slots=True)
class Override:
    """Another effect, or another version of the definition, for what its selectors take."""

    kind: str
    value: str
    selectors: tuple[Selector, ...] = ()

    def names(self, reference_id: str) -> bool:
        """Whether it is about a policy of the assignment."""
        return all(selector.names(reference_id) for selector in self.selectors)

    @property
    def of_resources(self) -> tuple[Selector, ...]:
        """The conditions that only some resources meet."""
        return tuple(selector for selector in self.selectors if selector.kind != REFERENCE)


def selected(selectors: Iterable[ResourceSelector], traits: Traits) -> bool:
    """Whether a resource is selected: by any of them, or because there are none."""
    found = list(selectors)
    return not found or any(selector.selects(traits) for selector in found)


def folded_location(name: str) -> str:
    """A location in the form in which two spellings of it are equal: ``West Europe`` is ``westeurope``."""
    return "".join(name.split()).casefold()


def parse_resource_selectors(fields: Fields) -> tuple[ResourceSelector, ...]:
    """Read ``resourceSelectors``.

    Raises:
        InvalidDefinition: a selector of an unknown kind, with both or neither of ``in`` and ``notIn``, or repeated.
    """
    found = tuple(_resource_selector(each) for each in fields.objects("resourceSelectors"))
    _require_at_most(found, _RESOURCE_SELECTORS_MAX, "resourceSelectors", fields)
    return found


def parse_overrides(fields: Fields) -> tuple[Override, ...]:
    """Read ``overrides``, in their order.

    Raises:
        InvalidDefinition: an override of an unknown kind, without a value, or with a selector that is not valid.
    """
    found = tuple(_override(each) for each in fields.objects("overrides"))
    _require_at_most(found, _OVERRIDES_MAX, "overrides", fields)
    return found


def _require_at_most(found: tuple[object, ...], most: int, name: str, fields: Fields) -> None:
    if len(found) > most:
        raise fields.wrong(f"too many {name}", name, expected=f"at most {most}", got=len(found))


def _resource_selector(fields: Fields) -> ResourceSelector:
    selectors = _selectors(fields, _OF_RESOURCES)
    kinds = {selector.kind for selector in selectors}
    if {LOCATION, WITHOUT_LOCATION} <= kinds:
        expected = f"{LOCATION} or {WITHOUT_LOCATION}"
        raise fields.wrong("selectors exclude each other", "selectors", expected=expected, got=sorted(kinds))
    return ResourceSelector(fields.optional("name") or "", selectors)


def _override(fields: Fields) -> Override:
    kind = fields.text("kind")
    known = {each.casefold(): each for each in (EFFECT_OVERRIDE, VERSION_OVERRIDE)}
    if kind.casefold() not in known:
        raise fields.wrong("override is of an unknown kind", "kind", expected=list(known.values()), got=kind)
    return Override(known[kind.casefold()], fields.text("value"), _selectors(fields, _OF_OVERRIDES))


def _selectors(fields: Fields, kinds: tuple[str, ...]) -> tuple[Selector, ...]:
    found = tuple(_selector(each, kinds) for each in fields.objects("selectors"))
    names = [selector.kind for selector in found]
    if len(set(names)) < len(names):
        raise fields.wrong("selector kind is used twice", "selectors", expected="each kind once", got=names)
    return found


def _selector(fields: Fields, kinds: tuple[str, ...]) -> Selector:
    kind = fields.text("kind")
    known = {each.casefold(): each for each in kinds}
    if kind.casefold() not in known:
        raise fields.wrong("selector is of an unknown kind", "kind", expected=list(kinds), got=kind)
    within, without = fields.texts("in"), fields.texts("notIn")
    values = within if within is not None else without
    if values is None or (within is not None and without is not None):
        given = [name for name in ("in", "notIn") if fields.body.get(name) is not None]
        raise fields.wrong("selector needs one list", "in", expected="one of in, notIn", got=given)
    name = known[kind.casefold()]
    fold = folded_location if name == LOCATION else str.casefold
    folded = sorted(set(map(fold, values)))
    if name == WITHOUT_LOCATION and not set(folded) <= _WITHOUT_LOCATION_VALUES:
        raise fields.wrong("selector value is unknown", "in", expected=["subscriptionLevelResources"], got=list(values))
    return Selector(name, tuple(folded), within is not None)
