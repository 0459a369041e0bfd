"""Which table speaks of a provider's resources, and what a provider makes by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from domain.resource import ConfigurationItem, Provider
from domain.value import Json
from graph.drift.aws_rules import AWS
from graph.drift.azure_rules import AZURE
from graph.drift.gcp_rules import GCP
from graph.drift.rules import ANY_TYPE, How, ProviderRules, Rule, TypeRules, computed, fold, table, type_rules

KUBERNETES: Final = ProviderRules(
    by_type=table(
        {
            ANY_TYPE: (
                *computed(
                    "status", "metadata.uid", "metadata.resourceversion", "metadata.generation",
                    "metadata.creationtimestamp", "metadata.managedfields", "metadata.selflink", "metadata.labels",
                    "metadata.ownerreferences", "apiversion", "kind",
                ),
                Rule("metadata.annotations", How.MAP),
                *(Rule(f"*.{name}", How.SIZE) for name in ("memory", "storage", "ephemeralstorage")),
            )
        }
    ),
    tag_prefixes=("pod-template-hash", "controller-revision-hash"),
)  # fmt: skip

PROVIDERS: Final[Mapping[Provider, ProviderRules]] = {
    Provider.AWS: AWS,
    Provider.AZURE: AZURE,
    Provider.GCP: GCP,
    Provider.KUBERNETES: KUBERNETES,
}


@lru_cache(maxsize=4_096)
def rules_of(provider: Provider, type_: str) -> TypeRules:
    """What is said of a type."""
    return type_rules(PROVIDERS[provider], type_)


def ignored_tags(provider: Provider) -> tuple[str, ...]:
    """How tags begin that the provider and its tools set."""
    return PROVIDERS[provider].tag_prefixes


def may_have_unread_tags(item: ConfigurationItem) -> bool:
    """Whether a resource without tags may have some that nobody asked for."""
    if item.tags:
        return False
    telling = PROVIDERS[item.provider].tells_tags
    is_unread = any(name == "*" or fold(name) in {"tags", "labels"} for name in item.unread)
    told = any(fold(key) in {"tags", "tagset", "taglist", "labels"} for key in item.properties)
    return is_unread or (telling is not None and not told and fold(item.type) not in telling)


def is_made_by_provider(item: ConfigurationItem) -> bool:
    """Whether nobody could have declared a resource, since the provider made it."""
    for path, pattern in PROVIDERS[item.provider].made_by_provider.get(fold(item.type), ()):
        found = _texts(item.properties, path.split(".")) if path != "name" else [item.name]
        if any(re.fullmatch(pattern, text, re.IGNORECASE) for text in found):
            return True
    return False


def _texts(value: Json | Mapping[str, Json], segments: list[str]) -> list[str]:
    """Every plain value at a folded path, as text."""
    if isinstance(value, list):
        return [text for each in value for text in _texts(each, segments)]
    if not segments:
        return (
            [] if value is None or isinstance(value, Mapping) else [str(value).lower() if value is True else str(value)]
        )
    if not isinstance(value, Mapping):
        return []
    return [text for key, each in value.items() if fold(key) == segments[0] for text in _texts(each, segments[1:])]
